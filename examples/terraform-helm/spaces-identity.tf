# The AWS identity of mxp-controller, vector, written by spaces-identity.
# This document owns the whole trust policy of each role: its tool removes all other statements.
# Do not use it together with `spaces-identity apply` or another document for the same role.

# If the cluster's provider is managed elsewhere, export the form again for an existing provider.
resource "aws_iam_openid_connect_provider" "spaces_prod-space_us-west-2" {
  url            = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
  client_id_list = ["sts.amazonaws.com"]

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_iam_role" "spaces_spaces-backup" {
  name = "spaces-backup"
  path = "/"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "SpacesIdentityIRSA"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_prod-space_us-west-2.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud" = "sts.amazonaws.com"
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub" = "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"
          }
        }
      },
    ]
  })
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_iam_role_policy" "spaces_mxp-controller" {
  name = "SpacesIdentity-mxp-controller"
  role = aws_iam_role.spaces_spaces-backup.name
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

resource "aws_iam_role" "spaces_spaces-billing" {
  name = "spaces-billing"
  path = "/"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "SpacesIdentityIRSA"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_prod-space_us-west-2.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud" = "sts.amazonaws.com"
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub" = "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:vector"
          }
        }
      },
    ]
  })
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_iam_role_policy" "spaces_vector" {
  name = "SpacesIdentity-vector"
  role = aws_iam_role.spaces_spaces-billing.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SpacesIdentityList"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:aws:s3:::spaces-billing"
      },
      {
        Sid    = "SpacesIdentityObjects"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
        ]
        Resource = "arn:aws:s3:::spaces-billing/*"
      },
    ]
  })
}
