# The tables of aws-adapters, billed by request. Their keys are compared with those of the code by packages/aws-infra/tests.

locals {
  tables = {
    jobs = {
      partition = { name = "job_id", type = "S" }
      global = {
        by-time   = { partition = { name = "shard", type = "S" }, sort = { name = "place", type = "S" }, include = ["name"] }
        by-status = { partition = { name = "status_shard", type = "S" }, sort = { name = "place", type = "S" }, include = ["name"] }
      }
    }
    completions = {
      partition = { name = "job_id", type = "S" }
      sort      = { name = "segment_index", type = "N" }
      local     = { by-segment = { sort = { name = "counted", type = "N" } } }
    }
    slots    = { partition = { name = "pool", type = "S" } }
    activity = { partition = { name = "job_id", type = "S" }, sort = { name = "place", type = "S" }, expires = "expires" }
  }

  table_attributes = {
    for name, table in local.tables : name => distinct(concat(
      [table.partition],
      try([table.sort], []),
      flatten([for index in values(try(table.global, {})) : [index.partition, index.sort]]),
      [for index in values(try(table.local, {})) : index.sort],
    ))
  }
}

resource "aws_dynamodb_table" "this" {
  for_each                    = local.tables
  name                        = "${var.name}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = var.deletion_protection
  hash_key                    = each.value.partition.name
  range_key                   = try(each.value.sort.name, null)

  dynamic "attribute" {
    for_each = local.table_attributes[each.key]
    content {
      name = attribute.value.name
      type = attribute.value.type
    }
  }
  dynamic "global_secondary_index" {
    for_each = try(each.value.global, {})
    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.partition.name
      range_key          = global_secondary_index.value.sort.name
      projection_type    = "INCLUDE"
      non_key_attributes = global_secondary_index.value.include
    }
  }
  dynamic "local_secondary_index" {
    for_each = try(each.value.local, {})
    content {
      name            = local_secondary_index.key
      range_key       = local_secondary_index.value.sort.name
      projection_type = "KEYS_ONLY"
    }
  }
  dynamic "ttl" {
    for_each = try([each.value.expires], [])
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled = true # by the key that AWS manages for this account
  }
}
