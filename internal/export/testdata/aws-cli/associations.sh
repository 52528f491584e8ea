#!/bin/sh
# The associations of component mxp-controller, for the role
# arn:aws:iam::123456789012:role/teams/backup/spaces-backup
# Needs the aws CLI and credentials of account 123456789012.
set -eu

# associate REGION CLUSTER NAMESPACE SERVICE-ACCOUNT CREATE-INPUT UPDATE-INPUT
associate() {
  id=$(aws eks list-pod-identity-associations --region "$1" --cluster-name "$2" --namespace "$3" \
    --service-account "$4" --query 'associations[0].associationId' --output text)
  if [ "$id" = None ]; then
    aws eks create-pod-identity-association --region "$1" --cli-input-json "$5"
  else
    aws eks update-pod-identity-association --region "$1" --association-id "$id" --cli-input-json "$6"
  fi
}

associate 'us-west-2' 'prod-space' 'mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system' 'mxp-controller' '{"clusterName":"prod-space","namespace":"mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup"}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false}'
associate 'us-west-2' 'prod-space' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system' 'mxp-controller' '{"clusterName":"prod-space","namespace":"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup"}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false}'
associate 'eu-central-1' 'Prod_Space_EU' 'mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system' 'mxp-controller' '{"clusterName":"Prod_Space_EU","namespace":"mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup"}' '{"clusterName":"Prod_Space_EU","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false}'
associate 'eu-central-1' 'Prod_Space_EU' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system' 'mxp-controller' '{"clusterName":"Prod_Space_EU","namespace":"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system","serviceAccount":"mxp-controller","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup"}' '{"clusterName":"Prod_Space_EU","roleArn":"arn:aws:iam::123456789012:role/teams/backup/spaces-backup","disableSessionTags":false}'
