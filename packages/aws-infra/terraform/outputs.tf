output "environment" {
  description = "What every program needs to use this platform, as environment variables; `terraform-output` writes them to a file."
  value = {
    STORAGE_ADAPTER        = "aws"
    STEREO_SPOT_AWS_PREFIX = var.name
    STEREO_SPOT_AWS_BUCKET = aws_s3_bucket.this.id
    AWS_REGION             = var.region
  }
}

output "image_tag" {
  description = "Which images run."
  value       = var.image_tag
}

output "cluster" {
  description = "Where tasks run."
  value       = aws_ecs_cluster.this.name
}

output "images" {
  description = "The images that this choice of backend and pages runs, and where each is pushed."
  value = {
    for name in concat(
      [local.image_of["media-worker"], local.image_of["video-worker"], local.image_of["cli"]],
      local.has_web ? [local.image_of["web-ui"]] : [],
      local.on_sagemaker ? ["inference-server-cuda"] : [],
    ) : name => aws_ecr_repository.this[name].repository_url
  }
}

output "pages" {
  description = "Where the pages are, if there are any."
  value       = local.has_web ? "https://${var.web_domain}" : null
}

output "roles" {
  description = "The role of each service's code."
  value       = { for service, role in aws_iam_role.task : service => role.arn }
}
