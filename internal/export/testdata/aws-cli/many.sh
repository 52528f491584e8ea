#!/bin/sh
# The AWS identity of mxp-controller, vector, external-secrets-controller, written by spaces-identity.
# Needs the aws CLI and credentials of account 123456789012.
set -eu
export AWS_PAGER=

# Each step can be run again: it updates a resource that exists, or creates it. The trust
# policy of an existing role is replaced. Foreign statements in it are lost.

# ensure_provider ARN URL AUDIENCE
ensure_provider() {
  if aws iam get-open-id-connect-provider --open-id-connect-provider-arn "$1" >/dev/null 2>&1; then
    aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$1" --client-id "$3"
  else
    aws iam create-open-id-connect-provider --url "$2" --client-id-list "$3"
  fi
}

# ensure_role NAME PATH TAGS TRUST-POLICY
ensure_role() {
  if aws iam get-role --role-name "$1" >/dev/null 2>&1; then
    aws iam update-assume-role-policy --role-name "$1" --policy-document "$4"
  else
    aws iam create-role --role-name "$1" --path "$2" --tags "$3" --assume-role-policy-document "$4"
    aws iam wait role-exists --role-name "$1"
  fi
}

# An update keeps settings that its input does not name. So the input always names the
# target role, which may be empty. An update does not change tags. The CLI prints None if
# a query finds nothing.
#
# ensure_association REGION CLUSTER NAMESPACE SERVICE-ACCOUNT CREATE-INPUT UPDATE-INPUT
ensure_association() {
  id=$(aws eks list-pod-identity-associations --region "$1" --cluster-name "$2" --namespace "$3" \
    --service-account "$4" --query 'associations[0].associationId' --output text)
  if [ "$id" = None ]; then
    aws eks create-pod-identity-association --region "$1" --cli-input-json "$5"
  else
    aws eks update-pod-identity-association --region "$1" --association-id "$id" --cli-input-json "$6"
  fi
}

ensure_provider 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E' 'https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E' 'sts.amazonaws.com'

ensure_provider 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF' 'https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF' 'sts.amazonaws.com'

# arn:aws:iam::123456789012:role/teams/backup/spaces-backup
ensure_role 'spaces-backup' '/teams/backup/' '[{"Key":"spaces-identity.dev/managed-by","Value":"spaces-identity"}]' '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "SpacesIdentityIRSA",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud": "sts.amazonaws.com",
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub": [
            "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:mxp-controller",
            "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"
          ]
        }
      }
    },
    {
      "Sid": "SpacesIdentityIRSAMatch",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud": "sts.amazonaws.com"
        },
        "StringLike": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub": "system:serviceaccount:team-*:mxp-controller"
        }
      }
    },
    {
      "Sid": "SpacesIdentityIRSA1b50423e",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud": "sts.amazonaws.com",
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub": [
            "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:mxp-controller",
            "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"
          ]
        }
      }
    },
    {
      "Sid": "SpacesIdentityIRSAMatch1b50423e",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud": "sts.amazonaws.com"
        },
        "StringLike": {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub": "system:serviceaccount:team-*:mxp-controller"
        }
      }
    },
    {
      "Sid": "SpacesIdentityPodIdentity",
      "Effect": "Allow",
      "Principal": {
        "Service": "pods.eks.amazonaws.com"
      },
      "Action": [
        "sts:AssumeRole",
        "sts:TagSession"
      ],
      "Condition": {
        "StringEquals": {
          "aws:RequestTag/eks-cluster-arn": [
            "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
            "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU"
          ],
          "aws:RequestTag/kubernetes-namespace": [
            "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
            "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
          ],
          "aws:RequestTag/kubernetes-service-account": "mxp-controller"
        }
      }
    },
    {
      "Sid": "SpacesIdentityPodIdentityMatch",
      "Effect": "Allow",
      "Principal": {
        "Service": "pods.eks.amazonaws.com"
      },
      "Action": [
        "sts:AssumeRole",
        "sts:TagSession"
      ],
      "Condition": {
        "StringEquals": {
          "aws:RequestTag/eks-cluster-arn": [
            "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
            "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU"
          ],
          "aws:RequestTag/kubernetes-service-account": "mxp-controller"
        },
        "StringLike": {
          "aws:RequestTag/kubernetes-namespace": "team-*"
        }
      }
    }
  ]
}'
aws iam put-role-policy --role-name 'spaces-backup' --policy-name 'SpacesIdentity-mxp-controller' --policy-document '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "SpacesIdentityList",
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::spaces-backups"
    },
    {
      "Sid": "SpacesIdentityObjects",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject"
      ],
      "Resource": "arn:aws:s3:::spaces-backups/*"
    }
  ]
}'
ensure_association 'eu-central-1' 'Prod_Space_EU' 'mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system' 'mxp-controller' '{"clusterName":"Prod_Space_EU","namespace":"mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"Prod_Space_EU","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false,"targetRoleArn":""}'
ensure_association 'eu-central-1' 'Prod_Space_EU' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system' 'mxp-controller' '{"clusterName":"Prod_Space_EU","namespace":"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"Prod_Space_EU","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false,"targetRoleArn":""}'
ensure_association 'us-west-2' 'prod-space' 'mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system' 'mxp-controller' '{"clusterName":"prod-space","namespace":"mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false,"targetRoleArn":""}'
ensure_association 'us-west-2' 'prod-space' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system' 'mxp-controller' '{"clusterName":"prod-space","namespace":"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false,"targetRoleArn":""}'

# arn:aws:iam::123456789012:role/spaces.others
ensure_role 'spaces.others' '/' '[{"Key":"spaces-identity.dev/managed-by","Value":"spaces-identity"}]' '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "SpacesIdentityIRSA",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud": "sts.amazonaws.com",
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub": [
            "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:vector",
            "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:vector"
          ]
        }
      }
    },
    {
      "Sid": "SpacesIdentityIRSAMatch",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud": "sts.amazonaws.com"
        },
        "StringLike": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub": "system:serviceaccount:team-*:vector"
        }
      }
    },
    {
      "Sid": "SpacesIdentityIRSA1b50423e",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud": "sts.amazonaws.com",
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub": [
            "system:serviceaccount:mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system:vector",
            "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:vector"
          ]
        }
      }
    },
    {
      "Sid": "SpacesIdentityIRSAMatch1b50423e",
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud": "sts.amazonaws.com"
        },
        "StringLike": {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub": "system:serviceaccount:team-*:vector"
        }
      }
    },
    {
      "Sid": "SpacesIdentityPodIdentityForcb8bf4e3",
      "Effect": "Allow",
      "Principal": {
        "Service": "pods.eks.amazonaws.com"
      },
      "Action": [
        "sts:AssumeRole",
        "sts:TagSession"
      ],
      "Condition": {
        "StringEquals": {
          "aws:RequestTag/eks-cluster-arn": [
            "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
            "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU"
          ],
          "aws:RequestTag/kubernetes-namespace": [
            "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system",
            "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
          ],
          "aws:RequestTag/kubernetes-service-account": "external-secrets-controller"
        }
      }
    },
    {
      "Sid": "SpacesIdentityPodIdentityMatchForcb8bf4e3",
      "Effect": "Allow",
      "Principal": {
        "Service": "pods.eks.amazonaws.com"
      },
      "Action": [
        "sts:AssumeRole",
        "sts:TagSession"
      ],
      "Condition": {
        "StringEquals": {
          "aws:RequestTag/eks-cluster-arn": [
            "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
            "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_Space_EU"
          ],
          "aws:RequestTag/kubernetes-service-account": "external-secrets-controller"
        },
        "StringLike": {
          "aws:RequestTag/kubernetes-namespace": "team-*"
        }
      }
    }
  ]
}'
ensure_association 'eu-central-1' 'Prod_Space_EU' 'mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system' 'external-secrets-controller' '{"clusterName":"Prod_Space_EU","namespace":"mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system","serviceAccount":"external-secrets-controller","roleArn":"arn:aws:iam::123456789012:role/spaces.others","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"Prod_Space_EU","roleArn":"arn:aws:iam::123456789012:role/spaces.others","disableSessionTags":false,"targetRoleArn":""}'
ensure_association 'eu-central-1' 'Prod_Space_EU' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system' 'external-secrets-controller' '{"clusterName":"Prod_Space_EU","namespace":"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system","serviceAccount":"external-secrets-controller","roleArn":"arn:aws:iam::123456789012:role/spaces.others","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"Prod_Space_EU","roleArn":"arn:aws:iam::123456789012:role/spaces.others","disableSessionTags":false,"targetRoleArn":""}'
ensure_association 'us-west-2' 'prod-space' 'mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system' 'external-secrets-controller' '{"clusterName":"prod-space","namespace":"mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system","serviceAccount":"external-secrets-controller","roleArn":"arn:aws:iam::123456789012:role/spaces.others","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/spaces.others","disableSessionTags":false,"targetRoleArn":""}'
ensure_association 'us-west-2' 'prod-space' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system' 'external-secrets-controller' '{"clusterName":"prod-space","namespace":"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system","serviceAccount":"external-secrets-controller","roleArn":"arn:aws:iam::123456789012:role/spaces.others","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/spaces.others","disableSessionTags":false,"targetRoleArn":""}'
