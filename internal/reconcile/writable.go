package reconcile

import (
	"regexp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// IAM rejects some changes whatever they are. A plan says so, before apply changes
// something else.

// maxRoleTags is the number of tags that a role can have.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
const maxRoleTags = 50

// checkOwner returns an error if only AWS can change a role.
//
// Source: IAM User Guide, "Create a service-linked role".
func checkOwner(role identity.RoleARN) error {
	if strings.HasPrefix(role.Name, "aws-service-role/") || strings.HasPrefix(role.Name, "aws-reserved/") {
		return identity.WithHint("name a role of your own", "role %s belongs to AWS, and nobody else can change it", role)
	}
	return nil
}

// uniqueID matches the unique ID of a role or user. IAM shows it in place of the ARN of a
// principal that was deleted.
//
// Source: IAM User Guide, "IAM identifiers", "Unique identifiers", and "AWS JSON policy
// elements: Principal", "IAM role principals".
var uniqueID = regexp.MustCompile(`^A[A-Z]{3}[A-Z0-9]{12,}$`)

// checkPrincipals returns an error for each statement that names a deleted principal. IAM
// accepts no trust policy with such a statement, even if it had it before.
func checkPrincipals(role identity.RoleARN, trust iam.Document) (problems []error) {
	for i, s := range trust.Statement {
		var stale []string
		for _, principal := range slices.Concat(s.Principal.AWS, s.NotPrincipal.AWS) {
			if uniqueID.MatchString(principal) {
				stale = append(stale, principal)
			}
		}
		if len(stale) == 0 {
			continue
		}
		names := strings.Join(stale, ", ")
		problems = append(problems, identity.WithHint("remove "+names+" from the statement, or the whole statement, for example in the IAM console",
			"role %s: %s of the trust policy names %s, which no longer exists, and IAM accepts no change to the policy until it is removed", role, iam.StatementTitle(i+1, s), names))
	}
	return problems
}
