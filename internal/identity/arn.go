package identity

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// RoleARN names an IAM role: arn:<partition>:iam::<account>:role/<path and name>. The
// program takes the partition and account of everything that it writes from it.
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

// ParseRoleARN reads arn:<partition>:iam::<account>:role/<path and name>. It rejects
// characters in the path that have a meaning in a policy (* ? $) or in a string (quotes,
// backslash).
//
// Source: IAM API reference, CreateRole.
func ParseRoleARN(value string) (RoleARN, error) {
	if name, a := AssumedRole(value); name != "" {
		return RoleARN{}, WithHint("write the role's own ARN, "+RoleARN{a.Partition, a.AccountID, name}.String(),
			"%s is a session of an assumed role", quote(value))
	}
	a, err := parseARN(value, "iam", roleExample)
	if err != nil {
		return RoleARN{}, err
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	if kind != "role" {
		return RoleARN{}, WithHint("write it like "+roleExample, "%s is the ARN of %s, not of a role", quote(value), nameOfKind(kind))
	}
	role := RoleARN{a.Partition, a.AccountID, name}
	return role, role.check()
}

// check checks a role that is set, however it was made.
func (r RoleARN) check() error {
	if err := checkOwner(r.String(), r.Partition, r.Account, roleExample); err != nil {
		return err
	}
	if err := checkRoleName(r.Name); err != nil {
		return fmt.Errorf("%s %w", quote(r.String()), err)
	}
	return nil
}

// AssumedRole returns the name of the role if the value is an ARN that
// `aws sts get-caller-identity` prints for a role in use.
func AssumedRole(value string) (name string, a arn.ARN) {
	a, err := arn.Parse(value)
	session, ok := strings.CutPrefix(a.Resource, "assumed-role/")
	if err != nil || !ok || a.Service != "sts" || a.AccountID == "" {
		return "", a
	}
	name, _, _ = strings.Cut(session, "/")
	return name, a
}

// nameOfKind returns what IAM calls a resource of the kind that its ARN has.
func nameOfKind(kind string) string {
	return cmp.Or(map[string]string{
		"role": "a role", "user": "a user", "group": "a group", "policy": "a policy", "root": "the account itself",
		"instance-profile": "an instance profile", "oidc-provider": "an OIDC provider",
	}[kind], quote(kind))
}

// checkRoleName checks a role's name with its path, without the leading slash.
func checkRoleName(pathAndName string) error {
	cut := strings.LastIndexByte(pathAndName, '/') + 1
	path, name := pathAndName[:cut], pathAndName[cut:]
	switch {
	case name == "":
		return errors.New("has no role name after role/")
	case len(name) > 64:
		return fmt.Errorf("has a role name of %d characters: IAM allows up to 64", len(name))
	}
	if r, ok := notIn(name, alnum+"+=,.@_-"); ok {
		return fmt.Errorf("has %q in the role name: IAM allows letters, digits and +=,.@_-", r)
	}
	return checkPath(path, "the role's path")
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

// ParseKMSKeyARN reads arn:<partition>:kms:<region>:<account>:key/<ID>. It rejects an
// alias, because IAM grants access to keys only (AWS KMS Developer Guide).
func ParseKMSKeyARN(value string) (KMSKeyARN, error) {
	a, err := parseARN(value, "kms", keyExample)
	if err != nil {
		return KMSKeyARN{}, err
	}
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	if strings.HasPrefix(a.Resource, "alias/") {
		return KMSKeyARN{}, WithHint("write it like "+keyExample, "%s is an alias, and IAM grants access only to the key itself", quote(value))
	}
	if !isKey {
		return KMSKeyARN{}, WithHint("write it like "+keyExample, "%s is not a key", quote(value))
	}
	key := KMSKeyARN{a.Partition, a.Region, a.AccountID, id}
	return key, key.check()
}

// check checks a key that is set, however it was made.
func (k KMSKeyARN) check() error {
	if err := checkOwner(k.String(), k.Partition, k.Account, keyExample); err != nil {
		return err
	}
	if err := ValidateRegion(k.Region); err != nil {
		return fmt.Errorf("%s has no valid region: %w", quote(k.String()), err)
	}
	if _, bad := notIn(k.ID, alnum+"-"); bad || k.ID == "" {
		return WithHint("write it like "+keyExample, "%s has no valid key ID", quote(k.String()))
	}
	return nil
}

// partitions returns the groups of AWS regions that have an IAM of their own, as the AWS
// SDKs list them.
func partitions() []string {
	return []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
}

// parseARN splits an ARN of the service. The ARNs of IAM have no region. The hint of an
// error shows the example.
func parseARN(value, service, example string) (arn.ARN, error) {
	if err := checkPlain(value); err != nil {
		return arn.ARN{}, err
	}
	a, err := arn.Parse(value)
	hint := "write it like " + example
	switch {
	case err != nil:
		return a, WithHint(hint, "%s is not an ARN", quote(value))
	case a.Service != service:
		return a, WithHint(hint, "%s is an ARN of %s, not of %s", quote(value), quote(a.Service), service)
	case service == "iam" && a.Region != "":
		return a, WithHint(hint, "%s has the region %s, but ARNs of IAM have none", quote(value), quote(a.Region))
	}
	return a, nil
}

// checkOwner checks the partition and the account of an ARN.
func checkOwner(value, partition, account, example string) error {
	switch {
	case !slices.Contains(partitions(), partition):
		return WithHint(DidYouMean(partition, partitions()), "%s has an unknown partition: AWS has %s",
			quote(value), strings.Join(partitions(), ", "))
	case account == "":
		return WithHint("write it like "+example, "%s has no account", quote(value))
	case !isAccount(account):
		return fmt.Errorf("%s has the account %s: an account is twelve digits", quote(value), quote(account))
	}
	return nil
}

func isAccount(text string) bool {
	_, other := notIn(text, digits)
	return len(text) == 12 && !other
}

// ValidateSourceARN checks a pattern that a trust policy compares with aws:SourceArn.
func ValidateSourceARN(pattern string) error {
	if strings.Count(pattern, ":") >= 5 && strings.HasPrefix(pattern, "arn:") && !strings.Contains(pattern, "${") && inIAMCharset(pattern) {
		return nil
	}
	return WithHint("write arn:partition:service:region:account:resource, with * and ? for any characters",
		"%s is not a pattern of ARNs", quote(pattern))
}

// inIAMCharset reports whether IAM allows the text in a policy: printable characters up
// to U+00FF.
//
// Source: IAM API reference, UpdateAssumeRolePolicy, PolicyDocument.
func inIAMCharset(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0xFF })
}
