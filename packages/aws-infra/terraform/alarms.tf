# Who is told, and of what: something was given up, something waits too long, something costs too much.

resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsAndBudget"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each  = toset(var.alarm_emails)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each            = local.stages
  alarm_name          = "${var.name}-${each.key}-dead-letters"
  alarm_description   = "A message of ${each.key} was given up; its reason is in the queue ${aws_sqs_queue.dead[each.key].name} (docs/aws.md, dead letters)"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead[each.key].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "waits" {
  for_each            = local.stages
  alarm_name          = "${var.name}-${each.key}-waits"
  alarm_description   = "The oldest message of ${each.key} waits for more than ${var.oldest_message_minutes} minutes (docs/aws.md, stuck jobs)"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.stage[each.key].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.oldest_message_minutes * 60
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# What workers say of jobs in their logs, counted. A count costs nothing while nothing is said.
locals {
  said = {
    failed = { words = "the job failed", description = "A job failed; the pages and `stereo-spot jobs show` say why (docs/aws.md, dead letters)" }
    stuck  = { words = "not reconciled", description = "A job could not be brought on; the log of the media workers says why (docs/aws.md, stuck jobs)" }
  }
  counted = { for pair in setproduct(["media-worker", "video-worker"], keys(local.said)) : "${pair[0]}-${pair[1]}" => { service = pair[0], what = pair[1] } }
}

resource "aws_cloudwatch_log_metric_filter" "jobs" {
  for_each       = local.counted
  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.service[each.value.service].name
  pattern        = "{ $.event = \"${local.said[each.value.what].words}\" }"
  metric_transformation {
    namespace = "StereoSpot/${var.name}"
    name      = "jobs-${each.value.what}"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "jobs" {
  for_each            = local.said
  alarm_name          = "${var.name}-jobs-${each.key}"
  alarm_description   = each.value.description
  namespace           = "StereoSpot/${var.name}"
  metric_name         = "jobs-${each.key}"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_budgets_budget" "monthly" {
  name         = "${var.name}-monthly"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Project$%s", var.name)]
  }
  notification {
    notification_type         = "ACTUAL"
    comparison_operator       = "GREATER_THAN"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
  }
  notification {
    notification_type         = "FORECASTED"
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
  }
  depends_on = [aws_sns_topic_policy.alarms]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for number, widget in [
        { title = "Messages that wait", metric = "ApproximateNumberOfMessagesVisible", queues = aws_sqs_queue.stage },
        { title = "Messages that are worked on", metric = "ApproximateNumberOfMessagesNotVisible", queues = aws_sqs_queue.stage },
        { title = "Age of the oldest message (s)", metric = "ApproximateAgeOfOldestMessage", queues = aws_sqs_queue.stage },
        { title = "Dead letters", metric = "ApproximateNumberOfMessagesVisible", queues = aws_sqs_queue.dead },
        ] : {
        type   = "metric"
        x      = number % 2 * 12
        y      = floor(number / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = var.region
          view    = "timeSeries"
          stat    = "Maximum"
          period  = 60
          metrics = [for stage, queue in widget.queues : ["AWS/SQS", widget.metric, "QueueName", queue.name, { label = stage }]]
        }
      }
    ]
  })
}
