package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// The tags by which this program knows what is its own, and what it last saw.
const (
	TagOwner = "spaces-identity.dev/managed-by"
	Owner    = "spaces-identity"
	tagSeen  = "spaces-identity.dev/associations"
)

func ownerTags() map[string]string { return map[string]string{TagOwner: Owner} }

// wantedRole is what should stand in a role. Several components may share one.
type wantedRole struct {
	arn      identity.RoleARN
	trust    iam.Document
	policies []namedPolicy
	parts    []identity.Component
}

type namedPolicy struct {
	name string
	doc  iam.Document
}

// wantedRoles are the roles of the config, in the order of its components.
func wantedRoles(spec identity.Spec) ([]wantedRole, error) {
	var roles []wantedRole
	for _, c := range spec.Components {
		doc, err := iam.Trust(spec, c, subjectsOf(spec))
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(roles, func(r wantedRole) bool { return r.arn == c.Role })
		if at < 0 {
			roles, at = append(roles, wantedRole{arn: c.Role, trust: iam.Document{Version: iam.PolicyVersion}}), len(roles)
		} else {
			doc = apart(doc, c)
		}
		roles[at].parts = append(roles[at].parts, c)
		roles[at].trust.Statement = append(roles[at].trust.Statement, doc.Statement...)
		if c.Bucket == "" { // what the role may do is somebody else's business
			continue
		}
		permissions, err := iam.Permissions(c)
		if err != nil {
			return nil, err
		}
		roles[at].policies = append(roles[at].policies, namedPolicy{policyName(c), permissions})
	}
	return roles, nil
}

func subjectsOf(spec identity.Spec) iam.Subjects {
	return iam.SubjectsOf(spec)
}

// apart gives the statements of a component that shares another's role Sids of
// their own.
func apart(doc iam.Document, c identity.Component) iam.Document {
	for i := range doc.Statement {
		doc.Statement[i].Sid += "For" + short(c.Name)
	}
	return doc
}

func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// policyName is the inline policy's name. IAM takes up to 128 characters.
func policyName(c identity.Component) string {
	name := "SpacesIdentity-" + c.Name
	if len(name) > 128 {
		return "SpacesIdentity-" + short(c.Name)
	}
	return name
}

// wantedAssociations are the associations of a component, with our tag.
func wantedAssociations(spec identity.Spec, c identity.Component) ([]iam.Association, error) {
	if !c.Mode.UsesPodIdentity() {
		return nil, nil
	}
	list, err := iam.Associations(spec, c, spec.ControlPlanes.Namespaces)
	for i := range list {
		tags := ownerTags()
		maps.Copy(tags, list[i].Tags)
		tags[TagOwner] = Owner
		list[i].Tags = tags
	}
	return list, err
}

// budget is the whole trust policy against the account's quota: what is not from
// the config takes its part of it.
func budget(spec identity.Spec, role wantedRole, merged iam.Document, quota int) (iam.Budget, error) {
	total := iam.Length(merged)
	c := role.parts[0]
	own, err := iam.Trust(spec, c, subjectsOf(spec))
	if err != nil {
		return iam.Budget{}, err
	}
	others := max(0, total-iam.Length(own))
	if others >= quota {
		return iam.Budget{Used: total, Limit: quota}, nil
	}
	spec.TrustPolicyQuota = quota - others
	b, err := iam.NewBudget(spec, c, subjectsOf(spec))
	b.Used, b.Limit = total, quota
	for i := range b.WaysOut {
		b.WaysOut[i].Length += others
	}
	return b, err
}

// tooLong says that a trust policy does not fit, and the ways out.
func tooLong(role identity.RoleARN, b iam.Budget) error {
	if err := b.Err(); err != nil {
		return fmt.Errorf("role %s: %w\nnothing was changed; the quota is the account's own (GetAccountSummary, AssumeRolePolicySizeQuota)", role, err)
	}
	return nil
}
