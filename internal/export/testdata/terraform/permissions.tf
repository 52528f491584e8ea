# The permissions of component mxp-controller, for the role
# arn:aws:iam::123456789012:role/teams/backup/spaces-backup

resource "aws_iam_role_policy" "spaces_mxp-controller" {
  name = "spaces-identity-mxp-controller"
  role = "spaces-backup"
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
