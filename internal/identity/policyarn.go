package identity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PolicyARN names a managed policy of IAM: arn:<partition>:iam::<account>:policy/<path and
// name>. The account of a policy that AWS manages is the word aws.
type PolicyARN struct {
	Partition string // aws, aws-cn, aws-us-gov, …
	Account   string // twelve digits, or aws
	Name      string // with its path, such as teams/limit
}

// IsZero reports whether no policy is set.
func (p PolicyARN) IsZero() bool { return p == PolicyARN{} }

// String returns the ARN, or nothing if no policy is set.
func (p PolicyARN) String() string {
	if p.IsZero() {
		return ""
	}
	return "arn:" + p.Partition + ":iam::" + p.Account + ":policy/" + p.Name
}

// accountOfAWS is what is written instead of the account in the ARN of a policy that AWS manages.
//
// Source: IAM User Guide, "IAM identifiers", "IAM ARNs".
const accountOfAWS = "aws"

const policyExample = "arn:aws:iam::123456789012:policy/NAME"

// ParsePolicyARN reads arn:<partition>:iam::<account>:policy/<path and name>.
//
// Source: IAM API reference, AttachRolePolicy and CreatePolicy.
func ParsePolicyARN(value string) (PolicyARN, error) {
	a, err := parseARN(value, "iam", policyExample)
	if err != nil {
		return PolicyARN{}, err
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	if kind != "policy" {
		return PolicyARN{}, WithHint("write it like "+policyExample, "%s is the ARN of %s, not of a managed policy", quote(value), nameOfKind(kind))
	}
	policy := PolicyARN{a.Partition, a.AccountID, name}
	return policy, policy.check()
}

// check checks a policy that is set, however it was made.
func (p PolicyARN) check() error {
	account := p.Account
	if account == accountOfAWS {
		account = "000000000000" // any that passes
	}
	if err := checkOwner(p.String(), p.Partition, account, policyExample); err != nil {
		return err
	}
	cut := strings.LastIndexByte(p.Name, '/') + 1
	path, name := p.Name[:cut], p.Name[cut:]
	switch r, bad := notIn(name, alnum+"+=,.@_-"); {
	case name == "":
		return fmt.Errorf("%s has no name after policy/", quote(p.String()))
	case len(name) > 128:
		return fmt.Errorf("%s has a name of %d characters: IAM allows up to 128", quote(p.String()), len(name))
	case bad:
		return fmt.Errorf("%s has %q in its name: IAM allows letters, digits and +=,.@_-", quote(p.String()), r)
	}
	if err := checkPath(path, "the policy's path"); err != nil {
		return fmt.Errorf("%s %w", quote(p.String()), err)
	}
	return nil
}

// checkPath checks the path of a role or a policy, without the leading slash. Messages name
// it what.
func checkPath(path, what string) error {
	switch {
	case len("/"+path) > 512:
		return fmt.Errorf("has a path of %d characters: IAM allows up to 512", len("/"+path))
	case strings.HasPrefix(path, "/") || strings.Contains(path, "//"):
		return WithHint("write one slash", "has an empty segment in its path")
	}
	if r, ok := notIn(path, alnum+"!#%&()+,-./:;=@[]^_{|}~"); ok {
		return fmt.Errorf("has %q in %s, which is not allowed there", r, what)
	}
	return nil
}

// MinSessionDuration and MaxSessionDuration limit a role's maximum session duration, in
// seconds.
//
// Source: IAM API reference, CreateRole, MaxSessionDuration.
const (
	MinSessionDuration = 3600
	MaxSessionDuration = 43200
)

// ValidateSessionDuration checks a role's maximum session duration, in seconds.
func ValidateSessionDuration(seconds int) error {
	if seconds < MinSessionDuration || seconds > MaxSessionDuration {
		return WithHint(fmt.Sprintf("write %d to %d, one to twelve hours", MinSessionDuration, MaxSessionDuration),
			"%d seconds is not a maximum session duration that IAM allows", seconds)
	}
	return nil
}

// ValidateOrgID checks the ID of an organization of AWS.
//
// Source: AWS Organizations API reference, Organization, Id.
func ValidateOrgID(id string) error {
	rest, ok := strings.CutPrefix(id, "o-")
	_, bad := notIn(rest, "abcdefghijklmnopqrstuvwxyz0123456789")
	if !ok || bad || len(rest) < 10 || len(rest) > 32 {
		return WithHint("write o- and 10 to 32 lower-case letters or digits, as `aws organizations describe-organization` prints it",
			"%s is not the ID of an organization", quote(id))
	}
	return nil
}

// programTags begins the keys of the tags that only the program writes. Package desired has
// the same tag.
const (
	programTags  = "spaces-identity.dev/"
	managedByTag = programTags + "managed-by"
)

// mostTags is the number of tags that AWS allows on a role, an OIDC provider or an
// association.
//
// Source: IAM User Guide, "IAM and AWS STS quotas"; Amazon EKS User Guide, "Organize Amazon
// EKS resources with tags".
const mostTags = 50

// tags checks tags of the config: AWS's rules, and that none is one of the program's own.
// IAM does not distinguish case in keys. The managed-by tag is allowed: the program
// overwrites it.
func (p *problemList) tags(at string, tags map[string]string, most int) {
	if _, overwritten := tags[managedByTag]; overwritten {
		most++
	}
	if len(tags) > most {
		p.add(at, fmt.Errorf("has %d tags: AWS allows %d, and the program adds %s of them", len(tags), mostTags, count(mostTags-most)))
	}
	p.pairs(at, tags, ValidateTag)
	folded := map[string]string{}
	for _, key := range sortedKeys(tags) {
		fold := strings.ToLower(key)
		if strings.HasPrefix(fold, programTags) && key != managedByTag {
			p.add(KeyBelow(at, key), errors.New("is a tag that the program itself writes"))
		}
		if first := firstUse(folded, fold, key); first != "" {
			p.add(KeyBelow(at, key), fmt.Errorf("differs from the key %s only in case, which IAM does not distinguish", quote(first)))
		}
	}
}

// count returns a number, the number one as a word.
func count(n int) string {
	if n == 1 {
		return "one"
	}
	return strconv.Itoa(n)
}

// allTags checks the tags of everything, and with the tags of each component's associations.
func (p *problemList) allTags(s Settings) {
	records := 0 // tags with which the program remembers the managed policies of a role
	for _, c := range s.Components {
		if len(c.ManagedPolicies) > 0 {
			records++
		}
	}
	const own = 2 // managed-by, and the summary of a role's associations
	p.tags("tags", s.Tags, mostTags-own-records)
	for i, c := range s.Components {
		both := map[string]bool{}
		for _, tags := range []map[string]string{s.Tags, c.PodIdentity.Tags} {
			for key := range tags {
				both[key] = true
			}
		}
		if len(both) > mostTags-1 && len(c.PodIdentity.Tags) > 0 && len(s.Tags) > 0 {
			p.add(ComponentKey(i)+".podIdentity.tags", fmt.Errorf("and tags have %d keys together: AWS allows %d, and the program adds one of them", len(both), mostTags))
		}
	}
}

// limits checks what a component's role gets besides its own policies.
func (p *problemList) limits(at string, c Component) {
	p.arn(at+".permissionsBoundary", c.PermissionsBoundary)
	if c.MaxSessionDuration != 0 {
		p.add(at+".maxSessionDuration", ValidateSessionDuration(c.MaxSessionDuration))
	}
	p.policyOwner(at+".permissionsBoundary", c.PermissionsBoundary, c.Role)
	seen := map[string]string{}
	for i, policy := range c.ManagedPolicies {
		path := fmt.Sprintf("%s.managedPolicies[%d]", at, i)
		if policy.IsZero() {
			p.add(path, WithHint("write it like "+policyExample, "is empty"))
			continue
		}
		p.arn(path, policy)
		p.policyOwner(path, policy, c.Role)
		if firstUse(seen, policy.String(), path) != "" {
			p.add(path, WithHint("list each policy once", "%s is listed twice", policy))
		}
	}
	// Source: IAM User Guide, "IAM and AWS STS quotas".
	const mostAttached = 20
	if n := len(c.ManagedPolicies); n > mostAttached {
		p.add(at+".managedPolicies", fmt.Errorf("has %d policies: IAM allows at most %d on a role", n, mostAttached))
	}
	p.organisation(at, c)
}

// policyOwner checks that a role can have a managed policy: one of its account, or one that
// AWS manages in its partition.
func (p *problemList) policyOwner(at string, policy PolicyARN, role RoleARN) {
	switch {
	case policy.IsZero() || role.IsZero():
	case policy.Partition != role.Partition:
		p.samePartition(at, policy.String(), policy.Partition, role)
	case policy.Account != accountOfAWS && policy.Account != role.Account:
		p.add(at, fmt.Errorf("%s is in account %s, but the role %s is in %s: IAM accepts only policies of the role's account or of AWS",
			quote(policy.String()), policy.Account, role, role.Account))
	}
}

// organisation checks the condition on the organization.
//
// Source: IAM User Guide, "AWS global condition context keys", aws:SourceOrgID.
func (p *problemList) organisation(at string, c Component) {
	at += ".podIdentity.sourceOrgID"
	p.text(at, c.PodIdentity.SourceOrgID, ValidateOrgID)
	if c.PodIdentity.SourceOrgID != "" && c.Mode.UsesIRSA() {
		p.add(at, WithHint("set mode: pod-identity, or remove the setting",
			"needs mode pod-identity, and the mode is %s: aws:SourceOrgID is present only if an AWS service assumes the role, and with IRSA the pod itself calls AWS STS, so the condition would deny every backup", c.Mode))
	}
}

// sharedLimits checks that the components of a role agree on what the role has only once. A
// component that leaves a setting out agrees.
func (p *problemList) sharedLimits(components []Component) {
	boundaries, durations := map[string]Component{}, map[string]Component{}
	differ := func(first map[string]Component, c Component, value func(Component) string, at string) {
		role := c.Role.String()
		switch other, known := first[role]; {
		case role == "" || value(c) == "":
		case !known:
			first[role] = c
		case value(other) != value(c):
			p.add(at, WithHint("write the same value in both, or only one of them",
				"is %s, but component %s has %s for the same role", value(c), other.Name, value(other)))
		}
	}
	for i, c := range components {
		differ(boundaries, c, func(c Component) string { return c.PermissionsBoundary.String() }, ComponentKey(i)+".permissionsBoundary")
		differ(durations, c, func(c Component) string {
			if c.MaxSessionDuration == 0 {
				return ""
			}
			return fmt.Sprintf("%d seconds", c.MaxSessionDuration)
		}, ComponentKey(i)+".maxSessionDuration")
	}
}
