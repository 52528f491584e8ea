#!/bin/sh
# The permissions of component mxp-controller, for the role
# arn:aws:iam::123456789012:role/teams/backup/spaces-backup
# Needs the aws CLI and credentials of account 123456789012.
set -eu

permissions_policy='{
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
aws iam put-role-policy --role-name 'spaces-backup' --policy-name 'spaces-identity-mxp-controller' --policy-document "$permissions_policy"
