# Everything that an operator may choose. Without any of it there is a pipeline that renders on GPUs of the Spot market, costs nothing for
# machines while there is no work, and is used from your own machine; `web_domain` adds the pages.

variable "name" {
  description = "How the names of everything begin."
  type        = string
  default     = "stereo-spot"
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,21}$", var.name))
    error_message = "At most 22 small letters, digits and hyphens: names of load balancers are no longer."
  }
}

variable "region" {
  description = "Where everything runs."
  type        = string
  default     = "us-east-1"
}

variable "tags" {
  description = "Further tags of everything, by which bills are split."
  type        = map(string)
  default     = {}
}

# --- machines -------------------------------------------------------------------------------------------------------

variable "inference_backend" {
  description = "Where segments are rendered: gpu_spot (GPUs of the Spot market), cpu (Fargate), sagemaker (an asynchronous endpoint) or http (a server of yours)."
  type        = string
  default     = "gpu_spot"
  validation {
    condition     = contains(["gpu_spot", "cpu", "sagemaker", "http"], var.inference_backend)
    error_message = "One of gpu_spot, cpu, sagemaker, http."
  }
}

variable "gpu_instance_types" {
  description = "Of gpu_spot: the types that are taken, whichever is cheap and to be had. All need one GPU, and memory as g4dn.xlarge has."
  type        = list(string)
  default     = ["g4dn.xlarge", "g5.xlarge", "g6.xlarge", "g4dn.2xlarge", "g5.2xlarge", "g6.2xlarge"]
  validation {
    condition     = length(var.gpu_instance_types) > 0
    error_message = "At least one type."
  }
}

variable "gpu_on_demand_base" {
  description = "Of gpu_spot: so many machines are not of the Spot market (once there is work at all)."
  type        = number
  default     = 0
}

variable "sagemaker_instance_type" {
  description = "Of sagemaker."
  type        = string
  default     = "ml.g4dn.xlarge"
}

variable "inference_url" {
  description = "Of http: where the inference server listens."
  type        = string
  default     = null
  validation {
    condition     = var.inference_url == null || can(regex("^https://[^/:@]+(:443)?(/.*)?$", var.inference_url))
    error_message = "An address that begins with https://, since a token travels there, and of port 443: no other is let out."
  }
}

variable "max_video_workers" {
  description = "How many segments are rendered at once at most (machines with a GPU, tasks, or instances of the endpoint)."
  type        = number
  default     = 8
  validation {
    condition     = var.max_video_workers >= 1
    error_message = "At least one."
  }
}

variable "max_media_workers" {
  description = "How many videos are cut and joined at once at most."
  type        = number
  default     = 4
  validation {
    condition     = var.max_media_workers >= 1
    error_message = "At least one."
  }
}

variable "segments_per_worker" {
  description = "How many segments may wait for each video worker before another is started. Lower is faster, higher is cheaper."
  type        = number
  default     = 3
  validation {
    condition     = var.segments_per_worker >= 1
    error_message = "At least one."
  }
}

variable "media_worker_scratch_gib" {
  description = "Disk of a media worker: a source and its result must fit (Fargate has 21 to 200)."
  type        = number
  default     = 100
  validation {
    condition     = var.media_worker_scratch_gib >= 21 && var.media_worker_scratch_gib <= 200
    error_message = "Between 21 and 200."
  }
}

variable "reconcile_minutes" {
  description = "How often unfinished jobs are looked after while no media worker runs (running ones do so by themselves)."
  type        = number
  default     = 60
  validation {
    condition     = var.reconcile_minutes >= 5
    error_message = "At least 5."
  }
}

variable "image_tag" {
  description = "Which images run: the tag that `aws-infra:deploy` pushed."
  type        = string
  default     = "none"
}

# --- network --------------------------------------------------------------------------------------------------------

variable "cidr" {
  description = "Addresses of the network: a /16."
  type        = string
  default     = "10.60.0.0/16"
}

variable "zones" {
  description = "How many availability zones are used. More find more GPUs on the Spot market."
  type        = number
  default     = 3
  validation {
    condition     = var.zones >= 2 && var.zones <= 6
    error_message = "Between 2 and 6."
  }
}

variable "private_endpoints" {
  description = "Whether queues, images, logs and secrets are reached by interface endpoints instead of over the internet gateway (about $0.01 an hour for each service and zone, always)."
  type        = bool
  default     = false
}

# --- pages ----------------------------------------------------------------------------------------------------------

variable "web_domain" {
  description = "The name at which the pages are served, over HTTPS. Without one there are none, and no load balancer that costs."
  type        = string
  default     = null
}

variable "web_zone_id" {
  description = "The Route 53 zone in which that name, and its certificate's proof, are written."
  type        = string
  default     = null
}

variable "web_certificate_arn" {
  description = "A certificate of yours instead, where the name is kept elsewhere."
  type        = string
  default     = null
}

variable "web_sources" {
  description = "Networks that may reach the pages. Everybody must sign in besides."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "sign_in" {
  description = "How people sign in: password (drawn by chance, in Secrets Manager), cognito (a user pool is made), or oidc (a provider of yours)."
  type        = string
  default     = "password"
  validation {
    condition     = contains(["password", "cognito", "oidc"], var.sign_in)
    error_message = "One of password, cognito, oidc."
  }
}

variable "users" {
  description = "Of cognito and oidc: e-mail addresses that may sign in."
  type        = list(string)
  default     = []
}

variable "oidc" {
  description = "Of oidc: the provider, and the secret of Secrets Manager (its ARN) that holds the client's secret."
  type = object({
    issuer            = string
    client_id         = string
    client_secret_arn = string
  })
  default = null
  validation {
    condition     = var.oidc == null || can(regex("^https://[^/:@]+(:443)?(/.*)?$", var.oidc.issuer))
    error_message = "The issuer is an address that begins with https://, and of port 443: no other is let out."
  }
}

variable "fresh_secrets" {
  description = "A password and a token, drawn anew at each run by tools/terraform.py. They are written when their secrets are made, and ignored ever after."
  type        = object({ password = string, token = string })
  ephemeral   = true
  default     = { password = "", token = "" }
}

variable "web_hours" {
  description = "When the pages are up, as two cron expressions in UTC, for example {start = \"cron(0 6 * * ? *)\", stop = \"cron(0 22 * * ? *)\"}. Without it, always."
  type        = object({ start = string, stop = string })
  default     = null
}

# --- what is kept, and who is told ----------------------------------------------------------------------------------

variable "expire_jobs_days" {
  description = "Everything of a job is removed after so many days, whatever it is doing; 0: never by itself (the pages have a retention of their own)."
  type        = number
  default     = 0
  validation {
    condition     = var.expire_jobs_days == 0 || var.expire_jobs_days >= 14
    error_message = "0, or at least 14: what is removed of a job that still waits or runs cannot be made again."
  }
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "alarm_emails" {
  description = "Who is told of alarms. Each must confirm an e-mail."
  type        = list(string)
  default     = []
}

variable "oldest_message_minutes" {
  description = "A message that waits longer raises an alarm."
  type        = number
  default     = 120
}

variable "monthly_budget" {
  description = "US dollars a month: at 80 % of it, and when more is forecast, somebody is told."
  type        = number
  default     = 50
}

variable "deletion_protection" {
  description = "Whether tables and the load balancer refuse to be destroyed, the bucket does while it holds objects, and secrets that were destroyed are kept for seven days."
  type        = bool
  default     = true
}
