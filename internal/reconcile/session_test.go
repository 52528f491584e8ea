package reconcile_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// scopedSpec returns a config whose control planes are limited to their own backups.
func scopedSpec(t *testing.T, names map[string]identity.ControlPlaneName) identity.Spec {
	t.Helper()
	settings := testSettings(identity.PodIdentity, testNamespaces(2)...)
	settings.Components[0].PodIdentity.Scope = identity.ControlPlaneScope
	settings.ControlPlanes.Names = names
	s, problems := identity.New(settings)
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	return s
}

// sessionPrefixes returns what the session policy of each association lets it list.
func sessionPrefixes(t *testing.T, account *awstest.Server) map[string][]string {
	t.Helper()
	prefixes := map[string][]string{}
	for _, a := range account.State().Associations {
		doc, err := iam.Parse([]byte(a.Policy))
		if err != nil || !a.DisableSessionTags {
			t.Fatalf("%+v, %v", a, err)
		}
		prefixes[a.Namespace] = doc.Statement[0].Condition["StringLike"]["s3:prefix"]
	}
	return prefixes
}

// A control plane of another name is drift, also if the list of associations is the same.
func TestSessionPoliciesFollowTheControlPlanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, ns := testAccount(t), testNamespaces(2)
		one, two := identity.ControlPlaneName{Group: "default", Name: "ctp1"}, identity.ControlPlaneName{Group: "default", Name: "ctp10"}
		first := scopedSpec(t, map[string]identity.ControlPlaneName{ns[0]: one, ns[1]: two})
		p := mustApply(t, first)
		if !slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool {
			return strings.Contains(w.Text, "without session tags AWS offers no condition")
		}) {
			t.Errorf("%+v", p.Warnings)
		}
		equal(t, "prefixes", map[string][]string{ns[0]: {"default/ctp1/*"}, ns[1]: {"default/ctp10/*"}}, sessionPrefixes(t, account))
		equal(t, "changes of the second run", 0, mustApply(t, first).Changes())

		moved := scopedSpec(t, map[string]identity.ControlPlaneName{ns[0]: {Group: "team", Name: "ctp1"}, ns[1]: two})
		p = mustApply(t, moved)
		equal(t, "changed associations", 1, len(p.Associations))
		equal(t, "what differs", []string{"policy"}, p.Associations[0].Elements)
		equal(t, "prefixes", map[string][]string{ns[0]: {"team/ctp1/*"}, ns[1]: {"default/ctp10/*"}}, sessionPrefixes(t, account))
	})
}

// EKS may return the same policy in another form.
func TestSessionPoliciesAreComparedByTheirMeaning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, ns := testAccount(t), testNamespaces(2)
		s := scopedSpec(t, map[string]identity.ControlPlaneName{ns[0]: {Group: "default", Name: "ctp1"}, ns[1]: {Group: "default", Name: "ctp10"}})
		mustApply(t, s)
		account.Change(func(state *awstest.State) {
			doc, err := iam.Parse([]byte(state.Associations[0].Policy))
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(doc.Statement[1].Action)
			state.Associations[0].Policy = string(doc.JSON())
		})
		equal(t, "changes", 0, mustApply(t, s).Changes())
		account.Change(func(state *awstest.State) {
			state.Associations[0].Policy = strings.Replace(state.Associations[0].Policy, "ctp1", "ctp", 1)
		})
		equal(t, "changes", 1, mustApply(t, s).Changes())
		equal(t, "prefixes", map[string][]string{ns[0]: {"default/ctp1/*"}, ns[1]: {"default/ctp10/*"}}, sessionPrefixes(t, account))
	})
}

// Leaving the scope gives the associations the whole role again.
func TestLeavingTheScopeRemovesTheSessionPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, ns := testAccount(t), testNamespaces(2)
		mustApply(t, scopedSpec(t, map[string]identity.ControlPlaneName{ns[0]: {Group: "default", Name: "ctp1"}, ns[1]: {Group: "default", Name: "ctp10"}}))
		p := mustApply(t, testSpec(identity.PodIdentity, ns...))
		for _, a := range p.Associations {
			equal(t, "what differs", []string{"disableSessionTags", "policy"}, a.Elements)
		}
		for _, a := range account.State().Associations {
			if a.Policy != "" || a.DisableSessionTags {
				t.Errorf("%+v", a)
			}
		}
	})
}

// apply writes the permissions of every component.
func TestApplyWritesPermissionsOfSecretsAndGivenPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := testAccount(t)
		settings := testSettings(identity.IRSA, testNamespaces(1)...)
		given, err := identity.ParsePermissions(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}}`)
		if err != nil {
			t.Fatal(err)
		}
		role := settings.Components[0].Role
		settings.Components = append(settings.Components,
			identity.Component{Name: "external-secrets-controller", Role: role, Secrets: []identity.Stored{{Kind: identity.SecretKind, Name: "db"}}},
			identity.Component{Name: "crossplane", Role: role, Permissions: given})
		s, problems := identity.New(settings)
		if len(problems) > 0 {
			t.Fatal(problems[0])
		}
		mustApply(t, s)
		inline := account.State().Roles[roleName].Inline
		for name, part := range map[string]string{"mxp-controller": "s3:GetObject", "external-secrets-controller": "secret:db-??????", "crossplane": "SpacesIdentityGiven1"} {
			if !strings.Contains(inline["SpacesIdentity-"+name], part) {
				t.Errorf("%s: %q", name, inline["SpacesIdentity-"+name])
			}
		}
		equal(t, "changes of the second run", 0, mustApply(t, s).Changes())
		settings.Components[1].Secrets, settings.Components[2].Permissions = nil, iam.Document{}
		less, _ := identity.New(settings)
		mustApply(t, less, pruning)
		equal(t, "policies", 1, len(account.State().Roles[roleName].Inline))
	})
}
