# The AWS identity of mxp-controller, vector, external-secrets-controller, written by spaces-identity.
# Each role exists already, and its owner keeps its trust policy, tags and limits.
# Add the statements of `spaces-identity policy trust` to the trust policy, or run `spaces-identity apply`.
# Associations name their region, which needs version 6 of the AWS provider.

# If the cluster's provider is managed elsewhere, export the form again for an existing provider.
resource "aws_iam_openid_connect_provider" "spaces_prod-space_us-west-2" {
  url            = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
  client_id_list = ["sts.amazonaws.com"]

  lifecycle {
    prevent_destroy = true
  }
}

# If the cluster's provider is managed elsewhere, export the form again for an existing provider.
resource "aws_iam_openid_connect_provider" "spaces_Prod_Space_EU_eu-central-1" {
  url            = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
  client_id_list = ["sts.amazonaws.com"]

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_role" "spaces_spaces-backup" {
  name = "spaces-backup"
}

resource "aws_iam_role_policy" "spaces_mxp-controller" {
  name = "SpacesIdentity-mxp-controller"
  role = data.aws_iam_role.spaces_spaces-backup.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SpacesIdentityList"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:aws:s3:::spaces-backups"
      },
      {
        Sid    = "SpacesIdentityObjects"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
        ]
        Resource = "arn:aws:s3:::spaces-backups/*"
      },
    ]
  })
}

resource "aws_eks_pod_identity_association" "spaces_mxp-controller_Prod_Space_EU_eu-central-1" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "Prod_Space_EU"
  namespace       = each.value
  service_account = "mxp-controller"
  role_arn        = data.aws_iam_role.spaces_spaces-backup.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_eks_pod_identity_association" "spaces_mxp-controller_prod-space_us-west-2" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "us-west-2"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "mxp-controller"
  role_arn        = data.aws_iam_role.spaces_spaces-backup.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

data "aws_iam_role" "spaces_spaces_others_18be928c" {
  name = "spaces.others"
}

resource "aws_eks_pod_identity_association" "spaces_external-secrets-controller_Prod_Space_EU_eu-central-1" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "Prod_Space_EU"
  namespace       = each.value
  service_account = "external-secrets-controller"
  role_arn        = data.aws_iam_role.spaces_spaces_others_18be928c.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_eks_pod_identity_association" "spaces_external-secrets-controller_prod-space_us-west-2" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "us-west-2"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "external-secrets-controller"
  role_arn        = data.aws_iam_role.spaces_spaces_others_18be928c.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}
