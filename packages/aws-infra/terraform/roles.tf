# One role for each service with what it calls and no more: the actions are in permissions.json, the resources are ours by their names.

locals {
  services = toset(["media-worker", "video-worker", "intake", "web-ui", "cli"])

  # Whose queue each stage's is: only that service takes messages from it.
  receives = {
    for service in local.services : service => [for stage, spec in local.stages : stage if spec.worker == service]
  }
}

data "aws_iam_policy_document" "assumed_by" {
  for_each = toset(["ecs-tasks", "ec2", "sagemaker", "scheduler"])
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
    dynamic "condition" {
      for_each = each.key == "ec2" ? [] : [1]
      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

# --- what the code of a service may do ------------------------------------------------------------------------------

resource "aws_iam_role" "task" {
  for_each           = local.services
  name               = "${var.name}-${each.key}"
  description        = "What the code of ${each.key} may do"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["ecs-tasks"].json
}

data "aws_iam_policy_document" "task" {
  for_each = local.services
  statement {
    sid       = "Tables"
    actions   = local.permissions.services[each.key].table
    resources = flatten([for table in aws_dynamodb_table.this : [table.arn, "${table.arn}/index/*"]])
  }
  statement {
    sid       = "Objects"
    actions   = local.permissions.services[each.key].object
    resources = [for prefix in local.permissions.services[each.key].prefixes : "${aws_s3_bucket.this.arn}/${prefix}*"]
  }
  statement {
    sid       = "Bucket"
    actions   = local.permissions.bucket
    resources = [aws_s3_bucket.this.arn]
  }
  statement {
    sid       = "EveryQueue"
    actions   = local.permissions.queue.every
    resources = [for queue in aws_sqs_queue.stage : queue.arn]
  }
  statement {
    sid       = "DeadLettersAreCounted"
    actions   = local.permissions.queue.dead_counted
    resources = [for queue in aws_sqs_queue.dead : queue.arn]
  }
  dynamic "statement" {
    for_each = length(local.receives[each.key]) > 0 ? [1] : []
    content {
      sid       = "OwnQueues"
      actions   = local.permissions.queue.own
      resources = [for stage in local.receives[each.key] : aws_sqs_queue.stage[stage].arn]
    }
  }
  dynamic "statement" {
    for_each = length(local.receives[each.key]) > 0 ? [1] : []
    content {
      sid       = "OwnDeadLetters"
      actions   = local.permissions.queue.own_dead
      resources = [for stage in local.receives[each.key] : aws_sqs_queue.dead[stage].arn]
    }
  }
  dynamic "statement" {
    for_each = each.key == "video-worker" && local.on_sagemaker ? [1] : []
    content {
      sid       = "Endpoint"
      actions   = ["sagemaker:InvokeEndpointAsync"]
      resources = [for endpoint in aws_sagemaker_endpoint.this : endpoint.arn]
    }
  }
  dynamic "statement" {
    for_each = each.key == "video-worker" && local.on_sagemaker ? [1] : []
    content {
      sid       = "WhyItFailed"
      actions   = ["s3:GetObject"]
      resources = ["${aws_s3_bucket.this.arn}/inference/failures/*"]
    }
  }
}

resource "aws_iam_role_policy" "task" {
  for_each = local.services
  name     = "data-plane"
  role     = aws_iam_role.task[each.key].id
  policy   = data.aws_iam_policy_document.task[each.key].json
}

# --- what ECS needs to start a task ---------------------------------------------------------------------------------

resource "aws_iam_role" "execution" {
  for_each           = local.services
  name               = "${var.name}-${each.key}-start"
  description        = "What ECS needs to start ${each.key}: its image, its log, its secrets"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["ecs-tasks"].json
}

data "aws_iam_policy_document" "execution" {
  for_each = local.services
  statement {
    sid       = "SignInToTheRegistry" # this action knows no resources
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this[local.image_of[each.key]].arn]
  }
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.service[each.key].arn}:*"]
  }
  dynamic "statement" {
    for_each = length(local.secrets_of[each.key]) > 0 ? [1] : []
    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = distinct(values(local.secrets_of[each.key]))
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.services
  name     = "start"
  role     = aws_iam_role.execution[each.key].id
  policy   = data.aws_iam_policy_document.execution[each.key].json
}
