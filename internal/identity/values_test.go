package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

func TestParseRoleARN(t *testing.T) {
	for value, want := range map[string]identity.RoleARN{
		"arn:aws:iam::123456789012:role/r":                {Partition: "aws", Account: "123456789012", Name: "r"},
		"arn:aws-cn:iam::123456789012:role/r":             {Partition: "aws-cn", Account: "123456789012", Name: "r"},
		"arn:aws-us-gov:iam::123456789012:role/r":         {Partition: "aws-us-gov", Account: "123456789012", Name: "r"},
		"arn:aws-iso:iam::123456789012:role/r":            {Partition: "aws-iso", Account: "123456789012", Name: "r"},
		"arn:aws-iso-b:iam::123456789012:role/r":          {Partition: "aws-iso-b", Account: "123456789012", Name: "r"},
		"arn:aws-iso-e:iam::123456789012:role/r":          {Partition: "aws-iso-e", Account: "123456789012", Name: "r"},
		"arn:aws-iso-f:iam::123456789012:role/r":          {Partition: "aws-iso-f", Account: "123456789012", Name: "r"},
		"arn:aws:iam::000000000000:role/a/b!/R+=,.@_-9":   {Partition: "aws", Account: "000000000000", Name: "a/b!/R+=,.@_-9"},
		"arn:aws:iam::123456789012:role/" + long(64, "r"): {Partition: "aws", Account: "123456789012", Name: long(64, "r")},
	} {
		got, err := identity.ParseRoleARN(value)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
		if got.String() != value {
			t.Errorf("%s became %s", value, got)
		}
	}
}

func TestParseRoleARNRejectsOtherValues(t *testing.T) {
	const prefix = "arn:aws:iam::123456789012:"
	const example = "arn:aws:iam::123456789012:role/NAME"
	check(t, parser(identity.ParseRoleARN), map[string]string{
		"":                          "is empty: write a value, or leave the setting out",
		" " + prefix + "role/r":     `" arn:aws:iam::123456789012:role/r" has space around it: write "arn:aws:iam::123456789012:role/r"`,
		prefix + "role/r\n":         `"arn:aws:iam::123456789012:role/r\n" has space around it: write "arn:aws:iam::123456789012:role/r"`,
		" ":                         `" " is only white space`,
		`"` + prefix + `role/r"`:    `"\"arn:aws:iam::123456789012:role/r\"" has quotes around it: write arn:aws:iam::123456789012:role/r`,
		"'" + prefix + "role/r'":    `"'arn:aws:iam::123456789012:role/r'" has quotes around it: write arn:aws:iam::123456789012:role/r`,
		"spaces-backup":             `"spaces-backup" is not an ARN: write it like ` + example,
		"arn:aws:iam::1234:role/r":  `"arn:aws:iam::1234:role/r" has the account "1234": an account is twelve digits`,
		"arn:aws:iam:::role/r":      `"arn:aws:iam:::role/r" has no account: write it like ` + example,
		"arn:aws-gov:iam::1:role/r": `"arn:aws-gov:iam::1:role/r" has an unknown partition: AWS has aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f: did you mean "aws-us-gov"?`,
		"arn:aws:iam:us-west-2:123456789012:role/r":        `"arn:aws:iam:us-west-2:123456789012:role/r" has the region "us-west-2", but ARNs of IAM have none: write it like ` + example,
		"arn:aws:s3:::bucket":                              `"arn:aws:s3:::bucket" is an ARN of "s3", not of iam: write it like ` + example,
		prefix + "user/u":                                  `"arn:aws:iam::123456789012:user/u" is the ARN of a user, not of a role: write it like ` + example,
		prefix + "policy/p":                                `"arn:aws:iam::123456789012:policy/p" is the ARN of a policy, not of a role: write it like ` + example,
		prefix + "root":                                    `"arn:aws:iam::123456789012:root" is the ARN of the account itself, not of a role: write it like ` + example,
		prefix + "mfa/m":                                   `"arn:aws:iam::123456789012:mfa/m" is the ARN of "mfa", not of a role: write it like ` + example,
		"arn:aws:sts::123456789012:assumed-role/r/session": `"arn:aws:sts::123456789012:assumed-role/r/session" is a session of an assumed role: write the role's own ARN, arn:aws:iam::123456789012:role/r`,
		prefix + "role/":                                   `"arn:aws:iam::123456789012:role/" has no role name after role/`,
		prefix + "role/a//r":                               `"arn:aws:iam::123456789012:role/a//r" has an empty segment in its path: write one slash`,
		prefix + "role/*":                                  `"arn:aws:iam::123456789012:role/*" has '*' in the role name: IAM allows letters, digits and +=,.@_-`,
		prefix + "role/a*/r":                               `"arn:aws:iam::123456789012:role/a*/r" has '*' in the role's path, which is not allowed there`,
		prefix + `role/r","x`:                              `"arn:aws:iam::123456789012:role/r\",\"x" has '"' in the role name: IAM allows letters, digits and +=,.@_-`,
		prefix + "role/${aws:username}":                    `"arn:aws:iam::123456789012:role/${aws:username}" has '$' in the role name: IAM allows letters, digits and +=,.@_-`,
		prefix + "role/" + long(65, "r"):                   `"arn:aws:iam::123456789012:role/` + long(65, "r") + `" has a role name of 65 characters: IAM allows up to 64`,
	})
}

func TestParseOIDCProvider(t *testing.T) {
	const eks = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	for value, want := range map[string]identity.OIDCProvider{
		eks:              {HostPath: eks},
		"https://" + eks: {HostPath: eks},
		"arn:aws:iam::123456789012:oidc-provider/" + eks:        {HostPath: eks, Partition: "aws", Account: "123456789012"},
		"oidc.eks.cn-north-1.amazonaws.com.cn/id/A":             {HostPath: "oidc.eks.cn-north-1.amazonaws.com.cn/id/A"},
		"oidc-eks.us-west-2.api.aws/id/A":                       {HostPath: "oidc-eks.us-west-2.api.aws/id/A"},
		"https://issuer.example.com":                            {HostPath: "issuer.example.com"},
		"s3.example.com/a_b~c.d-e/F":                            {HostPath: "s3.example.com/a_b~c.d-e/F"},
		"arn:aws-cn:iam::123456789012:oidc-provider/a.b/c":      {HostPath: "a.b/c", Partition: "aws-cn", Account: "123456789012"},
		"arn:aws-us-gov:iam::123456789012:oidc-provider/a.b/cd": {HostPath: "a.b/cd", Partition: "aws-us-gov", Account: "123456789012"},
	} {
		got, err := identity.ParseOIDCProvider(value)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
		if want := strings.TrimPrefix(value, "https://"); got.String() != want {
			t.Errorf("%s became %s", value, got)
		}
	}
}

func TestParseOIDCProviderRejectsOtherValues(t *testing.T) {
	const like = ": write it like oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	const likeARN = ": write it like arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	check(t, parser(identity.ParseOIDCProvider), map[string]string{
		"https://a.b/c ":                     `"https://a.b/c " has space around it: write "https://a.b/c"`,
		"http://a.b/c":                       `"http://a.b/c" begins with http://, but an issuer begins with https://` + like,
		"https://a.b:443/c":                  `"https://a.b:443/c" has a port, which IAM does not allow` + like,
		"https://user@a.b/c":                 `"https://user@a.b/c" has no valid host: it has '@', only lower-case letters, digits and - are allowed` + like,
		"A.b/c":                              `"A.b/c" has capital letters in the host` + like,
		"EXAMPLED539D":                       `"EXAMPLED539D" has capital letters in the host` + like,
		"localhost/x":                        `"localhost/x" has "localhost" before the path, which is not a full host name` + like,
		"*.b/c":                              `"*.b/c" has no valid host: it has '*', only lower-case letters, digits and - are allowed` + like,
		"a.b/*":                              `"a.b/*" has '*' in its path` + like,
		"a.b/c?d":                            `"a.b/c?d" has '?' in its path` + like,
		"a.b/c:aud":                          `"a.b/c:aud" has ':' in its path` + like,
		`a.b/c":"x`:                          `"a.b/c\":\"x" has '"' in its path` + like,
		"a.b/${x}":                           `"a.b/${x}" has '$' in its path` + like,
		"a.b/c/":                             `"a.b/c/" ends in a slash, which the issuer does not have` + like,
		"a.b//c":                             `"a.b//c" has the segment "" in its path` + like,
		"a.b/../c":                           `"a.b/../c" has the segment ".." in its path` + like,
		"oidc.eks.us-west-2.amazonaws.com":   `"oidc.eks.us-west-2.amazonaws.com" is not the whole issuer of an EKS cluster, which ends in /id/ and an ID` + like,
		"oidc.eks.us-west-2.amazonaws.com/A": `"oidc.eks.us-west-2.amazonaws.com/A" is not the whole issuer of an EKS cluster, which ends in /id/ and an ID` + like,
		"arn:aws:eks:us-west-2:123456789012:cluster/prod": `"arn:aws:eks:us-west-2:123456789012:cluster/prod" is the cluster's ARN: write its OIDC issuer, like ` + like[len(": write it like "):],
		"arn:aws:iam::123456789012:role/r":                `"arn:aws:iam::123456789012:role/r" is not an OIDC provider` + likeARN,
		"arn:aws:iam::123456789012:oidc-provider/a.b:1/c": `"arn:aws:iam::123456789012:oidc-provider/a.b:1/c" has a port, which IAM does not allow` + likeARN,
		"arn:aws:iam::12:oidc-provider/a.b":               `"arn:aws:iam::12:oidc-provider/a.b" has the account "12": an account is twelve digits`,
		"a.b/" + long(252, "x"):                           `"a.b/` + long(116, "x") + `…" is longer than IAM's 255 characters` + like,
	})
}

func TestParseMatch(t *testing.T) {
	for value, want := range map[string]string{
		"uuid":         "mxp-????????-????-????-????-????????????-system",
		"mxp-*-system": "mxp-*-system",
		"a":            "a",
		"*a":           "*a",
		"?-1?":         "?-1?",
	} {
		got, err := identity.ParseMatch(value)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got.Pattern()); diff != "" {
			t.Error(diff)
		}
	}
	const all = " would admit every namespace: write uuid, or a pattern like mxp-*-system"
	const set = ": a pattern has only lower-case letters, digits, -, * and ?: write uuid, or a pattern like mxp-*-system"
	check(t, parser(identity.ParseMatch), map[string]string{
		"*":           `"*"` + all,
		"**":          `"**"` + all,
		"?*-":         `"?*-"` + all,
		"???":         `"???"` + all,
		"UUID":        `"UUID" has 'U'` + set,
		"a,b":         `"a,b" has ','` + set,
		"mxp-[a-z]":   `"mxp-[a-z]" has '['` + set,
		"a:*":         `"a:*" has ':'` + set,
		"${a}":        `"${a}" has '$'` + set,
		"a.b":         `"a.b" has '.'` + set,
		"*e*":         `"*e*" admits the namespace kube-system, which does not belong to a control plane: write uuid, or a pattern like mxp-*-system`,
		"de*":         `"de*" admits the namespace default, which does not belong to a control plane: write uuid, or a pattern like mxp-*-system`,
		" uuid":       `" uuid" has space around it: write "uuid"`,
		long(64, "a"): `"` + long(64, "a") + `" has 64 characters: a namespace has up to 63`,
	})
}

// Pattern, Regexp and Admits agree on valid names of namespaces.
func TestPatternAndRegexpOfAMatchAgree(t *testing.T) {
	const uuid = "706c49fa-5bb8-4a7e-9f41-2fc38ef4b065"
	for match, want := range map[identity.Match]string{
		identity.MatchUUID: "^mxp-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-system$",
		"mxp-*-system":     "^mxp-[a-z0-9-]*-system$",
		"team-?":           "^team-[a-z0-9-]$",
	} {
		if diff := cmp.Diff(want, match.Regexp()); diff != "" {
			t.Error(diff)
		}
	}
	for _, c := range []struct {
		match     identity.Match
		namespace string
		want      bool
	}{
		{identity.MatchUUID, identity.HostNamespace(uuid), true},
		{identity.MatchUUID, identity.HostNamespace(strings.ToUpper(uuid)), false},
		{identity.MatchUUID, identity.HostNamespace("zzzzzzzz" + uuid[8:]), false},
		{identity.MatchUUID, identity.HostNamespace(uuid) + "-2", false},
		{identity.MatchUUID, "a-" + identity.HostNamespace(uuid), false},
		{"mxp-*-system", identity.HostNamespace(uuid), true},
		{"mxp-*-system", "mxp--system", true},
		{"mxp-*-system", "mxp-a-systems", false},
		{"team-?", "team-a", true},
		{"team-?", "team-ab", false},
		{"team-?", "team-", false},
		{"", "", false},
	} {
		if got := c.match.Admits(c.namespace); got != c.want {
			t.Errorf("%q admits %q: %t", c.match, c.namespace, got)
		}
	}
}

// check compares the message of each bad value, with its hint after a colon.
func check(t *testing.T, parse func(string) error, want map[string]string) {
	t.Helper()
	for value, message := range want {
		checkMessage(t, value, message, parse(value))
	}
}

func checkMessage(t *testing.T, value, want string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%q was accepted, want %s", value, want)
		return
	}
	got := err.Error()
	if hinter, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && hinter.Hint() != "" {
		got += ": " + hinter.Hint()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-want +got):\n%s", value, diff)
	}
}

// accept checks that good values are accepted.
func accept(t *testing.T, parse func(string) error, values ...string) {
	t.Helper()
	for _, value := range values {
		if err := parse(value); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func parser[T any](parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		_, err := parse(value)
		return err
	}
}

func long(n int, of string) string { return strings.Repeat(of, n) }
