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

// TestBoundariesOfNames has the longest and the nearest names that are accepted, and the
// next ones, which are not.
func TestBoundariesOfNames(t *testing.T) {
	accept(t, identity.ValidateRegion, "us-"+long(27, "a")+"-1")
	accept(t, identity.ValidateSourceARN, "arn:aws:eks:*:111111111111:x/\u00ff", "arn:aws:eks:*:111111111111:x/ ")
	for name, refused := range map[string]error{
		"a region of 33 characters":      identity.ValidateRegion("us-" + long(28, "a") + "-1"),
		"a source that IAM cannot write": identity.ValidateSourceARN("arn:aws:eks:*:111111111111:x/\u0100"),
		"a source with a control":        identity.ValidateSourceARN("arn:aws:eks:*:111111111111:x/\u001f"),
		"an empty endpoint":              identity.ValidateEndpoint(""),
		"an endpoint with space":         identity.ValidateEndpoint(" s3.amazonaws.com"),
	} {
		if refused == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestClusterNamesThatAreNoARN gets the general message, and an ARN gets its name.
func TestClusterNamesThatAreNoARN(t *testing.T) {
	for name, want := range map[string]string{
		"arn:aws:eks:us-west-2:111111111111:cluster/prod": "write its name, prod",
		"x:cluster/prod":   "",
		"arn:aws:eks:prod": "",
	} {
		err := identity.ValidateClusterName(name)
		if err == nil || identity.HintOf(err) != want {
			t.Errorf("%s: %v, hint %q", name, err, identity.HintOf(err))
		}
	}
}

func TestLongWordsAreNoMisspellings(t *testing.T) {
	for _, words := range [][2]string{{"x" + long(256, "a"), "y" + long(255, "a")}, {"x" + long(255, "a"), "y" + long(256, "a")}} {
		if got := identity.DidYouMean(words[0], []string{words[1]}); got != "" {
			t.Errorf("%d bytes are near %d bytes: %q", len(words[0]), len(words[1]), got)
		}
	}
	if got := identity.DidYouMean(long(256, "a"), []string{long(255, "a") + "b"}); got == "" {
		t.Error("256 bytes have no suggestion")
	}
}
