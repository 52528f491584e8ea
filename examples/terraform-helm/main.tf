# Terraform creates the roles, and then installs the chart. The Helm provider gives the
# manifests of the chart to spaces-identity.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }
}

provider "aws" {
  region = "us-west-2"
}

provider "helm" {
  kubernetes = {
    config_path = "~/.kube/config"
  }
}

locals {
  identity_config = "${path.module}/spaces-identity.yaml"
}

resource "helm_release" "spaces" {
  name             = "spaces"
  namespace        = "upbound-system"
  create_namespace = true
  chart            = "${path.module}/charts/spaces-1.13.0.tgz"

  # A program on PATH of the machine that runs Terraform, or its path.
  postrender = {
    binary_path = "spaces-identity"
    args        = ["post-render", "--config", local.identity_config]
  }

  # The provider upgrades a release only if an argument changes. With this line, a change
  # of the config is one.
  description = "spaces-identity.yaml ${filesha256(local.identity_config)}"

  # spaces-identity.tf contains these resources.
  depends_on = [
    aws_iam_role_policy.spaces_mxp-controller,
    aws_iam_role_policy.spaces_vector,
  ]
}
