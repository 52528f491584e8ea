package identity_test

import (
	"strings"
	"testing"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// TestLengthsAtTheirLimits tries every limit with a text of exactly that length, and with
// one character more.
func TestLengthsAtTheirLimits(t *testing.T) {
	second := func(validate func(key, value string) error, key string) func(string) error {
		return func(value string) error { return validate(key, value) }
	}
	first := func(validate func(key, value string) error) func(string) error {
		return func(key string) error { return validate(key, "x") }
	}
	role := func(name string) error {
		_, err := identity.ParseRoleARN("arn:aws:iam::123456789012:role/" + name)
		return err
	}
	match := func(pattern string) error {
		_, err := identity.ParseMatch(pattern)
		return err
	}
	provider := func(path string) error {
		_, err := identity.ParseOIDCProvider("https://a.b/" + path)
		return err
	}
	for name, tt := range map[string]struct {
		check func(string) error
		of    string // one character
		most  int
	}{
		"a namespace":                      {identity.ValidateNamespace, "a", 63},
		"a service account":                {identity.ValidateServiceAccount, "a", 253},
		"the name of an object":            {identity.ValidateObjectName, "a", 253},
		"a bucket":                         {identity.ValidateBucket, "a", 63},
		"a role":                           {role, "r", 64},
		"a pattern of namespaces":          {match, "a", 63},
		"an OIDC provider":                 {provider, "x", 255 - len("a.b/")},
		"the key of a label":               {first(identity.ValidateLabel), "k", 63},
		"the key of a label with a domain": {first(func(key, value string) error { return identity.ValidateLabel("a/"+key, value) }), "k", 63},
		"the domain of a label":            {first(func(domain, value string) error { return identity.ValidateLabel(domain+"/k", value) }), "d", 253},
		"the value of a label":             {second(identity.ValidateLabel, "k"), "v", 63},
		"the key of a tag":                 {first(identity.ValidateTag), "é", 128},
		"the value of a tag":               {second(identity.ValidateTag, "k"), "é", 256},
	} {
		if err := tt.check(strings.Repeat(tt.of, tt.most)); err != nil {
			t.Errorf("%s of %d characters: %v", name, tt.most, err)
		}
		if err := tt.check(strings.Repeat(tt.of, tt.most+1)); err == nil {
			t.Errorf("%s of %d characters is accepted", name, tt.most+1)
		}
	}
	for length, want := range map[int]bool{2: false, 3: true} {
		if err := identity.ValidateBucket(strings.Repeat("b", length)); (err == nil) != want {
			t.Errorf("a bucket of %d characters: %v", length, err)
		}
	}
}

// TestSessionPolicyAtItsLimit counts characters, not bytes.
func TestSessionPolicyAtItsLimit(t *testing.T) {
	policy := func(length int) string {
		d := iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{{Effect: iam.Allow, Action: iam.Values{"s3:*"}, Resource: iam.Values{""}}}}
		d.Statement[0].Resource[0] = strings.Repeat("é", length-iam.Length(d))
		return string(d.Compact())
	}
	for length, want := range map[int]bool{2048: true, 2049: false} {
		s := identity.PodIdentitySettings{Policy: policy(length), DisableSessionTags: true}
		role := identity.RoleARN{Partition: "aws", Account: "111111111111", Name: "r"}
		problems := problemsOf(identity.Settings{Components: []identity.Component{{Name: "vector", Role: role, PodIdentity: s}}})
		if (len(problems) == 0) != want {
			t.Errorf("a session policy of %d characters: %v", length, problems)
		}
	}
}
