# GPUs of the Spot market: whichever of several types in several zones is cheap and to be had. None while there is nothing to render.

data "aws_iam_policy_document" "gpu" {
  count = local.on_gpu ? 1 : 0
  statement {
    sid       = "FindTheCluster" # this action knows no resources
    actions   = ["ecs:DiscoverPollEndpoint"]
    resources = ["*"]
  }
  statement {
    sid = "JoinTheCluster"
    actions = [
      "ecs:DeregisterContainerInstance",
      "ecs:RegisterContainerInstance",
      "ecs:SubmitAttachmentStateChanges",
      "ecs:SubmitContainerStateChange",
      "ecs:SubmitTaskStateChange",
    ]
    resources = [aws_ecs_cluster.this.arn]
  }
  statement {
    sid       = "WorkThere"
    actions   = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
    resources = ["${local.arn}:ecs:${var.region}:${local.account}:container-instance/${var.name}/*"]
  }
}

resource "aws_iam_role" "gpu" {
  count              = local.on_gpu ? 1 : 0
  name               = "${var.name}-gpu"
  description        = "Machines with a GPU: to work for the cluster"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["ec2"].json
}

resource "aws_iam_role_policy" "gpu" {
  count  = local.on_gpu ? 1 : 0
  name   = "cluster"
  role   = aws_iam_role.gpu[0].id
  policy = data.aws_iam_policy_document.gpu[0].json
}

resource "aws_iam_instance_profile" "gpu" {
  count = local.on_gpu ? 1 : 0
  name  = "${var.name}-gpu"
  role  = aws_iam_role.gpu[0].name
}

resource "aws_launch_template" "gpu" {
  count                  = local.on_gpu ? 1 : 0
  name                   = "${var.name}-gpu"
  image_id               = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
  update_default_version = true
  iam_instance_profile {
    arn = aws_iam_instance_profile.gpu[0].arn
  }
  # No key pair and no way in. Tokens of the metadata service do not reach into containers: one hop.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  network_interfaces {
    associate_public_ip_address = !var.private_endpoints
    delete_on_termination       = true
    security_groups             = [aws_security_group.worker.id]
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = 80
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }
  monitoring {
    enabled = false # every five minutes is enough, and free
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-gpu", Project = var.name }
  }
  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "${var.name}-gpu", Project = var.name }
  }
  user_data = base64encode(<<-TOML
    #!/bin/bash
    cat >> /etc/ecs/ecs.config <<'CONFIG'
    ECS_CLUSTER=${var.name}
    ECS_ENABLE_GPU_SUPPORT=true
    ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
    ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true
    ECS_CONTAINER_STOP_TIMEOUT=90s
    ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
    CONFIG
  TOML
  )
}

resource "aws_autoscaling_group" "gpu" {
  count                 = local.on_gpu ? 1 : 0
  name                  = "${var.name}-gpu"
  vpc_zone_identifier   = [for subnet in aws_subnet.this : subnet.id]
  min_size              = 0
  max_size              = var.max_video_workers
  protect_from_scale_in = false # a segment that loses its machine is rendered again by another
  capacity_rebalance    = true
  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.gpu_on_demand_base
      on_demand_percentage_above_base_capacity = 0
      spot_allocation_strategy                 = "price-capacity-optimized"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.gpu[0].id
        version            = aws_launch_template.gpu[0].latest_version
      }
      dynamic "override" {
        for_each = var.gpu_instance_types
        content {
          instance_type = override.value
        }
      }
    }
  }
  tag {
    key                 = "AmazonECSManaged"
    value               = "true"
    propagate_at_launch = true
  }
  lifecycle {
    ignore_changes = [desired_capacity] # of ECS's scaling
  }
}

resource "aws_ecs_capacity_provider" "gpu" {
  count = local.on_gpu ? 1 : 0
  name  = "${var.name}-gpu"
  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.gpu[0].arn
    managed_termination_protection = "DISABLED"
    managed_draining               = "ENABLED"
    managed_scaling {
      status                    = "ENABLED"
      target_capacity           = 100
      minimum_scaling_step_size = 1
      maximum_scaling_step_size = var.max_video_workers
      instance_warmup_period    = 120
    }
  }
}
