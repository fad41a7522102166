# The rules that must hold whatever an operator chooses, checked without an account: the provider is a stand-in that invents what AWS would answer.

mock_provider "aws" {
  override_during = plan
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"] }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/mock" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:mock" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:mock" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/mock" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:cluster/mock" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = {
      arn                  = "arn:aws:ecs:us-east-1:123456789012:task-definition/mock:1"
      arn_without_revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/mock"
    }
  }
  mock_resource "aws_autoscaling_group" {
    defaults = { arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/mock" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:resource/mock:policyName/mock" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/mock/1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/mock/1" }
  }
  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:us-east-1:123456789012:certificate/mock"
      domain_validation_options = [
        { domain_name = "films.example", resource_record_name = "_a.films.example", resource_record_type = "CNAME", resource_record_value = "_b.acm.example" },
      ]
    }
  }
  mock_resource "aws_acm_certificate_validation" {
    defaults = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/mock" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:mock" }
  }
  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:us-east-1:123456789012:repository/mock" }
  }
  mock_resource "aws_sagemaker_model" {
    defaults = { arn = "arn:aws:sagemaker:us-east-1:123456789012:model/mock" }
  }
  mock_resource "aws_sagemaker_endpoint" {
    defaults = { arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/mock" }
  }
  mock_resource "aws_cognito_user_pool" {
    defaults = { endpoint = "cognito-idp.us-east-1.amazonaws.com/us-east-1_mock" }
  }
}

variables {
  image_tag     = "test"
  fresh_secrets = { password = "a password", token = "a token" }
}

run "queues" {
  command = plan
  assert {
    condition     = length(aws_sqs_queue.stage) > 0 && alltrue([for stage, queue in aws_sqs_queue.stage : jsondecode(queue.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead[stage].arn])
    error_message = "A queue has no dead-letter queue."
  }
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.stage), values(aws_sqs_queue.dead)) : queue.sqs_managed_sse_enabled])
    error_message = "A queue is not encrypted."
  }
  assert {
    condition     = alltrue([for stage in keys(local.stages) : contains(keys(aws_cloudwatch_metric_alarm.dead_letters), stage) && contains(keys(aws_cloudwatch_metric_alarm.waits), stage)])
    error_message = "Nobody would be told of a stage's dead letters or of its messages that wait."
  }
}

run "nothing_is_public" {
  command = plan
  variables {
    web_domain  = "films.example"
    web_zone_id = "Z1"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket may be made public."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.balancer) == 2 && alltrue([for rule in aws_vpc_security_group_ingress_rule.web : rule.cidr_ipv4 == null])
    error_message = "Somebody else than the load balancer reaches the pages."
  }
  assert {
    condition     = aws_lb_listener.web[0].protocol == "HTTPS" && aws_lb_listener.plain[0].default_action[0].type == "redirect"
    error_message = "The pages are served without HTTPS."
  }
  assert {
    condition     = contains(keys(local.secrets_of["web-ui"]), "STEREO_SPOT_WEB_PASSWORD")
    error_message = "The pages are open without a sign-in."
  }
  assert {
    condition     = aws_lb.web[0].drop_invalid_header_fields
    error_message = "Requests with broken headers reach the pages."
  }
}

run "the_pages_reach_whom_they_tell" {
  command = plan
  variables {
    web_domain        = "films.example"
    web_zone_id       = "Z1"
    private_endpoints = true
  }
  assert {
    condition     = aws_ecs_service.web[0].network_configuration[0].assign_public_ip
    error_message = "Without an address of their own the pages reach no push service and no webhook: there is no NAT."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.web : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null])
    error_message = "Somebody else than the load balancer reaches the pages."
  }
}

run "no_pages_without_a_name" {
  command = plan
  assert {
    condition     = length(aws_lb.web) == 0 && length(aws_ecs_service.web) == 0 && length(aws_vpc_security_group_ingress_rule.balancer) == 0
    error_message = "There is something that costs, or that can be reached, without anybody having asked for pages."
  }
}

run "no_pages_without_a_certificate" {
  command = plan
  variables {
    web_domain = "films.example"
  }
  expect_failures = [aws_lb_listener.web]
}

run "nobody_signs_in_without_a_list" {
  command = plan
  variables {
    web_domain  = "films.example"
    web_zone_id = "Z1"
    sign_in     = "cognito"
  }
  expect_failures = [aws_lb_listener.web]
}

run "sign_in_by_a_user_pool" {
  command = plan
  variables {
    web_domain  = "films.example"
    web_zone_id = "Z1"
    sign_in     = "cognito"
    users       = ["a@films.example"]
  }
  assert {
    condition     = aws_cognito_user_pool.this[0].admin_create_user_config[0].allow_admin_create_user_only
    error_message = "Anybody may sign up."
  }
  assert {
    condition     = !contains(keys(local.secrets_of["web-ui"]), "STEREO_SPOT_WEB_PASSWORD") && contains(keys(local.secrets_of["web-ui"]), "STEREO_SPOT_WEB_OIDC_CLIENT_SECRET")
    error_message = "The pages are not given the secret of their sign-in."
  }
  assert {
    condition     = alltrue([for secret in concat(aws_secretsmanager_secret.token, aws_secretsmanager_secret.cognito) : secret.recovery_window_in_days == 7])
    error_message = "A secret that is protected is not kept when it is destroyed."
  }
}

run "idle_costs_no_machine_on_gpu_spot" {
  command = plan
  assert {
    condition     = aws_autoscaling_group.gpu[0].min_size == 0 && alltrue([for target in aws_appautoscaling_target.worker : target.min_capacity == 0])
    error_message = "Something runs while there is no work."
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.worker : service.desired_count == 0])
    error_message = "A worker is started before there is work."
  }
  assert {
    condition     = toset([for stage, spec in local.stages : stage if stage != "rendered"]) == toset(keys(aws_cloudwatch_metric_alarm.first))
    error_message = "A stage with work would wait for ever: nothing starts its first worker."
  }
  assert {
    condition     = toset(keys(aws_appautoscaling_policy.backlog)) == toset(keys(aws_cloudwatch_metric_alarm.first))
    error_message = "A stage starts its first worker and never a second, or never lets it go."
  }
  assert {
    condition     = aws_autoscaling_group.gpu[0].mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity == 0
    error_message = "GPUs are not of the Spot market."
  }
  assert {
    condition     = aws_launch_template.gpu[0].metadata_options[0].http_tokens == "required" && aws_launch_template.gpu[0].metadata_options[0].http_put_response_hop_limit == 1 && aws_launch_template.gpu[0].key_name == null
    error_message = "A machine's credentials can be asked for from inside a container, or somebody can log in."
  }
}

run "idle_costs_no_instance_on_sagemaker" {
  command = plan
  variables {
    inference_backend = "sagemaker"
  }
  assert {
    condition     = aws_appautoscaling_target.inference[0].min_capacity == 0
    error_message = "The endpoint keeps an instance while there is no work."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.inference_first[0].metric_name == "HasBacklogWithoutCapacity" && length(aws_autoscaling_group.gpu) == 0
    error_message = "Nothing starts the first instance."
  }
  assert {
    condition     = alltrue([for subscription in aws_sns_topic_subscription.inference : subscription.endpoint == aws_sqs_queue.stage["rendered"].arn]) && length(aws_sns_topic_subscription.inference) == 2
    error_message = "The endpoint's answers do not reach the queue of the stage rendered."
  }
  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.first), "rendered")
    error_message = "Answers would wait while no worker runs."
  }
}

run "an_endpoint_can_be_changed" {
  command = plan
  variables {
    name              = "twenty-two-characters1"
    inference_backend = "sagemaker"
    image_tag         = "v1.2_3"
  }
  assert {
    condition     = aws_sagemaker_endpoint_configuration.this[0].name_prefix != null
    error_message = "Another type of machine would need a second configuration of the same name."
  }
  assert {
    condition = endswith(aws_sagemaker_model.this[0].name, substr(sha256(jsonencode({
      image       = aws_sagemaker_model.this[0].primary_container[0].image
      environment = aws_sagemaker_model.this[0].primary_container[0].environment
    })), 0, 12))
    error_message = "Another image or environment would need a second model of the same name."
  }
  assert {
    condition     = can(regex("^[a-zA-Z0-9]([a-zA-Z0-9-]{0,62})$", aws_sagemaker_model.this[0].name))
    error_message = "SageMaker takes no such name."
  }
}

run "cpu" {
  command = plan
  variables {
    inference_backend = "cpu"
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.worker : one(service.capacity_provider_strategy).capacity_provider == "FARGATE_SPOT"])
    error_message = "Workers are not of the Spot market."
  }
}

run "a_server_of_yours_needs_its_address" {
  command = plan
  variables {
    inference_backend = "http"
  }
  expect_failures = [aws_ecs_service.worker]
}

run "jobs_under_way_are_not_taken_for_old" {
  command = plan
  variables {
    expire_jobs_days = 3
  }
  expect_failures = [var.expire_jobs_days]
}

run "a_token_travels_encrypted" {
  command = plan
  variables {
    inference_backend = "http"
    inference_url     = "http://gpu.example"
  }
  expect_failures = [var.inference_url]
}

run "a_server_that_nothing_is_let_out_to" {
  command = plan
  variables {
    inference_backend = "http"
    inference_url     = "https://gpu.example:8443/render"
  }
  expect_failures = [var.inference_url]
}

run "a_server_at_the_one_port" {
  command = plan
  variables {
    inference_backend = "http"
    inference_url     = "https://gpu.example:443/render"
  }
  assert {
    condition     = contains([for rule in aws_vpc_security_group_egress_rule.worker : rule.to_port], 443)
    error_message = "Workers do not reach the inference server."
  }
}

run "a_provider_that_nothing_is_let_out_to" {
  command = plan
  variables {
    web_domain  = "films.example"
    web_zone_id = "Z1"
    sign_in     = "oidc"
    users       = ["a@films.example"]
    oidc        = { issuer = "https://id.example:8443/realm", client_id = "pages", client_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine" }
  }
  expect_failures = [var.oidc]
}

run "a_provider_at_the_one_port" {
  command = plan
  variables {
    web_domain  = "films.example"
    web_zone_id = "Z1"
    sign_in     = "oidc"
    users       = ["a@films.example"]
    oidc        = { issuer = "https://id.example/realm", client_id = "pages", client_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine" }
  }
  assert {
    condition     = local.secrets_of["web-ui"]["STEREO_SPOT_WEB_OIDC_CLIENT_SECRET"] == var.oidc.client_secret_arn
    error_message = "The pages are not given the secret of their sign-in."
  }
}

run "containers" {
  command = plan
  assert {
    condition = alltrue([
      for task in aws_ecs_task_definition.this : alltrue([
        for container in jsondecode(task.container_definitions) :
        container.readonlyRootFilesystem && container.user == "10001:10001" && contains(container.linuxParameters.capabilities.drop, "ALL")
      ])
    ])
    error_message = "A container runs as root, may write to its image, or has a capability."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "An image could be replaced under its tag, or is not scanned."
  }
  assert {
    condition = alltrue([
      for policy in aws_ecr_lifecycle_policy.this : alltrue([
        for rule in jsondecode(policy.policy).rules : rule.selection.countType != "imageCountMoreThan" || rule.selection.tagStatus == "tagged"
      ])
    ])
    error_message = "Parts of images, which have no tag, are counted among the versions to roll back to."
  }
}

run "roles" {
  command = plan
  variables {
    inference_backend = "sagemaker"
    web_domain        = "films.example"
    web_zone_id       = "Z1"
  }
  assert {
    condition = alltrue(flatten([
      for document in concat(values(data.aws_iam_policy_document.task), values(data.aws_iam_policy_document.execution), data.aws_iam_policy_document.inference, [data.aws_iam_policy_document.reconcile]) : [
        for statement in document.statement : !contains(statement.resources, "*") || toset(statement.actions) == toset(["ecr:GetAuthorizationToken"])
      ]
    ]))
    error_message = "A role may do something to everything."
  }
  assert {
    condition = alltrue(flatten([
      for document in concat(values(data.aws_iam_policy_document.task), values(data.aws_iam_policy_document.execution), data.aws_iam_policy_document.inference, [data.aws_iam_policy_document.reconcile]) : [
        for statement in document.statement : [for action in statement.actions : !strcontains(action, "*")]
      ]
    ]))
    error_message = "A role may do everything of some kind."
  }
  assert {
    condition     = !contains(flatten([for statement in data.aws_iam_policy_document.task["web-ui"].statement : statement.actions]), "sqs:ReceiveMessage")
    error_message = "The pages may take the workers' messages."
  }
  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.task["video-worker"].statement :
      contains(statement.actions, "s3:GetObject") && contains(statement.resources, "${aws_s3_bucket.this.arn}/inference/failures/*")
    ])
    error_message = "The video workers may not read why the endpoint failed."
  }
}

run "nobody_reads_answers_of_an_endpoint_that_is_not_there" {
  command = plan
  assert {
    condition     = !strcontains(jsonencode([for document in data.aws_iam_policy_document.task : document.statement]), "/inference/")
    error_message = "A role may read what no service of it needs."
  }
}

run "unfinished_jobs_are_looked_after" {
  command = plan
  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.reconcile.statement :
      contains(statement.actions, "ecs:RunTask") && contains(statement.resources, aws_scheduler_schedule.reconcile.target[0].ecs_parameters[0].task_definition_arn)
    ])
    error_message = "The schedule may not start the task that it names."
  }
  assert {
    condition = aws_scheduler_schedule.reconcile.target[0].ecs_parameters[0].propagate_tags == null || anytrue([
      for statement in data.aws_iam_policy_document.reconcile.statement :
      contains(statement.actions, "ecs:TagResource")
      && contains(statement.resources, "arn:aws:ecs:us-east-1:123456789012:task/${aws_ecs_cluster.this.name}/*")
      && anytrue([for condition in statement.condition : condition.variable == "ecs:CreateAction" && contains(condition.values, "RunTask")])
    ])
    error_message = "The schedule may not give its task the tags that it is to have, so none starts."
  }
}

run "data_is_kept" {
  command = plan
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.billing_mode == "PAY_PER_REQUEST" && table.point_in_time_recovery[0].enabled && table.deletion_protection_enabled])
    error_message = "A table costs while it is idle, or can be lost."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "The bucket would be destroyed with what is in it."
  }
}

run "what_was_destroyed_can_be_applied_again" {
  command = plan
  variables {
    deletion_protection = false
    inference_backend   = "http"
    inference_url       = "https://gpu.example"
    web_domain          = "films.example"
    web_zone_id         = "Z1"
  }
  assert {
    condition = alltrue([
      for secret in concat(aws_secretsmanager_secret.password, aws_secretsmanager_secret.token, aws_secretsmanager_secret.inference_token, aws_secretsmanager_secret.cognito) :
      secret.recovery_window_in_days == 0
    ])
    error_message = "The name of a secret stays taken after it was destroyed."
  }
}

run "nothing_is_left_for_ever" {
  command = plan
  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.status == "Enabled" && try(rule.filter[0].prefix == "inference/" && rule.expiration[0].days > 14, false)])
    error_message = "Answers of an endpoint stay for ever, or go while a message may still speak of them."
  }
  assert {
    condition = alltrue([
      for policy in aws_ecr_lifecycle_policy.this : length([for rule in jsondecode(policy.policy).rules : rule if rule.selection.tagStatus == "untagged"]) == 1
    ])
    error_message = "What no image needs any more stays for ever."
  }
}

run "somebody_is_told" {
  command = plan
  variables {
    alarm_emails = ["a@films.example"]
  }
  assert {
    condition     = tolist(tolist(aws_budgets_budget.monthly.cost_filter)[0].values) == tolist(["user:Project$stereo-spot"])
    error_message = "The budget counts by another tag than that of our resources."
  }
  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.dead_letters), values(aws_cloudwatch_metric_alarm.waits), values(aws_cloudwatch_metric_alarm.jobs)) : tolist(alarm.alarm_actions) == tolist([aws_sns_topic.alarms.arn])])
    error_message = "An alarm reaches nobody."
  }
  assert {
    condition     = aws_sns_topic_subscription.alarms["a@films.example"].topic_arn == aws_sns_topic.alarms.arn
    error_message = "Nobody listens to the alarms."
  }
}
