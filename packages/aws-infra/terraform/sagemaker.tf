# The backend sagemaker: an asynchronous endpoint whose instances go to none, and come back when something waits.

data "aws_iam_policy_document" "inference" {
  count = local.on_sagemaker ? 1 : 0
  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this.arn}/jobs/*", "${aws_s3_bucket.this.arn}/inference/*"]
  }
  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this.arn]
  }
  statement {
    sid       = "Answers"
    actions   = ["sns:Publish"]
    resources = [for topic in aws_sns_topic.inference : topic.arn]
  }
  statement {
    sid       = "SignInToTheRegistry" # this action knows no resources
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this["inference-server-cuda"].arn]
  }
  statement {
    sid     = "Log"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [
      "${aws_cloudwatch_log_group.inference[0].arn}:*",
    ]
  }
}

resource "aws_iam_role" "inference" {
  count              = local.on_sagemaker ? 1 : 0
  name               = "${var.name}-inference"
  description        = "What the inference endpoint may do"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["sagemaker"].json
}

resource "aws_iam_role_policy" "inference" {
  count  = local.on_sagemaker ? 1 : 0
  name   = "inference"
  role   = aws_iam_role.inference[0].id
  policy = data.aws_iam_policy_document.inference[0].json
}

resource "aws_cloudwatch_log_group" "inference" {
  count             = local.on_sagemaker ? 1 : 0
  name              = "/aws/sagemaker/Endpoints/${var.name}-inference"
  retention_in_days = var.log_days
}

# Neither a model nor a configuration of an endpoint can be changed, so each change makes another, under another name, before the old one goes.
locals {
  inference_container = {
    image = "${aws_ecr_repository.this["inference-server-cuda"].repository_url}:${var.image_tag}"
    environment = merge(
      { for name, value in local.platform_environment : name => value if !contains(["STEREO_SPOT_SCRATCH_DIR", "TMPDIR"], name) },
      {
        STEREO_SPOT_INFERENCE_SERVER_HOST              = "0.0.0.0"
        STEREO_SPOT_INFERENCE_SERVER_NETWORK_IS_CLOSED = "true" # only SageMaker reaches the container
        STEREO_SPOT_RENDER_ADDRESS_SPACE               = "0"
      },
    )
  }
}

resource "aws_sagemaker_model" "this" {
  count              = local.on_sagemaker ? 1 : 0
  name               = "${var.name}-inference-${substr(sha256(jsonencode(local.inference_container)), 0, 12)}"
  execution_role_arn = aws_iam_role.inference[0].arn
  primary_container {
    image       = local.inference_container.image
    environment = local.inference_container.environment
  }
  depends_on = [aws_iam_role_policy.inference]
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sns_topic" "inference" {
  for_each          = local.on_sagemaker ? toset(["succeeded", "failed"]) : toset([])
  name              = "${var.name}-inference-${each.key}"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "inference" {
  for_each             = aws_sns_topic.inference
  topic_arn            = each.value.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.stage["rendered"].arn
  raw_message_delivery = true # the queue holds what SageMaker says, without an envelope
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  count       = local.on_sagemaker ? 1 : 0
  name_prefix = "${var.name}-inference-"
  production_variants {
    variant_name           = "all"
    model_name             = aws_sagemaker_model.this[0].name
    instance_type          = var.sagemaker_instance_type
    initial_instance_count = 1
  }
  async_inference_config {
    client_config {
      max_concurrent_invocations_per_instance = 2 # one is rendered while the next is fetched
    }
    output_config {
      s3_output_path  = "s3://${aws_s3_bucket.this.id}/inference/answers/"
      s3_failure_path = "s3://${aws_s3_bucket.this.id}/inference/failures/"
      notification_config {
        success_topic = aws_sns_topic.inference["succeeded"].arn
        error_topic   = aws_sns_topic.inference["failed"].arn
      }
    }
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "this" {
  count                = local.on_sagemaker ? 1 : 0
  name                 = "${var.name}-inference"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this[0].name
}

resource "aws_appautoscaling_target" "inference" {
  count              = local.on_sagemaker ? 1 : 0
  service_namespace  = "sagemaker"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this[0].name}/variant/all"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  min_capacity       = 0
  max_capacity       = var.max_video_workers
}

resource "aws_appautoscaling_policy" "inference" {
  count              = local.on_sagemaker ? 1 : 0
  name               = "${var.name}-inference-backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.inference[0].service_namespace
  resource_id        = aws_appautoscaling_target.inference[0].resource_id
  scalable_dimension = aws_appautoscaling_target.inference[0].scalable_dimension
  target_tracking_scaling_policy_configuration {
    target_value       = var.segments_per_worker
    scale_out_cooldown = 60
    scale_in_cooldown  = 300
    customized_metric_specification {
      namespace   = "AWS/SageMaker"
      metric_name = "ApproximateBacklogSizePerInstance"
      statistic   = "Average"
      dimensions {
        name  = "EndpointName"
        value = aws_sagemaker_endpoint.this[0].name
      }
    }
  }
}

resource "aws_appautoscaling_policy" "inference_first" {
  count              = local.on_sagemaker ? 1 : 0
  name               = "${var.name}-inference-first"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.inference[0].service_namespace
  resource_id        = aws_appautoscaling_target.inference[0].resource_id
  scalable_dimension = aws_appautoscaling_target.inference[0].scalable_dimension
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Average"
    cooldown                = 300
    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "inference_first" {
  count               = local.on_sagemaker ? 1 : 0
  alarm_name          = "${var.name}-inference-first-instance"
  alarm_description   = "Something waits and there is no instance: starts the first"
  namespace           = "AWS/SageMaker"
  metric_name         = "HasBacklogWithoutCapacity"
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "missing"
  dimensions          = { EndpointName = aws_sagemaker_endpoint.this[0].name }
  alarm_actions       = [aws_appautoscaling_policy.inference_first[0].arn]
}
