package identity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

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
		return RoleARN{}, fmt.Errorf("%s is a session of an assumed role: write the role's own ARN, arn:%s:iam::%s:role/%s",
			quote(value), a.Partition, a.AccountID, name)
	}
	if err := checkIAM(value, a, roleExample); err != nil {
		return RoleARN{}, err
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	if kind != "role" {
		return RoleARN{}, notARole(value, kind)
	}
	if err := checkRoleName(name); err != nil {
		return RoleARN{}, fmt.Errorf("%s %w", quote(value), err)
	}
	return RoleARN{Partition: a.Partition, Account: a.AccountID, Name: name}, nil
}

// assumedRole returns the role's name where the ARN is what
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
		return fmt.Errorf("%s names no role: write it like %s", quote(value), roleExample)
	}
	return fmt.Errorf("%s is the ARN of %s: write the role's, like %s", quote(value), called, roleExample)
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
		return errors.New("has an empty step in its path: write one slash")
	}
	if r, strange := stranger(name, alnumAnd("+=,.@_-")); strange {
		return fmt.Errorf("has %q in the role name: IAM takes letters, digits and +=,.@_-", r)
	}
	if r, strange := stranger(path, inRolePath); strange {
		return fmt.Errorf("has %q in the role's path: it cannot stand there", r)
	}
	return nil
}

func inRolePath(r rune) bool {
	return '!' <= r && r <= '~' && !strings.ContainsRune("*?$\"'`\\<>", r)
}
