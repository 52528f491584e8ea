package desired_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func TestReachListsWhatAPatternAdmits(t *testing.T) {
	tests := map[identity.Match]desired.Reach{
		"uuid": {Match: "uuid", Pattern: "mxp-????????-????-????-????-????????????-system",
			Covers: []string{nsB, nsA}, Misses: []string{"team-a"},
			Beyond: []string{"mxp-00000000-0000-0000-0000-000000000000-system", "mxp-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx-system", "mxp-zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz-system"}},
		"mxp-*-system": {Match: "mxp-*-system", Pattern: "mxp-*-system", Covers: []string{nsB, nsA}, Misses: []string{"team-a"},
			Beyond: []string{"mxp-someone-else-system", "mxp-x-system", "mxp-prod-system"}},
		"team-?": {Match: "team-?", Pattern: "team-?", Covers: []string{"team-a"}, Misses: []string{nsB, nsA},
			Beyond: []string{"team-0", "team-x", "team-z"}},
		"k*c": {Match: "k*c", Pattern: "k*c", Misses: []string{nsB, nsA, "team-a"}, Beyond: []string{"ksomeone-elsec", "kxc", "kprodc"},
			Warnings: []string{"the pattern k*c admits the namespace kube-public, which does not belong to a control plane",
				"the pattern k*c has only 2 characters that are not wildcards; whoever may create a namespace of that form gets the role"}},
		"": {},
	}
	for m, want := range tests {
		s := stateOf(t, identity.Both, namespaces(nsA, nsB, "team-a"), match(m))
		got := s.Components[0].Subjects.Reach()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", m, diff)
		}
		if m == "" {
			continue
		}
		// The evaluator must agree with the list.
		doc := trustPolicy(t, stateOf(t, identity.Both, match(m)))
		for want, names := range map[iam.Verdict][]string{iam.Allowed: append(got.Covers, got.Beyond...), iam.Denied: got.Misses} {
			for _, ns := range names {
				checkWays(t, doc, s, ns, "mxp-controller", want == iam.Allowed)
			}
		}
	}
}

func TestConfigRejectsDangerousPatterns(t *testing.T) {
	tests := map[identity.Match]bool{
		"*": true, "?*": true, "*-system": true, "kube-*": true, "d*": true, "???????": true, "defaul?": true, "mxp:*": true, "mxp-*:x": true,
		"MXP-*": true, "${aws:x}*": true, "mxp-[a-z]*": true, `mxp-*","*`: true, "mxp-*\n": true, "*-*-*-*": true, "*m": true,
		"mxp-*-system": false, "uuid": false, "": false,
	}
	for m, refused := range tests {
		if _, problems := identity.New(space(identity.IRSA, match(m))); (len(problems) > 0) != refused {
			t.Errorf("match %q: %v", m, problems)
		}
	}
}

func TestWithServiceAccounts(t *testing.T) {
	found := func(namespaces ...string) []desired.ServiceAccount {
		var list []desired.ServiceAccount
		for _, ns := range namespaces {
			list = append(list, desired.ServiceAccount{Component: "mxp-controller", Name: "mxp-controller", Namespace: ns})
		}
		return list
	}
	tests := map[string]struct {
		mode     identity.Mode
		config   []change
		found    []desired.ServiceAccount
		want     []string // namespaces
		warnings []string // a part of each
	}{
		"none configured":                     {identity.IRSA, nil, found("team-b", "team-a", "team-b"), []string{"team-a", "team-b"}, nil},
		"none configured, none found":         {identity.IRSA, nil, nil, nil, nil},
		"none configured, no namespace":       {identity.IRSA, nil, found(""), nil, []string{"has no namespace in the manifests"}},
		"none configured, some without":       {identity.IRSA, nil, found("", "team-a", ""), []string{"team-a"}, []string{"has no namespace in the manifests"}},
		"none configured, not valid":          {identity.IRSA, nil, found("*", "${aws:x}", "a_b"), nil, []string{`is not valid, so the trust policy does not admit it: "*"`, `"${aws:x}"`, `"a_b"`}},
		"names configured":                    {identity.IRSA, []change{namespaces("team-a")}, found("team-a"), []string{"team-a"}, nil},
		"names configured, another found":     {identity.IRSA, []change{namespaces("team-a")}, found("team-b"), []string{"team-a"}, []string{"team-b/mxp-controller gets the annotation, but the config does not name its namespace"}},
		"names configured, no namespace":      {identity.IRSA, []change{namespaces("team-a")}, found(""), []string{"team-a"}, []string{"has no namespace"}},
		"a pattern":                           {identity.IRSA, []change{match("team-*")}, found("team-a"), nil, nil},
		"a pattern, another found":            {identity.IRSA, []change{match("team-*")}, found("x"), nil, []string{"x/mxp-controller gets the annotation"}},
		"a pattern in mode pod-identity":      {identity.PodIdentity, []change{match("team-*")}, found("team-b", "team-a"), []string{"team-a", "team-b"}, nil},
		"a pattern in mode both, names too":   {identity.Both, []change{match("team-*"), namespaces("x")}, found("team-a"), []string{"team-a", "x"}, nil},
		"pod-identity, not covered":           {identity.PodIdentity, []change{match("team-*")}, found("x"), nil, []string{"x/mxp-controller gets the annotation"}},
		"a component that the config has not": {identity.IRSA, nil, []desired.ServiceAccount{{Component: "other", Namespace: "a"}}, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := stateOf(t, tt.mode, tt.config...)
			names := slices.Clone(before.Components[0].Subjects.Namespaces)
			s := before.WithServiceAccounts(tt.found)
			if got := s.Components[0].Subjects; !slices.Equal(got.Namespaces, tt.want) || got.Match != before.Components[0].Subjects.Match {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
			if len(s.Warnings) != len(tt.warnings) {
				t.Fatalf("got %q, want %q", s.Warnings, tt.warnings)
			}
			for i, want := range tt.warnings {
				if !strings.Contains(s.Warnings[i], want) {
					t.Errorf("got %q, want %q", s.Warnings[i], want)
				}
			}
			if !slices.Equal(before.Components[0].Subjects.Namespaces, names) || before.Warnings != nil {
				t.Errorf("the state before has changed: %+v", before)
			}
		})
	}
}

// Each component has the namespaces of its own ServiceAccounts.
func TestWithServiceAccountsOfSeveralComponents(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.IRSA, "spaces-backup")).WithServiceAccounts([]desired.ServiceAccount{
		{Component: "mxp-controller", Namespace: "a"}, {Component: "vector", Namespace: "b"}})
	doc := trustPolicy(t, s)
	for _, c := range s.Components {
		for _, ns := range []string{"a", "b"} {
			asked := c
			asked.Mode = identity.IRSA
			checkVerdict(t, s, asked, ns, c.ServiceAccount, doc, (c.Name == "vector") == (ns == "b"))
		}
	}
	roles, err := s.Roles()
	if err != nil || len(roles) != 1 || string(roles[0].TrustPolicy.JSON()) != string(doc.JSON()) {
		t.Errorf("%+v, %v", roles, err)
	}
}

func TestComponentWarnings(t *testing.T) {
	tests := map[string]struct {
		mode   identity.Mode
		config change
		want   []string
	}{
		"irsa with a pattern":   {identity.IRSA, match("uuid"), nil},
		"pod-identity":          {identity.PodIdentity, namespaces("a"), nil},
		"pod-identity, no name": {identity.PodIdentity, match("uuid"), []string{"has no associations"}},
		"both":                  {identity.Both, namespaces("a"), []string{"EKS silently uses the association"}},
	}
	for name, tt := range tests {
		got := stateOf(t, tt.mode, tt.config).Components[0].Warnings()
		if len(got) != len(tt.want) || len(got) == 1 && !strings.Contains(got[0], tt.want[0]) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
