# A network without NAT: a gateway endpoint carries what is large (objects, items) for nothing, and the little rest (queues, images, logs) goes
# out by each machine's own address, which is paid for only while the machine runs. Nothing comes in but at the load balancer.

data "aws_availability_zones" "this" {
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = slice(data.aws_availability_zones.this.names, 0, min(var.zones, length(data.aws_availability_zones.this.names)))
  # What tasks, and machines that run tasks, need besides S3 and DynamoDB.
  endpoints = toset(concat(
    var.private_endpoints ? ["sqs", "ecr.api", "ecr.dkr", "logs", "secretsmanager"] : [],
    var.private_endpoints && local.on_gpu ? ["ecs", "ecs-agent", "ecs-telemetry"] : [],
    var.private_endpoints && local.on_sagemaker ? ["sagemaker.runtime"] : [],
  ))
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id # no rules: who is in no group of ours reaches nothing
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "this" {
  for_each          = { for number, zone in local.zones : zone => number }
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value)
  tags              = { Name = "${var.name}-${each.key}" }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.this.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "this" {
  for_each       = aws_subnet.this
  subnet_id      = each.value.id
  route_table_id = aws_route_table.this.id
}

resource "aws_vpc_endpoint" "gateway" {
  for_each          = toset(["s3", "dynamodb"])
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this.id]
  tags              = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.endpoints
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.this : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  tags                = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "endpoints" {
  count       = var.private_endpoints ? 1 : 0
  name        = "${var.name}-endpoints"
  description = "Interface endpoints, for the workers and the pages"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each                     = var.private_endpoints ? merge({ worker = aws_security_group.worker.id }, { for group in aws_security_group.web : "web" => group.id }) : {}
  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "HTTPS of ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_security_group" "worker" {
  name        = "${var.name}-worker"
  description = "Workers: they ask, nobody asks them"
  vpc_id      = aws_vpc.this.id
}

# Port 80 too: a source may be given by an address that has no certificate. Which addresses may be asked, the ingest itself decides.
resource "aws_vpc_security_group_egress_rule" "worker" {
  for_each          = toset(["80", "443"])
  security_group_id = aws_security_group.worker.id
  description       = "What workers fetch"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}
