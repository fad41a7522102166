# The pages: only with a name, only over HTTPS, and never without a sign-in. Without `web_domain` there is nothing of all this.

locals {
  web_environment = merge(
    {
      STEREO_SPOT_WEB_HOST     = "0.0.0.0"
      STEREO_SPOT_WEB_BASE_URL = "https://${coalesce(var.web_domain, "nowhere.invalid")}"
      # Only the load balancer reaches the task: what it says of who asks is believed.
      FORWARDED_ALLOW_IPS = "*"
      # Jobs say what they cost, from the price table of the code.
      STEREO_SPOT_WEB_EGRESS_GIGABYTE_COST = tostring(local.prices.egress_gigabyte)
    },
    { for cost in [lookup(local.prices.worker_hour, var.inference_backend, null)] : "STEREO_SPOT_WEB_WORKER_HOUR_COST" => tostring(cost) if cost != null },
    local.has_web && var.sign_in == "cognito" ? {
      STEREO_SPOT_WEB_OIDC_ISSUER    = "https://${aws_cognito_user_pool.this[0].endpoint}"
      STEREO_SPOT_WEB_OIDC_CLIENT_ID = aws_cognito_user_pool_client.this[0].id
      STEREO_SPOT_WEB_OIDC_USERS     = jsonencode(var.users)
    } : {},
    local.has_web && var.sign_in == "oidc" ? {
      STEREO_SPOT_WEB_OIDC_ISSUER    = var.oidc.issuer
      STEREO_SPOT_WEB_OIDC_CLIENT_ID = var.oidc.client_id
      STEREO_SPOT_WEB_OIDC_USERS     = jsonencode(var.users)
    } : {},
  )
  certificate = try(coalesce(var.web_certificate_arn, one(aws_acm_certificate_validation.web[*].certificate_arn)), null)
}

resource "aws_security_group" "balancer" {
  count       = local.has_web ? 1 : 0
  name        = "${var.name}-balancer"
  description = "The load balancer: whom web_sources names, over HTTPS"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each          = { for pair in setproduct(local.has_web ? var.web_sources : [], [80, 443]) : "${pair[0]}:${pair[1]}" => pair }
  security_group_id = aws_security_group.balancer[0].id
  description       = each.value[1] == 80 ? "to be sent on to HTTPS" : "HTTPS"
  cidr_ipv4         = each.value[0]
  ip_protocol       = "tcp"
  from_port         = each.value[1]
  to_port           = each.value[1]
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  count                        = local.has_web ? 1 : 0
  security_group_id            = aws_security_group.balancer[0].id
  description                  = "to the pages"
  referenced_security_group_id = aws_security_group.web[0].id
  ip_protocol                  = "tcp"
  from_port                    = 8088
  to_port                      = 8088
}

resource "aws_security_group" "web" {
  count       = local.has_web ? 1 : 0
  name        = "${var.name}-web"
  description = "The pages: asked by the load balancer only"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  count                        = local.has_web ? 1 : 0
  security_group_id            = aws_security_group.web[0].id
  description                  = "from the load balancer"
  referenced_security_group_id = aws_security_group.balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = 8088
  to_port                      = 8088
}

resource "aws_vpc_security_group_egress_rule" "web" {
  count             = local.has_web ? 1 : 0
  security_group_id = aws_security_group.web[0].id
  description       = "the platform, the provider of the sign-in, notifications"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_lb" "web" {
  count                      = local.has_web ? 1 : 0
  name                       = "${var.name}-web"
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = [for subnet in aws_subnet.this : subnet.id]
  security_groups            = [aws_security_group.balancer[0].id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  idle_timeout               = 120 # longer than the pause between two signs of life of the live progress
}

resource "aws_lb_target_group" "web" {
  count                = local.has_web ? 1 : 0
  name                 = "${var.name}-web"
  vpc_id               = aws_vpc.this.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 8088
  deregistration_delay = 30
  health_check {
    path    = "/health"
    matcher = "200"
  }
}

resource "aws_lb_listener" "web" {
  count             = local.has_web ? 1 : 0
  load_balancer_arn = aws_lb.web[0].arn
  protocol          = "HTTPS"
  port              = 443
  certificate_arn   = local.certificate
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web[0].arn
  }
  depends_on = [aws_secretsmanager_secret_version.token, aws_secretsmanager_secret_version.password]
  lifecycle {
    precondition {
      condition     = (var.web_certificate_arn == null) != (var.web_zone_id == null)
      error_message = "The pages are served over HTTPS only: web_domain needs web_zone_id (a certificate is made) or web_certificate_arn (one of yours), and not both."
    }
    precondition {
      condition     = var.sign_in == "password" || length(var.users) > 0
      error_message = "With cognito and oidc, users must say who may sign in."
    }
    precondition {
      condition     = (var.sign_in == "oidc") == (var.oidc != null)
      error_message = "The sign-in oidc needs the variable oidc, and no other does."
    }
  }
}

resource "aws_lb_listener" "plain" {
  count             = local.has_web ? 1 : 0
  load_balancer_arn = aws_lb.web[0].arn
  protocol          = "HTTP"
  port              = 80
  default_action {
    type = "redirect"
    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_ecs_service" "web" {
  count                             = local.has_web ? 1 : 0
  name                              = "web-ui"
  cluster                           = aws_ecs_cluster.this.id
  task_definition                   = aws_ecs_task_definition.this["web-ui"].arn
  desired_count                     = 1
  propagate_tags                    = "SERVICE"
  health_check_grace_period_seconds = 60
  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }
  network_configuration {
    subnets         = [for subnet in aws_subnet.this : subnet.id]
    security_groups = [aws_security_group.web[0].id]
    # Push services, webhooks and the provider of a sign-in are somewhere in the internet, and there is no NAT. Nobody comes in by this address.
    assign_public_ip = true
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.web[0].arn
    container_name   = "web-ui"
    container_port   = 8088
  }
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  depends_on = [aws_lb_listener.web, aws_ecs_cluster_capacity_providers.this, aws_iam_role_policy.task, aws_iam_role_policy.execution]
  lifecycle {
    ignore_changes = [desired_count] # of the schedule, and of who starts and stops it by hand
  }
}

# --- the name and its certificate -----------------------------------------------------------------------------------

resource "aws_acm_certificate" "web" {
  count             = local.has_web && var.web_zone_id != null ? 1 : 0
  domain_name       = var.web_domain
  validation_method = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "proof" {
  count           = length(aws_acm_certificate.web)
  zone_id         = var.web_zone_id
  name            = tolist(aws_acm_certificate.web[0].domain_validation_options)[0].resource_record_name
  type            = tolist(aws_acm_certificate.web[0].domain_validation_options)[0].resource_record_type
  records         = [tolist(aws_acm_certificate.web[0].domain_validation_options)[0].resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "web" {
  count                   = length(aws_acm_certificate.web)
  certificate_arn         = aws_acm_certificate.web[0].arn
  validation_record_fqdns = [aws_route53_record.proof[0].fqdn]
}

resource "aws_route53_record" "web" {
  count   = length(aws_acm_certificate.web)
  zone_id = var.web_zone_id
  name    = var.web_domain
  type    = "A"
  alias {
    name                   = aws_lb.web[0].dns_name
    zone_id                = aws_lb.web[0].zone_id
    evaluate_target_health = false
  }
}

# --- sign-in by a user pool -----------------------------------------------------------------------------------------

resource "aws_cognito_user_pool" "this" {
  count                    = local.has_web && var.sign_in == "cognito" ? 1 : 0
  name                     = var.name
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  admin_create_user_config {
    allow_admin_create_user_only = true # nobody signs up by themselves
  }
  password_policy {
    minimum_length                   = 14
    require_lowercase                = false
    require_numbers                  = false
    require_symbols                  = false
    require_uppercase                = false
    temporary_password_validity_days = 7
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  count        = length(aws_cognito_user_pool.this)
  user_pool_id = aws_cognito_user_pool.this[0].id
  domain       = "${var.name}-${local.account}"
}

resource "aws_cognito_user_pool_client" "this" {
  count                                = length(aws_cognito_user_pool.this)
  user_pool_id                         = aws_cognito_user_pool.this[0].id
  name                                 = "web-ui"
  generate_secret                      = true
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid", "email"]
  callback_urls                        = ["https://${var.web_domain}/sign-in/oidc/done"]
  supported_identity_providers         = ["COGNITO"]
  prevent_user_existence_errors        = "ENABLED"
}

resource "aws_cognito_user" "this" {
  for_each     = length(aws_cognito_user_pool.this) > 0 ? toset(var.users) : toset([])
  user_pool_id = aws_cognito_user_pool.this[0].id
  username     = each.key
  attributes   = { email = each.key, email_verified = "true" }
}

# Cognito makes the client's secret, and Terraform reads it: this one is in the state, which is encrypted and not public.
resource "aws_secretsmanager_secret" "cognito" {
  count                   = length(aws_cognito_user_pool.this)
  name                    = "${var.name}/web-oidc-client"
  description             = "The secret of the pages at their user pool"
  recovery_window_in_days = var.deletion_protection ? 7 : 0
}

resource "aws_secretsmanager_secret_version" "cognito" {
  count         = length(aws_secretsmanager_secret.cognito)
  secret_id     = aws_secretsmanager_secret.cognito[0].id
  secret_string = aws_cognito_user_pool_client.this[0].client_secret
}
