# Restores an index, waits until it serves, and switches traffic to it. A restore that fails fails the apply; after a
# timeout, the next apply goes on with the same restore: the resource that failed is tainted and runs again.
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
}

# Restores it, once for each backup and name, and waits for that.
resource "terraform_data" "restored" {
  triggers_replace = [var.backup, var.index]
  provisioner "local-exec" {
    interpreter = local.shell
    working_dir = path.module
    command     = "exec restore-watch restore \"$BACKUP\" --name \"$INDEX\" --until ready --timeout \"$TIMEOUT\""
    environment = { BACKUP = var.backup, INDEX = var.index, TIMEOUT = var.timeout }
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
