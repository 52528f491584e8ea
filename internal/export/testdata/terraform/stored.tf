# The AWS identity of mxp-controller, external-secrets-controller, crossplane, written by spaces-identity.
# This document owns the whole trust policy of each role: its tool removes all other statements.
# Do not use it together with `spaces-identity apply` or another document for the same role.
# Associations name their region, which needs version 6 of the AWS provider.

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
          StringEquals = {
            "aws:RequestTag/eks-cluster-arn" = [
              "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
              "arn:aws:eks:eu-central-1:123456789012:cluster/prod-space",
            ]
            "aws:RequestTag/kubernetes-namespace" = [
              "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
              "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
            ]
            "aws:RequestTag/kubernetes-service-account" = "mxp-controller"
          }
        }
      },
      {
        Sid    = "SpacesIdentityPodIdentityForcb8bf4e3"
        Effect = "Allow"
        Principal = {
          Service = "pods.eks.amazonaws.com"
        }
        Action = [
          "sts:AssumeRole",
          "sts:TagSession",
        ]
        Condition = {
          StringEquals = {
            "aws:RequestTag/eks-cluster-arn" = [
              "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
              "arn:aws:eks:eu-central-1:123456789012:cluster/prod-space",
            ]
            "aws:RequestTag/kubernetes-namespace" = [
              "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
              "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
            ]
            "aws:RequestTag/kubernetes-service-account" = "external-secrets-controller"
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

resource "aws_iam_role_policy" "spaces_external-secrets-controller" {
  name = "SpacesIdentity-external-secrets-controller"
  role = aws_iam_role.spaces_spaces-backup.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "SpacesIdentitySecrets"
        Effect = "Allow"
        Action = [
          "secretsmanager:GetSecretValue",
          "secretsmanager:DescribeSecret",
        ]
        Resource = [
          "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/db+x=y@z-??????",
          "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db+x=y@z-??????",
          "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared-AbC123",
        ]
      },
      {
        Sid    = "SpacesIdentityParameters"
        Effect = "Allow"
        Action = "ssm:GetParameter"
        Resource = [
          "arn:aws:ssm:us-west-2:123456789012:parameter/prod/url",
          "arn:aws:ssm:eu-central-1:123456789012:parameter/prod/url",
          "arn:aws:ssm:us-west-2:123456789012:parameter/plain",
          "arn:aws:ssm:eu-central-1:123456789012:parameter/plain",
        ]
      },
      {
        Sid      = "SpacesIdentityDecrypt"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = "arn:aws:kms:us-west-2:123456789012:key/1234abcd"
        Condition = {
          StringLike = {
            "kms:ViaService" = [
              "secretsmanager.us-west-2.*",
              "ssm.us-west-2.*",
            ]
          }
        }
      },
    ]
  })
}

resource "aws_eks_pod_identity_association" "spaces_external-secrets-controller_prod-space_eu-central-1" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "external-secrets-controller"
  role_arn        = aws_iam_role.spaces_spaces-backup.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_eks_pod_identity_association" "spaces_mxp-controller_prod-space_eu-central-1" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "mxp-controller"
  role_arn        = aws_iam_role.spaces_spaces-backup.arn
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
  role_arn        = aws_iam_role.spaces_spaces-backup.arn
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
  role_arn        = aws_iam_role.spaces_spaces-backup.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_iam_role" "spaces_providers" {
  name = "providers"
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
          StringEquals = {
            "aws:RequestTag/eks-cluster-arn" = [
              "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
              "arn:aws:eks:eu-central-1:123456789012:cluster/prod-space",
            ]
            "aws:RequestTag/kubernetes-namespace" = [
              "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
              "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
            ]
            "aws:RequestTag/kubernetes-service-account" = [
              "crossplane-x-upbound-system-x-vcluster",
              "crossplane-x-crossplane-system-x-vcluster",
            ]
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

resource "aws_iam_role_policy" "spaces_crossplane" {
  name = "SpacesIdentity-crossplane"
  role = aws_iam_role.spaces_providers.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SpacesIdentityGivenTables"
        Effect   = "Allow"
        Action   = "dynamodb:*"
        Resource = "arn:aws:dynamodb:*:*:table/$${aws:PrincipalTag/team}"
      },
      {
        Sid    = "SpacesIdentityGiven2"
        Effect = "Deny"
        NotAction = [
          "dynamodb:GetItem",
          "kms:Decrypt",
        ]
        Resource = "*"
        Condition = {
          Bool = {
            "aws:SecureTransport" = "false"
          }
        }
      },
    ]
  })
}

resource "aws_eks_pod_identity_association" "spaces_crossplane_prod-space_eu-central-1_crossplane-x-crossplane-system-x-vcluster" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "crossplane-x-crossplane-system-x-vcluster"
  role_arn        = aws_iam_role.spaces_providers.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_eks_pod_identity_association" "spaces_crossplane_prod-space_eu-central-1_crossplane-x-upbound-system-x-vcluster" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "crossplane-x-upbound-system-x-vcluster"
  role_arn        = aws_iam_role.spaces_providers.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_eks_pod_identity_association" "spaces_crossplane_prod-space_us-west-2_crossplane-x-crossplane-system-x-vcluster" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "us-west-2"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "crossplane-x-crossplane-system-x-vcluster"
  role_arn        = aws_iam_role.spaces_providers.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}

resource "aws_eks_pod_identity_association" "spaces_crossplane_prod-space_us-west-2_crossplane-x-upbound-system-x-vcluster" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "us-west-2"
  cluster_name    = "prod-space"
  namespace       = each.value
  service_account = "crossplane-x-upbound-system-x-vcluster"
  role_arn        = aws_iam_role.spaces_providers.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}
