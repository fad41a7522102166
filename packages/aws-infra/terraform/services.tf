# What runs: a task definition for each service, and the services that keep as many of them as there is work for.

locals {
  image_of = {
    media-worker = "media-worker"
    video-worker = local.on_gpu ? "video-worker-cuda" : "video-worker"
    intake       = "cli"
    web-ui       = "web-ui"
    cli          = "cli"
  }

  # vCPU in 1/1024, memory in MiB, disk in GiB. On a machine with a GPU the one task has it to itself: 12 of the 16 GiB of a g4dn.xlarge.
  size_of = {
    media-worker = { cpu = 2048, memory = 4096, disk = var.media_worker_scratch_gib }
    video-worker = merge(
      { disk = 21 },
      {
        gpu_spot  = { cpu = 3072, memory = 12288 }
        cpu       = { cpu = 4096, memory = 8192 }
        sagemaker = { cpu = 512, memory = 1024 }
        http      = { cpu = 512, memory = 1024 }
      }[var.inference_backend],
    )
    web-ui = { cpu = 512, memory = 1024, disk = 50 } # disk: a preview looks at a copy of its source
    intake = { cpu = 256, memory = 512, disk = 21 }
    cli    = { cpu = 256, memory = 512, disk = 21 }
  }

  # The same as in the env file that `terraform-output` writes, so that everybody speaks to the same platform.
  platform_environment = {
    STORAGE_ADAPTER         = "aws"
    STEREO_SPOT_AWS_PREFIX  = var.name
    STEREO_SPOT_AWS_BUCKET  = aws_s3_bucket.this.id
    AWS_REGION              = var.region
    STEREO_SPOT_LOG_FORMAT  = "json"
    STEREO_SPOT_SCRATCH_DIR = "/scratch"
    TMPDIR                  = "/scratch"
  }
  worker_environment = {
    STEREO_SPOT_RECEIVE_WAIT_SECONDS = "20" # each poll is paid for
    STEREO_SPOT_REPORT_SECONDS       = "10" # and so is each sign of life
    STEREO_SPOT_STOP_SECONDS         = "60" # a Spot machine goes two minutes after it is told
  }
  worker_cost = {
    for cost in [lookup(local.prices.worker_hour, var.inference_backend, null)] : "STEREO_SPOT_WORKER_HOUR_COST" => tostring(cost) if cost != null
  }
  environment_of = {
    media-worker = local.worker_environment
    video-worker = merge(local.worker_environment, local.worker_cost, {
      gpu_spot = {
        STEREO_SPOT_INFERENCE_BACKEND    = "local"
        STEREO_SPOT_RENDER_ADDRESS_SPACE = "0" # CUDA maps more than there is
      }
      cpu       = { STEREO_SPOT_INFERENCE_BACKEND = "local" }
      sagemaker = { STEREO_SPOT_INFERENCE_BACKEND = "sagemaker", STEREO_SPOT_SAGEMAKER_ENDPOINT = "${var.name}-inference" }
      http      = { STEREO_SPOT_INFERENCE_BACKEND = "http", STEREO_SPOT_INFERENCE_URL = coalesce(var.inference_url, "https://missing.invalid") }
    }[var.inference_backend])
    intake = {}
    web-ui = local.web_environment
    cli    = {}
  }
}

resource "aws_ecs_task_definition" "this" {
  for_each                 = local.services
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = [each.key == "video-worker" && local.on_gpu ? "EC2" : "FARGATE"]
  # On machines of our own a container uses the machine's address; with one of its own it would have none that reaches the internet.
  network_mode       = each.key == "video-worker" && local.on_gpu ? "bridge" : "awsvpc"
  cpu                = local.size_of[each.key].cpu
  memory             = local.size_of[each.key].memory
  task_role_arn      = aws_iam_role.task[each.key].arn
  execution_role_arn = aws_iam_role.execution[each.key].arn

  dynamic "ephemeral_storage" {
    for_each = each.key == "video-worker" && local.on_gpu || local.size_of[each.key].disk == 21 ? [] : [local.size_of[each.key].disk]
    content {
      size_in_gib = ephemeral_storage.value
    }
  }
  volume {
    name = "scratch"
  }
  container_definitions = jsonencode([
    merge(
      {
        name                   = each.key
        image                  = "${aws_ecr_repository.this[local.image_of[each.key]].repository_url}:${var.image_tag}"
        essential              = true
        user                   = "10001:10001"
        readonlyRootFilesystem = true
        stopTimeout            = 90
        environment = [
          for name, value in merge(local.platform_environment, local.environment_of[each.key]) : { name = name, value = value }
        ]
        secrets     = [for name, arn in local.secrets_of[each.key] : { name = name, valueFrom = arn }]
        mountPoints = [{ sourceVolume = "scratch", containerPath = "/scratch", readOnly = false }]
        linuxParameters = {
          capabilities = { drop = ["ALL"] }
        }
        logConfiguration = {
          logDriver = "awslogs"
          options = {
            awslogs-group         = aws_cloudwatch_log_group.service[each.key].name
            awslogs-region        = var.region
            awslogs-stream-prefix = "task"
          }
        }
      },
      each.key == "web-ui" ? { portMappings = [{ containerPort = 8088, hostPort = 8088, protocol = "tcp" }] } : {},
      each.key == "cli" ? { command = ["reconcile"] } : {},
      each.key == "intake" ? { entryPoint = ["tini", "--", "python", "-m", "stereo_spot_aws_adapters.incoming"] } : {},
      each.key == "video-worker" && local.on_gpu ? { resourceRequirements = [{ type = "GPU", value = "1" }] } : {},
    )
  ])
}

resource "aws_ecs_service" "worker" {
  for_each        = toset(["media-worker", "video-worker", "intake"])
  name            = each.key
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this[each.key].arn
  desired_count   = 0
  propagate_tags  = "SERVICE"
  capacity_provider_strategy {
    capacity_provider = each.key == "video-worker" && local.on_gpu ? aws_ecs_capacity_provider.gpu[0].name : "FARGATE_SPOT"
    weight            = 1
  }
  dynamic "network_configuration" {
    for_each = each.key == "video-worker" && local.on_gpu ? [] : [1]
    content {
      subnets         = [for subnet in aws_subnet.this : subnet.id]
      security_groups = [aws_security_group.worker.id]
      # Those that ask an address of somebody else's need a way out; the others do without one where there are endpoints.
      assign_public_ip = !var.private_endpoints || each.key == "media-worker" || var.inference_backend == "http"
    }
  }
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  depends_on = [aws_ecs_cluster_capacity_providers.this, aws_iam_role_policy.task, aws_iam_role_policy.execution]
  lifecycle {
    ignore_changes = [desired_count] # of the scaling
    precondition {
      condition     = var.inference_backend != "http" || var.inference_url != null
      error_message = "The backend http needs inference_url."
    }
  }
}
