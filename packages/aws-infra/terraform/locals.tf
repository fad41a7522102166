locals {
  account = data.aws_caller_identity.this.account_id
  arn     = "arn:${data.aws_partition.this.partition}"
  bucket  = "${var.name}-${local.account}-${var.region}"

  # Queues with their timeouts and limits, made from the table of stages by tools/terraform_inputs.py.
  # The last one is no stage: aws-adapters' intake takes from it what S3 says has arrived below incoming/.
  stages = merge(
    jsondecode(file("${path.module}/stages.json")),
    { incoming = { queue = "incoming", worker = "intake", visibility_seconds = 60, max_receives = 15 } },
  )

  prices = jsondecode(file("${path.module}/prices.json"))

  # What each service calls, checked against the code (see permissions.json and packages/aws-infra/tests).
  permissions = jsondecode(file("${path.module}/permissions.json"))

  has_web      = var.web_domain != null
  on_gpu       = var.inference_backend == "gpu_spot"
  on_sagemaker = var.inference_backend == "sagemaker"

  # One image each, and a repository for it.
  images = toset(["media-worker", "video-worker", "video-worker-cuda", "inference-server-cuda", "web-ui", "cli"])
}
