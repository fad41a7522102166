# The bucket of sources, segments and results. Nobody reads it but the services, and whom the pages hand an address that is signed for one object
# and ends soon (decision record 22).

resource "aws_s3_bucket" "this" {
  bucket        = local.bucket
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256" # with a key of KMS every request of every segment would be paid for twice
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  # An upload may be gone on with for a week (aws-adapters' UPLOAD_DAYS): its parts, and a day later what was written down of it, go then.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {
      prefix = ""
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
  rule {
    id     = "upload-states"
    status = "Enabled"
    filter {
      prefix = "uploads/"
    }
    expiration {
      days = 8
    }
  }
  # What an endpoint of SageMaker answered, until no message can speak of it any more (a queue keeps them for 14 days).
  rule {
    id     = "inference-answers"
    status = "Enabled"
    filter {
      prefix = "inference/"
    }
    expiration {
      days = 15
    }
  }
  rule {
    id     = "jobs"
    status = var.expire_jobs_days > 0 ? "Enabled" : "Disabled"
    filter {
      prefix = "jobs/"
    }
    expiration {
      days = max(1, var.expire_jobs_days)
    }
  }
}

# Browsers send videos straight here: from the pages in the cloud, or from pages on one's own machine.
resource "aws_s3_bucket_cors_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  cors_rule {
    allowed_methods = ["PUT"]
    allowed_origins = concat(local.has_web ? ["https://${var.web_domain}"] : [], ["http://localhost:8088", "http://127.0.0.1:8088"])
    max_age_seconds = 3600
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid     = "OnlyEncryptedConnections"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      aws_s3_bucket.this.arn,
      "${aws_s3_bucket.this.arn}/*",
    ]
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
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  policy     = data.aws_iam_policy_document.bucket.json
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# A film that somebody copies to incoming/ becomes a job.
resource "aws_s3_bucket_notification" "this" {
  bucket = aws_s3_bucket.this.id
  queue {
    id            = "incoming"
    queue_arn     = aws_sqs_queue.stage["incoming"].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "incoming/"
  }
  depends_on = [aws_sqs_queue_policy.stage]
}
