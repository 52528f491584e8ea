#!/bin/sh
# The AWS identity of mxp-controller, vector, written by spaces-identity.
# Needs the aws CLI and credentials of account 123456789012.
# shellcheck disable=SC2016 # queries of the aws CLI have JSON between backticks
set -eu
export AWS_PAGER="" AWS_CLI_ERROR_FORMAT=legacy

# The script runs its steps twice. The first time it only compares them with AWS. If it
# finds anything foreign, it stops before it changes anything. The second time it creates
# what is missing and updates what this program manages. After a failure, run it again.
#
# A state query selects same, update, or what the script must not change.
round=compare
refused=

# refuse MESSAGE HINT
refuse() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  refused=yes
  [ "$round" = compare ] || exit 1
}

# change MESSAGE AWS-COMMAND... runs the command in the second round, and prints the
# message after it.
change() {
  [ "$round" = change ] || return 0
  done=$1
  shift
  aws "$@" >/dev/null
  printf '%s\n' "$done"
}

# exists AWS-COMMAND... reports if IAM has what the command reads. Any error other than
# "there is none" ends the script.
exists() {
  error=$(aws "$@" 2>&1 >/dev/null) && return 0
  case $error in *'(NoSuchEntity) when calling'*) return 1 ;; esac
  printf '%s\n' "$error" >&2
  exit 1
}

# in_account ACCOUNT
in_account() {
  account=$(aws sts get-caller-identity --query Account --output text)
  [ "$account" = "$1" ] || refuse "the credentials are of account $account, and this script is for account $1" \
    "use credentials of account $1"
}

# provider ARN URL AUDIENCE STATE-QUERY TAGS
provider() {
  if ! exists iam get-open-id-connect-provider --open-id-connect-provider-arn "$1"; then
    arn=$1 url=$2 audience=$3 tags=$5
    set --
    [ "$tags" = null ] || set -- --tags "$tags"
    change "created OIDC provider $arn" iam create-open-id-connect-provider --url "$url" --client-id-list "$audience" "$@"
    return
  fi
  state=$(aws iam get-open-id-connect-provider --open-id-connect-provider-arn "$1" --query "$4" --output text)
  [ "$state" = same ] || change "added the audience $3 to OIDC provider $1" \
    iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$1" --client-id "$3"
}

# role NAME ARN PATH TAGS BOUNDARY DURATION creates the role with $trust_policy if there is
# none. BOUNDARY and DURATION may be empty.
role() {
  new=
  exists iam get-role --role-name="$1" && return
  new=$1 arn=$2 path=$3 tags=$4 boundary=$5 duration=$6
  set --
  [ -z "$boundary" ] || set -- "$@" --permissions-boundary "$boundary"
  [ -z "$duration" ] || set -- "$@" --max-session-duration "$duration"
  change "created role $arn" iam create-role --role-name="$new" --path "$path" --tags "$tags" \
    --assume-role-policy-document "$trust_policy" "$@"
  [ "$round" = compare ] || aws iam wait role-exists --role-name="$new"
}

# setting ROLE-NAME WHAT STATE-QUERY AWS-COMMAND... sets WHAT of a role that existed, if this
# program manages the role.
setting() {
  [ "$new" != "$1" ] || return 0
  state=$(aws iam get-role --role-name="$1" --query "$3" --output text)
  message="set the $2 of role $1"
  if [ "$round$state" = compareforeign ]; then
    printf '%s\n' "warning: role $1 was created by somebody else, and its $2 differs from the config" \
      "hint: ask its owner to set it" >&2
  fi
  shift 3
  [ "$state" != update ] || change "$message" "$@"
}

# attach ROLE-NAME POLICY-ARN
attach() {
  state=missing
  if [ "$new" != "$1" ]; then
    state=$(aws iam list-attached-role-policies --role-name="$1" \
      --query "AttachedPolicies[?PolicyArn == '$2'] && 'same' || 'missing'" --output text)
  fi
  [ "$state" = same ] || change "attached the policy $2 to role $1" \
    iam attach-role-policy --role-name="$1" --policy-arn "$2"
}

# policy ROLE-NAME POLICY-NAME POLICY STATE-QUERY FORMER-NAME
policy() {
  state=update
  if [ "$new" != "$1" ] && exists iam get-role-policy --role-name="$1" --policy-name "$2"; then
    state=$(aws iam get-role-policy --role-name="$1" --policy-name "$2" --query "$4" --output text)
  fi
  case $state in
  same) ;;
  update) change "wrote inline policy $2 of role $1" \
    iam put-role-policy --role-name="$1" --policy-name "$2" --policy-document "$3" ;;
  *) refuse "inline policy $2 of role $1 has foreign statements: ${state#lost }" \
    "move them to another policy of the role, then run the script again" ;;
  esac
  [ "$round$new" = compare ] && exists iam get-role-policy --role-name="$1" --policy-name "$5" || return 0
  printf '%s\n' "warning: role $1 also has the inline policy $5 of an earlier version" \
    "hint: run \`spaces-identity apply --adopt\`, or delete it" >&2
}

# trust ROLE-NAME ARN STATE-QUERY sets $trust_policy if the role existed.
trust() {
  [ "$new" != "$1" ] || return 0
  state=$(aws iam get-role --role-name="$1" --query "$3" --output text)
  case $state in
  same) ;;
  update) change "updated the trust policy of role $2" \
    iam update-assume-role-policy --role-name="$1" --policy-document "$trust_policy" ;;
  'lost '*) refuse "this script would remove access that the trust policy of role $2 gives in these statements: ${state#lost }" \
    "run \`spaces-identity apply\`, which keeps it, or change the policy by hand" ;;
  *) refuse "role $1 has the ARN ${state#ARN }" "write roleARN: ${state#ARN } in the config, and export again" ;;
  esac
}

# associations REGION CLUSTER SERVICE-ACCOUNT CREATE-INPUT UPDATE-INPUT TAGS STATE-QUERY
# NAMESPACE...
same=
associations() {
  region=$1 cluster=$2 name=$3 create=$4 update=$5 tags=$6 query=$7
  shift 7
  found=
  list=$(aws eks list-pod-identity-associations --region "$region" --cluster-name "$cluster" --service-account "$name" \
    --query 'associations[].[namespace,associationId,associationArn]' --output text)
  while read -r namespace id arn; do
    case " $* " in *" $namespace "*) association ;; esac
  done <<END
$list
END
  for namespace in "$@"; do
    case " $found " in *" $namespace "*) continue ;; esac
    change "created an association for $namespace/$name in cluster $cluster" \
      eks create-pod-identity-association --region "$region" --namespace "$namespace" --cli-input-json "$create"
  done
}

association_state() {
  aws eks describe-pod-identity-association --region "$region" --cluster-name "$cluster" --association-id "$id" \
    --query "$query" --output text
}

# association updates the association of $namespace if this program manages it.
association() {
  found="$found $namespace"
  case " $same " in *" $arn "*) return ;; esac
  state=$(association_state)
  set --
  case $state in *' target'*) set -- "$@" --target-role-arn '' ;; esac
  case $state in *' policy'*) set -- "$@" --policy '' ;; esac
  case $state in
  same) same="$same $arn" ;;
  update*)
    change "updated association $id for $namespace/$name in cluster $cluster" \
      eks update-pod-identity-association --region "$region" --association-id "$id" --cli-input-json "$update" "$@"
    change "tagged association $id" eks tag-resource --region "$region" --resource-arn "$arn" --tags "$tags"
    [ "$round" = compare ] || [ $# = 0 ] || [ "$(association_state)" = same ] ||
      refuse "EKS did not remove the target role or the policy of association $id" "delete the association, then run the script again"
    ;;
  *) refuse "the foreign association $id for $namespace/$name in cluster $cluster gives the role ${state#foreign }, or differs in other settings" \
    "ask its owner to change or remove it, then run the script again" ;;
  esac
}

steps() {
in_account '123456789012'
provider 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E' 'https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E' 'sts.amazonaws.com' 'contains(not_null(ClientIDList, `[]`), `"sts.amazonaws.com"`) && '\''same'\'' || '\''update'\''' 'null'

# arn:aws:iam::123456789012:role/spaces-backup
trust_policy='{
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
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub": "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"
        }
      }
    }
  ]
}'
role 'spaces-backup' 'arn:aws:iam::123456789012:role/spaces-backup' '/' '[{"Key":"spaces-identity.dev/managed-by","Value":"spaces-identity"}]' '' ''
policy 'spaces-backup' 'SpacesIdentity-mxp-controller' '{
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
}' 'PolicyDocument == `{"Statement":[{"Action":"s3:ListBucket","Effect":"Allow","Resource":"arn:aws:s3:::spaces-backups","Sid":"SpacesIdentityList"},{"Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Effect":"Allow","Resource":"arn:aws:s3:::spaces-backups/*","Sid":"SpacesIdentityObjects"}],"Version":"2012-10-17"}` && '\''same'\'' || (map(&not_null(Sid, '\''one without a Sid'\''), [PolicyDocument.Statement][] | [?!starts_with(not_null(Sid, '\'''\''), `"SpacesIdentity"`)]) | (@ && join('\'' '\'', ['\''lost'\'', join('\'', '\'', @)]) || '\''update'\''))' 'spaces-identity-mxp-controller'
trust 'spaces-backup' 'arn:aws:iam::123456789012:role/spaces-backup' 'Role | (Arn != `"arn:aws:iam::123456789012:role/spaces-backup"` && join('\'' '\'', ['\''ARN'\'', Arn]) || type(AssumeRolePolicyDocument) != '\''object'\'' && '\''lost (not JSON)'\'' || ([AssumeRolePolicyDocument.Statement][] | {live: @, lost: map(&not_null(Sid, '\''one without a Sid'\''), [?!((@ | (type(@) == '\''object'\'' && sort(keys(@)) == `["Action","Condition","Effect","Principal","Sid"]` && !(["Action"][] | [?!contains(`["sts:AssumeRoleWithWebIdentity"]`, @)]) && ("Condition" | (type(@) == '\''object'\'' && sort(keys(@)) == `["StringEquals"]` && ("StringEquals" | (type(@) == '\''object'\'' && sort(keys(@)) == `["oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud","oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub"]` && !(["oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud"][] | [?!contains(`["sts.amazonaws.com"]`, @)]) && !(["oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:sub"][] | [?!contains(`["system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"]`, @)]))))) && !(["Effect"][] | [?!contains(`["Allow"]`, @)]) && ("Principal" | (type(@) == '\''object'\'' && sort(keys(@)) == `["Federated"]` && !(["Federated"][] | [?!contains(`["arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"]`, @)]))) && !(["Sid"][] | [?!contains(`["SpacesIdentityIRSA"]`, @)]))) || (@ | (type(@) == '\''object'\'' && sort(keys(@)) == `["Action","Effect","Principal","Sid"]` && !(["Action"][] | [?!contains(`["sts:AssumeRole"]`, @)]) && !(["Effect"][] | [?!contains(`["Deny"]`, @)]) && ("Principal" | (type(@) == '\''object'\'' && sort(keys(@)) == `["AWS"]` && !(["AWS"][] | [?!contains(`["*"]`, @)]))) && !(["Sid"][] | [?!contains(`["SpacesIdentityNobody"]`, @)]))))])} | (lost && join('\'' '\'', ['\''lost'\'', join('\'', '\'', lost)]) || length(live) == `1` && length(live[?Sid == `"SpacesIdentityIRSA"`]) == `1` && '\''same'\'' || '\''update'\'')))'

# arn:aws:iam::123456789012:role/spaces-billing
trust_policy='{
  "Version": "2012-10-17",
  "Statement": [
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
          "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:us-west-2:123456789012:cluster/prod-space",
          "aws:RequestTag/kubernetes-namespace": "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system",
          "aws:RequestTag/kubernetes-service-account": "vector"
        }
      }
    }
  ]
}'
role 'spaces-billing' 'arn:aws:iam::123456789012:role/spaces-billing' '/' '[{"Key":"spaces-identity.dev/managed-by","Value":"spaces-identity"}]' '' ''
policy 'spaces-billing' 'SpacesIdentity-vector' '{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "SpacesIdentityList",
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::spaces-billing"
    },
    {
      "Sid": "SpacesIdentityObjects",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject"
      ],
      "Resource": "arn:aws:s3:::spaces-billing/*"
    }
  ]
}' 'PolicyDocument == `{"Statement":[{"Action":"s3:ListBucket","Effect":"Allow","Resource":"arn:aws:s3:::spaces-billing","Sid":"SpacesIdentityList"},{"Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Effect":"Allow","Resource":"arn:aws:s3:::spaces-billing/*","Sid":"SpacesIdentityObjects"}],"Version":"2012-10-17"}` && '\''same'\'' || (map(&not_null(Sid, '\''one without a Sid'\''), [PolicyDocument.Statement][] | [?!starts_with(not_null(Sid, '\'''\''), `"SpacesIdentity"`)]) | (@ && join('\'' '\'', ['\''lost'\'', join('\'', '\'', @)]) || '\''update'\''))' 'spaces-identity-vector'
attach 'spaces-billing' 'arn:aws:iam::123456789012:policy/company-logging'
trust 'spaces-billing' 'arn:aws:iam::123456789012:role/spaces-billing' 'Role | (Arn != `"arn:aws:iam::123456789012:role/spaces-billing"` && join('\'' '\'', ['\''ARN'\'', Arn]) || type(AssumeRolePolicyDocument) != '\''object'\'' && '\''lost (not JSON)'\'' || ([AssumeRolePolicyDocument.Statement][] | {live: @, lost: map(&not_null(Sid, '\''one without a Sid'\''), [?!((@ | (type(@) == '\''object'\'' && sort(keys(@)) == `["Action","Condition","Effect","Principal","Sid"]` && !(["Action"][] | [?!contains(`["sts:AssumeRole","sts:TagSession"]`, @)]) && ("Condition" | (type(@) == '\''object'\'' && sort(keys(@)) == `["StringEquals"]` && ("StringEquals" | (type(@) == '\''object'\'' && sort(keys(@)) == `["aws:RequestTag/eks-cluster-arn","aws:RequestTag/kubernetes-namespace","aws:RequestTag/kubernetes-service-account"]` && !(["aws:RequestTag/eks-cluster-arn"][] | [?!contains(`["arn:aws:eks:us-west-2:123456789012:cluster/prod-space"]`, @)]) && !(["aws:RequestTag/kubernetes-namespace"][] | [?!contains(`["mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"]`, @)]) && !(["aws:RequestTag/kubernetes-service-account"][] | [?!contains(`["vector"]`, @)]))))) && !(["Effect"][] | [?!contains(`["Allow"]`, @)]) && ("Principal" | (type(@) == '\''object'\'' && sort(keys(@)) == `["Service"]` && !(["Service"][] | [?!contains(`["pods.eks.amazonaws.com"]`, @)]))) && !(["Sid"][] | [?!contains(`["SpacesIdentityPodIdentity"]`, @)]))) || (@ | (type(@) == '\''object'\'' && sort(keys(@)) == `["Action","Effect","Principal","Sid"]` && !(["Action"][] | [?!contains(`["sts:AssumeRole"]`, @)]) && !(["Effect"][] | [?!contains(`["Deny"]`, @)]) && ("Principal" | (type(@) == '\''object'\'' && sort(keys(@)) == `["AWS"]` && !(["AWS"][] | [?!contains(`["*"]`, @)]))) && !(["Sid"][] | [?!contains(`["SpacesIdentityNobody"]`, @)]))))])} | (lost && join('\'' '\'', ['\''lost'\'', join('\'', '\'', lost)]) || length(live) == `1` && length(live[?Sid == `"SpacesIdentityPodIdentity"` && sort([@."Action"][]) == `["sts:AssumeRole","sts:TagSession"]`]) == `1` && '\''same'\'' || '\''update'\'')))'
associations 'us-west-2' 'prod-space' 'vector' '{"clusterName":"prod-space","serviceAccount":"vector","roleArn":"arn:aws:iam::123456789012:role/spaces-billing","tags":{"spaces-identity.dev/managed-by":"spaces-identity"}}' '{"clusterName":"prod-space","roleArn":"arn:aws:iam::123456789012:role/spaces-billing","disableSessionTags":false}' '{"spaces-identity.dev/managed-by":"spaces-identity"}' 'association | (roleArn == `"arn:aws:iam::123456789012:role/spaces-billing"` && not_null(targetRoleArn, '\'''\'') == `""` && not_null(disableSessionTags, `false`) == `false` && not_null(policy, '\'''\'') == `""` && ((!(tags."spaces-identity.dev/managed-by" == `"spaces-identity"`) || ownerArn) || tags."spaces-identity.dev/managed-by" == `"spaces-identity"`) && '\''same'\'' || (!(tags."spaces-identity.dev/managed-by" == `"spaces-identity"`) || ownerArn) && join('\'' '\'', ['\''foreign'\'', roleArn]) || join('\'' '\'', ['\''update'\'', targetRoleArn && '\''target'\'' || '\'''\'', policy && '\''policy'\'' || '\'''\'']))' 'mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system'
}

steps
[ -z "$refused" ] || exit 1
round=change
steps
