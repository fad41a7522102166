# Where tasks run, and where they write what they do.

resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "disabled" # the metrics that scaling needs are free; those of Container Insights are not
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = concat(["FARGATE", "FARGATE_SPOT"], [for provider in aws_ecs_capacity_provider.gpu : provider.name])
}

resource "aws_cloudwatch_log_group" "service" {
  for_each          = local.services
  name              = "/${var.name}/${each.key}"
  retention_in_days = var.log_days
}
