package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// RoleARN names an IAM role: arn:<partition>:iam::<account>:role/<name>, the
// name with its path. Partition and account of everything that the program writes
// come from it.
type RoleARN struct {
	Partition string // aws, aws-cn, aws-us-gov, …
	Account   string // twelve digits
	Name      string // with its path, such as teams/backup
}

// IsZero reports whether no role is set.
func (r RoleARN) IsZero() bool { return r == RoleARN{} }

// String returns the ARN, or nothing if no role is set.
func (r RoleARN) String() string {
	if r.IsZero() {
		return ""
	}
	return "arn:" + r.Partition + ":iam::" + r.Account + ":role/" + r.Name
}

// Path returns the path of the role with the slashes around it: / or /teams/.
func (r RoleARN) Path() string { return "/" + r.Name[:strings.LastIndexByte(r.Name, '/')+1] }

// BaseName returns the name of the role without its path.
func (r RoleARN) BaseName() string { return r.Name[strings.LastIndexByte(r.Name, '/')+1:] }

const roleExample = "arn:aws:iam::123456789012:role/NAME"

// ParseRoleARN reads arn:<partition>:iam::<account>:role/<path and name>. The
// rules are those of IAM's CreateRole: a name of up to 64 letters, digits and
// +=,.@_-, a path of up to 512 characters. Of the path's characters the ones
// that mean something in a policy (* ? $) or in a string (quotes, backslash)
// are refused.
func ParseRoleARN(value string) (RoleARN, error) {
	a, err := parseARN(value, roleExample)
	if err != nil {
		return RoleARN{}, err
	}
	if name, ok := assumedRole(a); ok {
		return RoleARN{}, WithHint("write the role's own ARN, "+RoleARN{a.Partition, a.AccountID, name}.String(),
			"%s is a session of an assumed role", quote(value))
	}
	if err := checkIAM(value, a, roleExample); err != nil {
		return RoleARN{}, err
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	if kind != "role" {
		return RoleARN{}, notARole(value, kind)
	}
	role := RoleARN{a.Partition, a.AccountID, name}
	if err := role.check(); err != nil {
		return RoleARN{}, err
	}
	return role, nil
}

// check checks a role that is set, however it was made.
func (r RoleARN) check() error {
	err := checkOwner(r.String(), r.Partition, r.Account)
	if err == nil && r.Account == "" {
		err = WithHint("write it like "+roleExample, "%s has no account", quote(r.String()))
	}
	if err != nil {
		return err
	}
	if err := checkRoleName(r.Name); err != nil {
		return fmt.Errorf("%s %w", quote(r.String()), err)
	}
	return nil
}

// assumedRole returns the role's name if the ARN is what
// `aws sts get-caller-identity` prints for a role in use.
func assumedRole(a arn.ARN) (name string, ok bool) {
	session, ok := strings.CutPrefix(a.Resource, "assumed-role/")
	name, _, _ = strings.Cut(session, "/")
	return name, ok && a.Service == "sts" && a.AccountID != "" && name != ""
}

func notARole(value, kind string) error {
	called := map[string]string{
		"user": "a user", "group": "a group", "policy": "a policy", "root": "the account itself",
		"instance-profile": "an instance profile", "oidc-provider": "an OIDC provider",
	}[kind]
	if called == "" {
		return WithHint("write it like "+roleExample, "%s names no role", quote(value))
	}
	return WithHint("write the role's, like "+roleExample, "%s is the ARN of %s", quote(value), called)
}

// checkRoleName checks a role's name with its path, without the leading slash.
func checkRoleName(pathAndName string) error {
	cut := strings.LastIndexByte(pathAndName, '/') + 1
	path, name := pathAndName[:cut], pathAndName[cut:]
	switch {
	case name == "":
		return errors.New("has no role name after role/")
	case len(name) > 64:
		return fmt.Errorf("has a role name of %d characters: IAM takes up to 64", len(name))
	case len("/"+path) > 512:
		return fmt.Errorf("has a path of %d characters: IAM takes up to 512", len("/"+path))
	case strings.HasPrefix(path, "/") || strings.Contains(path, "//"):
		return WithHint("write one slash", "has an empty step in its path")
	}
	if r, ok := notIn(name, alnumAnd("+=,.@_-")); ok {
		return fmt.Errorf("has %q in the role name: IAM takes letters, digits and +=,.@_-", r)
	}
	if r, ok := notIn(path, inRolePath); ok {
		return fmt.Errorf("has %q in the role's path, which is not allowed there", r)
	}
	return nil
}

func inRolePath(r rune) bool {
	return '!' <= r && r <= '~' && !strings.ContainsRune("*?$\"'`\\<>", r)
}

// KMSKeyARN names a KMS key: arn:<partition>:kms:<region>:<account>:key/<ID>.
type KMSKeyARN struct {
	Partition, Region, Account string
	ID                         string
}

// IsZero reports whether no key is set.
func (k KMSKeyARN) IsZero() bool { return k == KMSKeyARN{} }

// String returns the ARN, or nothing if no key is set.
func (k KMSKeyARN) String() string {
	if k.IsZero() {
		return ""
	}
	return "arn:" + k.Partition + ":kms:" + k.Region + ":" + k.Account + ":key/" + k.ID
}

const keyExample = "arn:aws:kms:us-west-2:123456789012:key/KEY-ID"

// ParseKMSKeyARN reads arn:<partition>:kms:<region>:<account>:key/<ID>. An
// alias is refused: IAM grants on keys only (AWS KMS Developer Guide).
func ParseKMSKeyARN(value string) (KMSKeyARN, error) {
	a, err := parseARN(value, keyExample)
	if err != nil {
		return KMSKeyARN{}, err
	}
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	const like = "write it like " + keyExample
	switch {
	case a.Service != "kms":
		return KMSKeyARN{}, WithHint(like, "%s is an ARN of %s, not of kms", quote(value), quote(a.Service))
	case strings.HasPrefix(a.Resource, "alias/"):
		return KMSKeyARN{}, WithHint(like, "%s is an alias, and IAM grants on the key itself only", quote(value))
	case !isKey:
		return KMSKeyARN{}, WithHint(like, "%s is not a key", quote(value))
	}
	key := KMSKeyARN{a.Partition, a.Region, a.AccountID, id}
	if err := key.check(); err != nil {
		return KMSKeyARN{}, err
	}
	return key, nil
}

// check checks a key that is set, however it was made.
func (k KMSKeyARN) check() error {
	if err := checkOwner(k.String(), k.Partition, k.Account); err != nil {
		return err
	}
	const like = "write it like " + keyExample
	if k.Account == "" {
		return WithHint(like, "%s has no account", quote(k.String()))
	}
	if err := ValidateRegion(k.Region); err != nil {
		return fmt.Errorf("%s has no valid region: %w", quote(k.String()), err)
	}
	if _, bad := notIn(k.ID, alnumAnd("-")); bad || k.ID == "" {
		return WithHint(like, "%s has no valid key ID", quote(k.String()))
	}
	return nil
}

// partitions are the groups of AWS regions that have an IAM of their own, as
// the AWS SDKs list them.
func partitions() []string {
	return []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
}

// parseARN splits an ARN and checks what is common to all: the partition and,
// if there is one, the account. A message about a value that is no ARN shows the
// example.
func parseARN(value, example string) (arn.ARN, error) {
	if err := checkPlain(value); err != nil {
		return arn.ARN{}, err
	}
	a, err := arn.Parse(value)
	if err != nil {
		return arn.ARN{}, WithHint("write it like "+example, "%s is not an ARN", quote(value))
	}
	return a, checkOwner(value, a.Partition, a.AccountID)
}

// checkOwner checks the partition and, if there is one, the account of an ARN.
func checkOwner(value, partition, account string) error {
	if !slices.Contains(partitions(), partition) {
		return WithHint(DidYouMean(partition, partitions()), "%s is in no partition of AWS: those are %s",
			quote(value), strings.Join(partitions(), ", "))
	}
	if _, bad := notIn(account, isDigit); account != "" && (bad || len(account) != 12) {
		return fmt.Errorf("%s has the account %s: an account is twelve digits", quote(value), quote(account))
	}
	return nil
}

// checkIAM refuses ARNs that are not of IAM. IAM's have an account and no region.
func checkIAM(value string, a arn.ARN, example string) error {
	hint := "write it like " + example
	switch {
	case a.Service != "iam":
		return WithHint(hint, "%s is an ARN of %s, not of iam", quote(value), quote(a.Service))
	case a.Region != "":
		return WithHint(hint, "%s has the region %s, and IAM has none", quote(value), quote(a.Region))
	case a.AccountID == "":
		return WithHint(hint, "%s has no account", quote(value))
	}
	return nil
}

// ValidateSourceARN checks a pattern of ARNs that aws:SourceArn is compared with.
func ValidateSourceARN(pattern string) error {
	if strings.Count(pattern, ":") >= 5 && strings.HasPrefix(pattern, "arn:") && !strings.Contains(pattern, "${") && inIAMCharset(pattern) {
		return nil
	}
	return WithHint("write arn:partition:service:region:account:resource, with * and ? for any characters",
		"%s is not a pattern of ARNs", quote(pattern))
}

// inIAMCharset reports whether IAM takes the text in a policy: printable
// characters up to U+00FF.
//
// Source: IAM API reference, UpdateAssumeRolePolicy, PolicyDocument.
func inIAMCharset(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0xFF })
}
