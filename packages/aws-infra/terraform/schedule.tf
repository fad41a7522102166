# Queues are hints and the store is the truth: where a message was lost while no media worker runs, this finds its job again.

data "aws_iam_policy_document" "reconcile" {
  statement {
    sid     = "Start"
    actions = ["ecs:RunTask"]
    # A task that is named without a revision, as below, is no member of "all revisions".
    resources = [
      aws_ecs_task_definition.this["cli"].arn_without_revision,
      "${aws_ecs_task_definition.this["cli"].arn_without_revision}:*",
    ]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.this.arn]
    }
  }
  statement {
    sid       = "WithItsTags" # a task that is to have tags is refused to whoever may not give them
    actions   = ["ecs:TagResource"]
    resources = ["${local.arn}:ecs:${var.region}:${local.account}:task/${var.name}/*"]
    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RunTask"]
    }
  }
  statement {
    sid       = "WithItsRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.task["cli"].arn, aws_iam_role.execution["cli"].arn]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "reconcile" {
  name               = "${var.name}-reconcile"
  description        = "What the schedule needs to start the look after unfinished jobs"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["scheduler"].json
}

resource "aws_iam_role_policy" "reconcile" {
  name   = "start"
  role   = aws_iam_role.reconcile.id
  policy = data.aws_iam_policy_document.reconcile.json
}

resource "aws_scheduler_schedule" "reconcile" {
  name                = "${var.name}-reconcile"
  description         = "Looks after unfinished jobs"
  schedule_expression = "rate(${var.reconcile_minutes} minutes)"
  state               = var.image_tag == "none" ? "DISABLED" : "ENABLED"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 5
  }
  target {
    arn      = aws_ecs_cluster.this.arn
    role_arn = aws_iam_role.reconcile.arn
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.this["cli"].arn_without_revision
      task_count          = 1
      propagate_tags      = "TASK_DEFINITION"
      capacity_provider_strategy {
        capacity_provider = "FARGATE_SPOT"
        weight            = 1
      }
      network_configuration {
        subnets          = [for subnet in aws_subnet.this : subnet.id]
        security_groups  = [aws_security_group.worker.id]
        assign_public_ip = !var.private_endpoints
      }
    }
    retry_policy {
      maximum_retry_attempts = 2
    }
  }
  depends_on = [aws_iam_role_policy.reconcile]
}
