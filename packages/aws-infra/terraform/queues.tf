# A queue and its dead-letter queue for each stage, and for what arrives in the bucket. The names are those of aws-adapters.
# This version of the provider knows no message above 256 KiB, where SQS and aws-adapters know 1 MiB; ours are some hundred bytes.

resource "aws_sqs_queue" "dead" {
  for_each                  = local.stages
  name                      = "${var.name}-${each.value.queue}-dead"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "stage" {
  for_each                   = local.stages
  name                       = "${var.name}-${each.value.queue}"
  visibility_timeout_seconds = each.value.visibility_seconds
  message_retention_seconds  = 14 * 24 * 3600
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = each.value.max_receives
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = merge(
    { for stage, queue in aws_sqs_queue.stage : stage => queue.arn },
    { for stage, queue in aws_sqs_queue.dead : "${stage}-dead" => queue.arn },
  )
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
  dynamic "statement" {
    for_each = each.key == "incoming" ? [1] : []
    content {
      sid       = "EventsOfTheBucket"
      actions   = ["sqs:SendMessage"]
      resources = [each.value]
      principals {
        type        = "Service"
        identifiers = ["s3.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [aws_s3_bucket.this.arn]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
  dynamic "statement" {
    for_each = local.on_sagemaker && each.key == "rendered" ? [1] : []
    content {
      sid       = "AnswersOfTheEndpoint"
      actions   = ["sqs:SendMessage"]
      resources = [each.value]
      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [for topic in aws_sns_topic.inference : topic.arn]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "stage" {
  for_each  = local.stages
  queue_url = aws_sqs_queue.stage[each.key].url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

resource "aws_sqs_queue_policy" "dead" {
  for_each  = local.stages
  queue_url = aws_sqs_queue.dead[each.key].url
  policy    = data.aws_iam_policy_document.queue["${each.key}-dead"].json
}
