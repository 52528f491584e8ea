package grant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/iam"
)

// asScript is a POSIX shell script of aws commands. It can be run again: it
// changes what is there and creates what is not.
func asScript(g Grant) ([]byte, error) {
	s := &script{}
	s.line("#!/bin/sh")
	s.line("# The %s of component %s, for the role", g.Part, g.Component)
	s.line("# %s", g.Role)
	s.line("# Needs the aws CLI and credentials of account %s.", g.Role.Account)
	s.line("set -eu")
	switch g.Part {
	case Trust:
		s.trust(g)
	case Permissions:
		s.permissions(g)
	case Associations:
		s.associations(g)
	}
	return s.out.Bytes(), nil
}

type script struct{ out bytes.Buffer }

func (s *script) line(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *script) trust(g Grant) {
	for _, p := range g.Providers {
		s.line("\n# The OIDC provider of the cluster; it may be there for others already.")
		s.line("if ! aws iam get-open-id-connect-provider --open-id-connect-provider-arn %s >/dev/null 2>&1; then", sh(p.ARN))
		s.line("  aws iam create-open-id-connect-provider --url %s --client-id-list %s", sh(p.URL), sh(iam.Audience))
		s.line("fi")
	}
	s.line("\ntrust_policy=%s", sh(policy(g)))
	s.line("if aws iam get-role --role-name %s >/dev/null 2>&1; then", sh(g.RoleName()))
	s.line(`  aws iam update-assume-role-policy --role-name %s --policy-document "$trust_policy"`, sh(g.RoleName()))
	s.line("else")
	s.line(`  aws iam create-role --role-name %s --path %s --assume-role-policy-document "$trust_policy"`, sh(g.RoleName()), sh(g.RolePath()))
	s.line("fi")
}

func policy(g Grant) string { return strings.TrimSpace(string(g.Document.JSON())) }

func (s *script) permissions(g Grant) {
	s.line("\npermissions_policy=%s", sh(policy(g)))
	s.line(`aws iam put-role-policy --role-name %s --policy-name %s --policy-document "$permissions_policy"`, sh(g.RoleName()), sh(g.PolicyName()))
}

// associateFunction takes the input of the create operation and, because update
// knows the association by its ID and leaves tags alone, that of the update
// operation. The CLI prints None where a query finds nothing.
const associateFunction = `
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

`

func (s *script) associations(g Grant) {
	s.out.WriteString(associateFunction)
	for _, a := range g.Associations {
		s.line("associate %s", strings.Join([]string{sh(a.Region), sh(a.ClusterName), sh(a.Namespace), sh(a.ServiceAccount),
			sh(oneLine(a.Association)), sh(oneLine(updateOf(a.Association)))}, " "))
	}
}

// associationUpdate is the input of `aws eks update-pod-identity-association
// --cli-input-json`, without the association's ID.
//
// Source: Amazon EKS API reference, UpdatePodIdentityAssociation.
type associationUpdate struct {
	ClusterName        string `json:"clusterName"`
	RoleARN            string `json:"roleArn"`
	DisableSessionTags bool   `json:"disableSessionTags"`
	TargetRoleARN      string `json:"targetRoleArn,omitempty"`
	Policy             string `json:"policy,omitempty"`
}

func updateOf(a iam.Association) associationUpdate {
	return associationUpdate{a.ClusterName, a.RoleARN, a.DisableSessionTags, a.TargetRoleARN, a.Policy}
}

func oneLine(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and booleans only
	}
	return string(data)
}

// sh quotes a word for the shell: within single quotes nothing is special but
// the single quote itself.
//
// Source: POSIX.1-2024, Shell Command Language, 2.2.2 Single-Quotes.
func sh(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
