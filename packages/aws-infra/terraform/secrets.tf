# Those of ours are handed in freshly drawn (tools/terraform.py), written once where they are kept, and never part of the state.

locals {
  # What each service is given of Secrets Manager: environment variable to ARN. Whoever of the two is not asked for has no secret.
  secrets_of = {
    media-worker = {}
    intake       = {}
    cli          = {}
    video-worker = { for secret in aws_secretsmanager_secret.inference_token : "STEREO_SPOT_INFERENCE_TOKEN" => secret.arn }
    web-ui = merge(
      { for secret in aws_secretsmanager_secret.password : "STEREO_SPOT_WEB_PASSWORD" => secret.arn },
      { for secret in aws_secretsmanager_secret.token : "STEREO_SPOT_WEB_TOKEN" => secret.arn },
      { for secret in aws_secretsmanager_secret.cognito : "STEREO_SPOT_WEB_OIDC_CLIENT_SECRET" => secret.arn },
      local.has_web && var.sign_in == "oidc" ? { STEREO_SPOT_WEB_OIDC_CLIENT_SECRET = var.oidc.client_secret_arn } : {},
    )
  }
}

# What people sign in with, and what programs send. While AWS keeps a secret that was destroyed, its name is taken: none is kept of what is not
# protected, so that everything can be applied again.
resource "aws_secretsmanager_secret" "password" {
  count                   = local.has_web && var.sign_in == "password" ? 1 : 0
  name                    = "${var.name}/web-password"
  description             = "What people sign in with at the pages"
  recovery_window_in_days = var.deletion_protection ? 7 : 0
}

resource "aws_secretsmanager_secret_version" "password" {
  count                    = length(aws_secretsmanager_secret.password)
  secret_id                = aws_secretsmanager_secret.password[0].id
  secret_string_wo         = var.fresh_secrets.password
  secret_string_wo_version = 1
}

resource "aws_secretsmanager_secret" "token" {
  count                   = local.has_web ? 1 : 0
  name                    = "${var.name}/web-token"
  description             = "What programs send to the pages' API: Authorization: Bearer"
  recovery_window_in_days = var.deletion_protection ? 7 : 0
}

resource "aws_secretsmanager_secret_version" "token" {
  count                    = length(aws_secretsmanager_secret.token)
  secret_id                = aws_secretsmanager_secret.token[0].id
  secret_string_wo         = var.fresh_secrets.token
  secret_string_wo_version = 1
}

# The token of an inference server of yours: you write it there.
resource "aws_secretsmanager_secret" "inference_token" {
  count                   = var.inference_backend == "http" ? 1 : 0
  name                    = "${var.name}/inference-token"
  description             = "What the video workers send to the inference server"
  recovery_window_in_days = var.deletion_protection ? 7 : 0
}
