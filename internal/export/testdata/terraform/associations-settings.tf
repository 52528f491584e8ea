# The associations of component mxp-controller, for the role
# arn:aws:iam::123456789012:role/teams/backup/spaces-backup

resource "aws_eks_pod_identity_association" "spaces_mxp-controller" {
  for_each = {
    "us-west-2/prod-space/mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system"       = { region = "us-west-2", cluster_name = "prod-space", namespace = "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system" }
    "us-west-2/prod-space/mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"       = { region = "us-west-2", cluster_name = "prod-space", namespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system" }
    "eu-central-1/Prod_Space_EU/mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system" = { region = "eu-central-1", cluster_name = "Prod_Space_EU", namespace = "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system" }
    "eu-central-1/Prod_Space_EU/mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system" = { region = "eu-central-1", cluster_name = "Prod_Space_EU", namespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system" }
  }
  region               = each.value.region
  cluster_name         = each.value.cluster_name
  namespace            = each.value.namespace
  service_account      = "mxp-controller"
  role_arn             = "arn:aws:iam::123456789012:role/teams/backup/spaces-backup"
  disable_session_tags = true
  target_role_arn      = "arn:aws:iam::999999999999:role/vault"
  tags = {
    "cost-centre" = "42"
    "team"        = "platform"
  }
}
