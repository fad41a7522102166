# As many workers as there is work for, and none while there is none.
#
# Each queue pulls at the service that takes from it: so many messages, waiting and held, for each task that runs. What is held counts, or a
# worker would be taken away from the middle of its last message. How many tasks run is the number of samples
# of their CPU metric in a minute, which is free (aws/containers-roadmap#2718); while none runs there is no such metric.
# From nothing, a ratio leads nowhere, so one more alarm starts the first task.

locals {
  per_worker = { media-worker = 2, video-worker = var.segments_per_worker, intake = 100 }
  most       = { media-worker = var.max_media_workers, video-worker = var.max_video_workers, intake = 1 }
  # A stage whose messages only others' machines answer has none to wait for.
  pulled   = { for stage, spec in local.stages : stage => spec if spec.worker != "video-worker" || stage == "render" || local.on_sagemaker }
  running  = "FILL(tasks, 0)"
  messages = "FILL(waiting, 0) + FILL(held, 0)"
}

resource "aws_appautoscaling_target" "worker" {
  for_each           = aws_ecs_service.worker
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${each.value.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 0
  max_capacity       = local.most[each.key]
}

resource "aws_appautoscaling_policy" "backlog" {
  for_each           = local.pulled
  name               = "${var.name}-${each.key}-backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.worker[each.value.worker].service_namespace
  resource_id        = aws_appautoscaling_target.worker[each.value.worker].resource_id
  scalable_dimension = aws_appautoscaling_target.worker[each.value.worker].scalable_dimension
  target_tracking_scaling_policy_configuration {
    target_value       = local.per_worker[each.value.worker]
    scale_out_cooldown = 60
    scale_in_cooldown  = 300
    customized_metric_specification {
      metrics {
        id          = "waiting"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"
            dimensions {
              name  = "QueueName"
              value = aws_sqs_queue.stage[each.key].name
            }
          }
        }
      }
      metrics {
        id          = "held"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesNotVisible"
            dimensions {
              name  = "QueueName"
              value = aws_sqs_queue.stage[each.key].name
            }
          }
        }
      }
      metrics {
        id          = "tasks"
        return_data = false
        metric_stat {
          stat = "SampleCount"
          metric {
            namespace   = "AWS/ECS"
            metric_name = "CPUUtilization"
            dimensions {
              name  = "ClusterName"
              value = aws_ecs_cluster.this.name
            }
            dimensions {
              name  = "ServiceName"
              value = each.value.worker
            }
          }
        }
      }
      metrics {
        id          = "backlog"
        label       = "messages for each task"
        expression  = "(${local.messages}) / IF(${local.running} < 1, 1, ${local.running})"
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_policy" "first" {
  for_each           = aws_appautoscaling_target.worker
  name               = "${var.name}-${each.key}-first"
  policy_type        = "StepScaling"
  service_namespace  = each.value.service_namespace
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.scalable_dimension
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 120
    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "first" {
  for_each            = local.pulled
  alarm_name          = "${var.name}-${each.key}-first-task"
  alarm_description   = "There is work, and nobody to do it: starts the first ${each.value.worker}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.first[each.value.worker].arn]
  metric_query {
    id          = "waiting"
    return_data = false
    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      stat        = "Maximum"
      period      = 60
      dimensions  = { QueueName = aws_sqs_queue.stage[each.key].name }
    }
  }
  metric_query {
    id          = "tasks"
    return_data = false
    metric {
      namespace   = "AWS/ECS"
      metric_name = "CPUUtilization"
      stat        = "SampleCount"
      period      = 60
      dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = each.value.worker }
    }
  }
  metric_query {
    id          = "unattended"
    label       = "messages while no task runs"
    expression  = "IF(${local.running} < 1, FILL(waiting, 0), 0)"
    return_data = true
  }
}

# --- the pages, where they are up for some hours only ---------------------------------------------------------------

resource "aws_appautoscaling_target" "web" {
  count              = local.has_web && var.web_hours != null ? 1 : 0
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.web[0].name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 0
  max_capacity       = 1
  lifecycle {
    ignore_changes = [min_capacity, max_capacity] # of the schedule
  }
}

resource "aws_appautoscaling_scheduled_action" "web" {
  for_each           = length(aws_appautoscaling_target.web) > 0 ? { start = 1, stop = 0 } : {}
  name               = "${var.name}-web-${each.key}"
  service_namespace  = aws_appautoscaling_target.web[0].service_namespace
  resource_id        = aws_appautoscaling_target.web[0].resource_id
  scalable_dimension = aws_appautoscaling_target.web[0].scalable_dimension
  schedule           = var.web_hours[each.key]
  scalable_target_action {
    min_capacity = each.value
    max_capacity = each.value
  }
}
