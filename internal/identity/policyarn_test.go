package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

func TestParsePolicyARN(t *testing.T) {
	for value, want := range map[string]string{
		"arn:aws:iam::123456789012:policy/limit":                              "",
		"arn:aws:iam::123456789012:policy/teams/limit":                        "",
		"arn:aws-cn:iam::aws:policy/service-role/x":                           "",
		"arn:aws:iam::123456789012:role/limit":                                "is the ARN of a role, not of a managed policy",
		"arn:aws:iam::123456789012:policy/":                                   "has no name after policy/",
		"arn:aws:iam::1:policy/limit":                                         "an account is twelve digits",
		"arn:aws:iam::aws2:policy/limit":                                      "an account is twelve digits",
		"arn:aws:iam::123456789012:policy//limit":                             "has an empty segment",
		"arn:aws:iam::123456789012:policy/li*":                                "has '*' in its name",
		"arn:aws:iam::123456789012:policy/t*/limit":                           "has '*' in the policy's path",
		"arn:aws:iam::123456789012:policy/" + strings.Repeat("p", 129):        "129 characters",
		"arn:aws:iam::123456789012:policy/" + strings.Repeat("p/", 256):       "has no name after policy/",
		"arn:aws:iam::123456789012:policy/" + strings.Repeat("p", 512) + "/x": "IAM allows up to 512",
		"limit": "is not an ARN",
	} {
		got, err := identity.ParsePolicyARN(value)
		switch {
		case want == "" && (err != nil || got.String() != value):
			t.Errorf("%s: got %v, %v", value, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: the error is %v, want %q", value, err, want)
		}
	}
}

// limited returns two components that share a role, after a change of both.
func limited(change func(s *identity.Settings, a, b *identity.Component)) identity.Settings {
	role := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "shared"}
	s := identity.Settings{Components: []identity.Component{
		{Name: "mxp-controller", Role: role, Mode: identity.PodIdentity}, {Name: "vector", Role: role, Mode: identity.PodIdentity}}}
	change(&s, &s.Components[0], &s.Components[1])
	return s
}

func policyNamed(name string) identity.PolicyARN {
	return identity.PolicyARN{Partition: "aws", Account: "123456789012", Name: name}
}

func manyTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("tag%02d", i)] = "x"
	}
	return tags
}

func TestLimitsOfRolesAreChecked(t *testing.T) {
	type parts = func(s *identity.Settings, a, b *identity.Component)
	for name, c := range map[string]struct {
		change parts
		want   []string
	}{
		"everything": {func(s *identity.Settings, a, b *identity.Component) {
			a.PermissionsBoundary, b.PermissionsBoundary = policyNamed("limit"), policyNamed("limit")
			a.MaxSessionDuration, a.PodIdentity.SourceOrgID = 43200, "o-a1b2c3d4e5"
			a.ManagedPolicies, b.ManagedPolicies = []identity.PolicyARN{policyNamed("p")}, []identity.PolicyARN{policyNamed("p"), policyNamed("q")}
			s.Tags = manyTags(46)
			s.Tags["spaces-identity.dev/managed-by"] = "me"
		}, nil},
		"two boundaries": {func(_ *identity.Settings, a, b *identity.Component) {
			a.PermissionsBoundary, b.PermissionsBoundary = policyNamed("limit"), policyNamed("other")
		}, []string{"components[1].permissionsBoundary: is arn:aws:iam::123456789012:policy/other, but component mxp-controller has arn:aws:iam::123456789012:policy/limit for the same role"}},
		"two durations": {func(_ *identity.Settings, a, b *identity.Component) {
			a.MaxSessionDuration, b.MaxSessionDuration = 3600, 7200
		},
			[]string{"components[1].maxSessionDuration: is 7200 seconds, but component mxp-controller has 3600 seconds for the same role"}},
		"a duration that is too long": {func(_ *identity.Settings, a, _ *identity.Component) { a.MaxSessionDuration = 43201 },
			[]string{"components[0].maxSessionDuration: 43201 seconds is not"}},
		"a negative duration": {func(_ *identity.Settings, a, _ *identity.Component) { a.MaxSessionDuration = -1 },
			[]string{"components[0].maxSessionDuration: -1 seconds is not"}},
		"a boundary of another account": {func(_ *identity.Settings, a, _ *identity.Component) {
			a.PermissionsBoundary = identity.PolicyARN{Partition: "aws", Account: "210987654321", Name: "limit"}
		}, []string{"components[0].permissionsBoundary: \"arn:aws:iam::210987654321:policy/limit\" is in account 210987654321"}},
		"policies of another partition, twice and empty": {func(_ *identity.Settings, a, _ *identity.Component) {
			a.ManagedPolicies = []identity.PolicyARN{{Partition: "aws-cn", Account: "aws", Name: "p"}, policyNamed("p"), policyNamed("p"), {}}
		}, []string{"components[0].managedPolicies[0]: \"arn:aws-cn:iam::aws:policy/p\" is in partition aws-cn",
			"components[0].managedPolicies[2]: arn:aws:iam::123456789012:policy/p is listed twice", "components[0].managedPolicies[3]: is empty"}},
		"an organization with IRSA": {func(_ *identity.Settings, a, b *identity.Component) {
			a.Mode, b.Mode = identity.IRSA, identity.Both
			a.PodIdentity.SourceOrgID, b.PodIdentity.SourceOrgID = "o-a1b2c3d4e5", "o-a1b2c3d4e5"
		}, []string{"components[0].podIdentity.sourceOrgID: needs mode pod-identity, and the mode is irsa", "components[1].podIdentity.sourceOrgID: needs mode pod-identity, and the mode is both"}},
		"no organization": {func(_ *identity.Settings, a, _ *identity.Component) { a.PodIdentity.SourceOrgID = "o-A1b2c3d4e5" },
			[]string{"components[0].podIdentity.sourceOrgID: \"o-A1b2c3d4e5\" is not the ID of an organization"}},
		"tags of AWS, of the program and in two cases": {func(s *identity.Settings, _, _ *identity.Component) {
			s.Tags = map[string]string{"aws:x": "1", "Spaces-Identity.dev/Managed-By": "2", "spaces-identity.dev/associations": "3", "Team": "4", "team": "5", "v": "aws:x"}
		}, []string{`tags["Spaces-Identity.dev/Managed-By"]: is a tag that the program itself writes`, `tags["spaces-identity.dev/associations"]: is a tag`,
			`tags.team: differs from the key "Team" only in case`, `tags.v: the value of "v" is not allowed`, `keys that begin with aws: belong to AWS`}},
		"too many tags": {func(s *identity.Settings, a, _ *identity.Component) {
			s.Tags, a.ManagedPolicies = manyTags(48), []identity.PolicyARN{policyNamed("p")}
			a.PodIdentity.Tags = map[string]string{"a": "1", "b": "2"}
		}, []string{"tags: has 48 tags: AWS allows 50, and the program adds 3 of them", "components[0].podIdentity.tags: and tags have 50 keys together"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := identity.New(limited(c.change))
			var all []string
			for _, p := range problems {
				all = append(all, p.Error())
			}
			text := strings.Join(all, "\n")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no problem contains %q:\n%s", want, text)
				}
			}
			if len(c.want) == 0 && text != "" {
				t.Errorf("problems: %s", text)
			}
		})
	}
}
