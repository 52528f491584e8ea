# The AWS identity of mxp-controller, vector, external-secrets-controller, written by spaces-identity.
# This document owns the whole trust policy of each role: its tool removes all other statements.
# Do not use it together with `spaces-identity apply` or another document for the same role.
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

resource "aws_iam_role" "spaces_spaces-backup______-_6914a1c4" {
  name = "spaces-backup+=,.@_-"
  path = "/a;b&c|d(e){f}#g%h!i~/"
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
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub" = [
              "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:mxp-controller",
              "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller",
            ]
          }
        }
      },
      {
        Sid    = "SpacesIdentityIRSAMatch"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_prod-space_us-west-2.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud" = "sts.amazonaws.com"
          }
          StringLike = {
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub" = "system:serviceaccount:team-*:mxp-controller"
          }
        }
      },
      {
        Sid    = "SpacesIdentityIRSA1b50423e"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_Prod_Space_EU_eu-central-1.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud" = "sts.amazonaws.com"
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub" = [
              "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:mxp-controller",
              "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller",
            ]
          }
        }
      },
      {
        Sid    = "SpacesIdentityIRSAMatch1b50423e"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_Prod_Space_EU_eu-central-1.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud" = "sts.amazonaws.com"
          }
          StringLike = {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub" = "system:serviceaccount:team-*:mxp-controller"
          }
        }
      },
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
              "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU",
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
        Sid    = "SpacesIdentityPodIdentityMatch"
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
              "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU",
            ]
            "aws:RequestTag/kubernetes-service-account" = "mxp-controller"
          }
          StringLike = {
            "aws:RequestTag/kubernetes-namespace" = "team-*"
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
  role = aws_iam_role.spaces_spaces-backup______-_6914a1c4.name
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
            "s3:prefix" = "it's $(touch pwned) ; %%{ if true }x%%{ endif } $$ # {{ . }} <&> & é: - |`touch pwned`/*"
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
        Resource = "arn:aws:s3:::spaces-backups/it's $(touch pwned) ; %%{ if true }x%%{ endif } $$ # {{ . }} <&> & é: - |`touch pwned`/*"
      },
      {
        Sid    = "SpacesIdentityTarget"
        Effect = "Allow"
        Action = [
          "sts:AssumeRole",
          "sts:TagSession",
        ]
        Resource = "arn:aws:iam::999999999999:role/%%{x}/vault"
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
  role_arn        = aws_iam_role.spaces_spaces-backup______-_6914a1c4.arn
  target_role_arn = "arn:aws:iam::999999999999:role/%%{x}/vault"
  tags = {
    "+-=._:/@ x"                     = "yes"
    "for"                            = "true"
    "spaces-identity.dev/managed-by" = "spaces-identity"
    "team"                           = "a: b = c@d"
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
  role_arn        = aws_iam_role.spaces_spaces-backup______-_6914a1c4.arn
  target_role_arn = "arn:aws:iam::999999999999:role/%%{x}/vault"
  tags = {
    "+-=._:/@ x"                     = "yes"
    "for"                            = "true"
    "spaces-identity.dev/managed-by" = "spaces-identity"
    "team"                           = "a: b = c@d"
  }
}

resource "aws_iam_role" "spaces_spaces_others_18be928c" {
  name = "spaces.others"
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
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub" = [
              "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:vector",
              "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:vector",
            ]
          }
        }
      },
      {
        Sid    = "SpacesIdentityIRSAMatch"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_prod-space_us-west-2.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud" = "sts.amazonaws.com"
          }
          StringLike = {
            "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub" = "system:serviceaccount:team-*:vector"
          }
        }
      },
      {
        Sid    = "SpacesIdentityIRSA1b50423e"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_Prod_Space_EU_eu-central-1.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud" = "sts.amazonaws.com"
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub" = [
              "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:vector",
              "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:vector",
            ]
          }
        }
      },
      {
        Sid    = "SpacesIdentityIRSAMatch1b50423e"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.spaces_Prod_Space_EU_eu-central-1.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud" = "sts.amazonaws.com"
          }
          StringLike = {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub" = "system:serviceaccount:team-*:vector"
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
              "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU",
            ]
            "aws:RequestTag/kubernetes-namespace" = [
              "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
              "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
            ]
            "aws:RequestTag/kubernetes-service-account" = "external-secrets-controller"
          }
        }
      },
      {
        Sid    = "SpacesIdentityPodIdentityMatchForcb8bf4e3"
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
              "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU",
            ]
            "aws:RequestTag/kubernetes-service-account" = "external-secrets-controller"
          }
          StringLike = {
            "aws:RequestTag/kubernetes-namespace" = "team-*"
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

resource "aws_eks_pod_identity_association" "spaces_external-secrets-controller_Prod_Space_EU_eu-central-1" {
  for_each = toset([
    "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
    "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
  ])
  region          = "eu-central-1"
  cluster_name    = "Prod_Space_EU"
  namespace       = each.value
  service_account = "external-secrets-controller"
  role_arn        = aws_iam_role.spaces_spaces_others_18be928c.arn
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
  role_arn        = aws_iam_role.spaces_spaces_others_18be928c.arn
  tags = {
    "spaces-identity.dev/managed-by" = "spaces-identity"
  }
}
