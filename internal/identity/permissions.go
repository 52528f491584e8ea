package identity

import (
	"errors"
	"fmt"

	"spaces-identity.dev/internal/iam"
)

// MaxInlinePolicies is the length that all inline policies of a role may have together, in
// characters without white space.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
const MaxInlinePolicies = 10240

// HasPermissions reports whether the config says what the component's role may do.
func (c Component) HasPermissions() bool {
	return c.Bucket != "" || len(c.Secrets)+len(c.Parameters)+len(c.Permissions.Statement) > 0
}

// stored checks the list of secrets or parameters at the path.
func (p *problemList) stored(at string, kind StoredKind, list []Stored) {
	seen := map[string]string{}
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", at, i)
		if s.Kind != kind {
			p.add(at, fmt.Errorf("is a %s, not a %s", s.Kind, kind))
			continue
		}
		p.add(at, s.check())
		if first := firstUse(seen, s.ARN(RoleARN{}, ""), at); first != "" {
			p.add(at, WithHint("list each "+string(kind)+" once", "%s is already listed as %s", quote(s.Name), first))
		}
	}
}

func (p *problemList) storedPartitions(at string, list []Stored, role RoleARN) {
	for i, s := range list {
		p.samePartition(fmt.Sprintf("%s[%d]", at, i), s.ARN(role, ""), s.Partition, role)
	}
}

// ParsePermissions reads a permissions policy in JSON.
func ParsePermissions(text string) (iam.Document, error) {
	doc, err := iam.Parse([]byte(text))
	if err != nil {
		return iam.Document{}, fmt.Errorf("is not a policy: %w", err)
	}
	return doc, checkPermissions(doc)
}

// checkPermissions checks a policy that a user gives to a role, however it was made. Its
// statements become part of a policy of the current version, in which ${ begins a variable.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy
// elements: Sid".
func checkPermissions(doc iam.Document) error {
	if len(doc.Statement) == 0 {
		return nil
	}
	if doc.Version != iam.PolicyVersion {
		return WithHint("write Version: "+iam.PolicyVersion, "has the version %q: the other version has no policy variables", doc.Version)
	}
	for i, s := range doc.Statement {
		title := iam.StatementTitle(i+1, s)
		switch _, bad := notIn(s.Sid, alnum); {
		case bad:
			return WithHint("write letters and digits only", "%s has a Sid that IAM does not allow", title)
		case !s.Principal.IsZero() || !s.NotPrincipal.IsZero():
			return WithHint("remove it: the role itself is the principal", "%s has a Principal, which a permissions policy cannot have", title)
		case len(s.Resource) == 0 && len(s.NotResource) == 0:
			return fmt.Errorf("%s has no Resource", title)
		case len(s.Action) == 0 && len(s.NotAction) == 0:
			return fmt.Errorf("%s has no Action", title)
		}
	}
	if !inIAMCharset(string(doc.Compact())) {
		return errors.New("has characters that IAM does not allow in a policy: use those up to U+00FF")
	}
	return CheckInlineLength(iam.Length(doc))
}

// CheckInlineLength checks the length of the inline policies of a role, in characters.
func CheckInlineLength(characters int) error {
	if characters > MaxInlinePolicies {
		return WithHint("shorten the lists of the config, or attach a managed policy to the role",
			"has %d characters: IAM allows %d for all inline policies of a role", characters, MaxInlinePolicies)
	}
	return nil
}
