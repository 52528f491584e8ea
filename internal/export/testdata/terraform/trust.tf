# The trust of component mxp-controller, for the role
# arn:aws:iam::123456789012:role/teams/backup/spaces-backup

# Leave this out where the cluster's provider is managed elsewhere.
resource "aws_iam_openid_connect_provider" "spaces_mxp-controller" {
  url            = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
  client_id_list = ["sts.amazonaws.com"]
}

# Leave this out where the cluster's provider is managed elsewhere.
resource "aws_iam_openid_connect_provider" "spaces_mxp-controller_6aa4fc5d" {
  url            = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "spaces_mxp-controller" {
  name = "spaces-backup"
  path = "/teams/backup/"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "SpacesIdentityIRSA"
        Effect = "Allow"
        Principal = {
          Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
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
          Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
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
          Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
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
          Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
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
}
