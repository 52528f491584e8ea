# The AWS identity of mxp-controller, written by spaces-identity.
# This document owns the whole trust policy of each role: its tool removes all other statements.
# Do not use it together with `spaces-identity apply` or another document for the same role.
# Associations name their region, which needs version 6 of the AWS provider.
# The session policy of an association needs a version of the AWS provider from July 2026 or later.

resource "aws_iam_role" "spaces_spaces-backup" {
  name = "spaces-backup"
  path = "/"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "SpacesIdentityPodIdentity"
        Effect = "Allow"
        Principal = {
          Service = "pods.eks.amazonaws.com"
        }
        Action = [
          "sts:AssumeRole",
          "sts:TagSession",
        ]
        Condition = {
          ArnLike = {
            "aws:SourceArn" = "arn:aws:eks:us-west-2:123456789012:cluster/prod-space"
          }
          StringEquals = {
            "aws:SourceAccount" = "123456789012"
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
        Condition = {
          StringLike = {
            "s3:prefix" = "it's/prod/*"
          }
        }
      },
      {
        Sid    = "SpacesIdentityObjects"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
        ]
        Resource = "arn:aws:s3:::spaces-backups/it's/prod/*"
      },
      {
        Sid    = "SpacesIdentityKey"
        Effect = "Allow"
        Action = [
          "kms:Decrypt",
          "kms:GenerateDataKey",
        ]
        Resource = "arn:aws:kms:us-west-2:123456789012:key/1234abcd"
        Condition = {
          StringLike = {
            "kms:ViaService" = "s3.us-west-2.*"
          }
        }
      },
    ]
  })
}

resource "aws_eks_pod_identity_association" "spaces_mxp-controller_prod-space_us-west-2" {
  for_each = {
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system" = jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = "arn:aws:s3:::spaces-backups"
          Condition = {
            StringLike = {
              "s3:prefix" = [
                "it's/prod/default/ctp10/*",
                "it's/prod/default/ctp1/*",
              ]
            }
          }
        },
        {
          Effect = "Allow"
          Action = [
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
          ]
          Resource = "arn:aws:s3:::spaces-backups/it's/prod/default/ctp10/*"
        },
        {
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "arn:aws:s3:::spaces-backups/it's/prod/default/ctp1/*"
        },
        {
          Effect = "Allow"
          Action = [
            "kms:Decrypt",
            "kms:GenerateDataKey",
          ]
          Resource = "arn:aws:kms:us-west-2:123456789012:key/1234abcd"
          Condition = {
            StringLike = {
              "kms:ViaService" = "s3.us-west-2.*"
            }
          }
        },
      ]
    })
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system" = jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = "arn:aws:s3:::spaces-backups"
          Condition = {
            StringLike = {
              "s3:prefix" = "it's/prod/default/ctp1/*"
            }
          }
        },
        {
          Effect = "Allow"
          Action = [
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
          ]
          Resource = "arn:aws:s3:::spaces-backups/it's/prod/default/ctp1/*"
        },
        {
          Effect = "Allow"
          Action = [
            "kms:Decrypt",
            "kms:GenerateDataKey",
          ]
          Resource = "arn:aws:kms:us-west-2:123456789012:key/1234abcd"
          Condition = {
            StringLike = {
              "kms:ViaService" = "s3.us-west-2.*"
            }
          }
        },
      ]
    })
  }
  region               = "us-west-2"
  cluster_name         = "prod-space"
  namespace            = each.key
  service_account      = "mxp-controller"
  role_arn             = aws_iam_role.spaces_spaces-backup.arn
  disable_session_tags = true
  policy               = each.value
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}
