# Restores an index, waits until it serves, and switches traffic to it. A restore that fails fails the apply; after a
# timeout, the next apply goes on waiting: the resource that failed is tainted and runs again, earlier ones do not.
# It needs switch-traffic.sh beside it, and PINECONE_API_KEY in the environment of terraform; as a variable it could end up
# in the state.
terraform {
  required_version = ">= 1.4"
}

variable "backup" {
  type        = string
  description = "Id of the backup"
}

variable "index" {
  type        = string
  description = "Name of the index to make of it"
}

variable "timeout" {
  type        = string
  description = "How long to wait; 90s, 10m or 1h30m"
  default     = "2h"
}

locals {
  shell = ["bash", "-euo", "pipefail", "-c"]
  # Must be kept until the wait ended, if terraform runs on another machine each time.
  started = "restore-${var.index}.json"
}

# Starts the restore, once for each backup and name.
resource "terraform_data" "restore" {
  triggers_replace = [var.backup, var.index]
  provisioner "local-exec" {
    interpreter = local.shell
    working_dir = path.module
    command     = "pc index restore --id \"$BACKUP\" --name \"$INDEX\" --json | tee \"$STARTED\""
    environment = { BACKUP = var.backup, INDEX = var.index, STARTED = local.started }
  }
}

# Waits for it.
resource "terraform_data" "restored" {
  triggers_replace = [terraform_data.restore.id]
  provisioner "local-exec" {
    interpreter = local.shell
    working_dir = path.module
    command     = "exec restore-watch wait --from-file \"$STARTED\" --until ready --timeout \"$TIMEOUT\""
    environment = { STARTED = local.started, TIMEOUT = var.timeout }
  }
}

# Resources that need the index depend on the wait.
resource "terraform_data" "switch_traffic" {
  triggers_replace = [terraform_data.restored.id]
  provisioner "local-exec" {
    interpreter = local.shell
    working_dir = path.module
    command     = "./switch-traffic.sh \"$INDEX\""
    environment = { INDEX = var.index }
  }
}
