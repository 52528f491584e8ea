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
