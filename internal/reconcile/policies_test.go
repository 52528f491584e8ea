package reconcile_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// permissionsDocument returns the permissions policy of the one-component config with a bucket.
func permissionsDocument(t testing.TB, bucket string) string {
	t.Helper()
	s := testSpec(identity.IRSA, testNamespaces(1)...)
	s.Components[0].Bucket = bucket
	return string(desiredRole(t, s).Policies[0].Document.Compact())
}

// giveInline replaces the inline policies of the role.
func giveInline(server *awstest.Server, policies map[string]string) {
	server.Change(func(s *awstest.State) {
		r := s.Roles[roleName]
		r.Inline = policies
		s.Roles[roleName] = r
	})
}

// policyActions returns the actions of the plan for the role's policies, by name.
func policyActions(p *reconcile.Plan) map[string]reconcile.Action {
	actions := map[string]reconcile.Action{}
	for _, c := range p.Roles[0].Policies {
		actions[c.Name] = c.Action
	}
	return actions
}

// warningFixes returns the options that the warnings name.
func warningFixes(p *reconcile.Plan) []reconcile.Fix {
	var all []reconcile.Fix
	for _, w := range p.Warnings {
		if w.Fix != "" {
			all = append(all, w.Fix)
		}
	}
	return slices.Compact(all)
}

func TestAdoptReplacesPoliciesOfAnEarlierVersion(t *testing.T) {
	s := testSpec(identity.IRSA, testNamespaces(1)...)
	now, same, other := desired.PolicyName("mxp-controller"), permissionsDocument(t, "spaces-backups"), permissionsDocument(t, "old-backups")
	former, readme := desired.FormerPolicyName("mxp-controller"), desired.ReadmePolicyName
	for name, tt := range map[string]struct {
		found map[string]string
		plan  map[string]reconcile.Action // with adoption
		after map[string]string
	}{
		"by name":                       {map[string]string{former: same}, map[string]reconcile.Action{now: reconcile.Create, former: reconcile.Adopt}, map[string]string{now: same}},
		"by name with another document": {map[string]string{former: other}, map[string]reconcile.Action{now: reconcile.Create, former: reconcile.Adopt}, map[string]string{now: same}},
		"beside the new one":            {map[string]string{now: same, former: same}, map[string]reconcile.Action{now: reconcile.None, former: reconcile.Adopt}, map[string]string{now: same}},
		"the README's":                  {map[string]string{readme: same}, map[string]reconcile.Action{now: reconcile.Create, readme: reconcile.Adopt}, map[string]string{now: same}},
		"both": {map[string]string{former: other, readme: same}, map[string]reconcile.Action{now: reconcile.Create, former: reconcile.Adopt, readme: reconcile.Adopt},
			map[string]string{now: same}},
		"a backup policy with another document": {map[string]string{readme: other}, map[string]reconcile.Action{now: reconcile.Create}, map[string]string{now: same, readme: other}},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			mustApply(t, s)
			giveInline(server, tt.found)

			kept := mustPlan(t, s)
			for policy, action := range tt.plan {
				if action == reconcile.Adopt {
					equal(t, "without adoption", reconcile.Keep, policyActions(kept)[policy])
					equal(t, "fixes", []reconcile.Fix{reconcile.FixAdopt}, warningFixes(kept))
				}
			}
			p := mustApply(t, s, adopting, pruning)
			equal(t, "plan", tt.plan, policyActions(p))
			equal(t, "policies", tt.after, server.State().Roles[roleName].Inline)
			equal(t, "differs afterwards", false, mustPlan(t, s, adopting, pruning).Differs())
		})
	}
}

// Without adoption both policies stay.
func TestFormerPolicyStaysWithoutAdoption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.IRSA, testNamespaces(1)...)
		same := permissionsDocument(t, "spaces-backups")
		mustApply(t, s)
		giveInline(server, map[string]string{"spaces-identity-mxp-controller": same})
		mustApply(t, s, pruning)
		equal(t, "policies", map[string]string{"spaces-identity-mxp-controller": same, "SpacesIdentity-mxp-controller": same}, server.State().Roles[roleName].Inline)
	})
}

func TestPruneRemovesThePolicyOfAComponentWithoutPermissions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.IRSA, testNamespaces(1)...)
		mustApply(t, s)
		same := permissionsDocument(t, "spaces-backups")
		others := map[string]string{"team": same, "backup": same, "SpacesIdentity-other-component": same, "spaces-identity-mxp-controller": same}
		all := maps.Clone(others)
		all["SpacesIdentity-mxp-controller"] = same
		giveInline(server, all)

		s.Components[0].Bucket = ""
		kept := mustApply(t, s, adopting)
		equal(t, "changes without pruning", 0, kept.Changes())
		equal(t, "without pruning", map[string]reconcile.Action{"SpacesIdentity-mxp-controller": reconcile.Keep,
			"SpacesIdentity-other-component": reconcile.Keep, "spaces-identity-mxp-controller": reconcile.Keep}, policyActions(kept))
		equal(t, "fixes", []reconcile.Fix{reconcile.FixPrune}, warningFixes(kept))
		equal(t, "warnings", 3, len(kept.Warnings))
		equal(t, "policies without pruning", all, server.State().Roles[roleName].Inline)

		p := mustApply(t, s, pruning)
		_, _, removed, _ := p.Counts()
		equal(t, "removed", 1, removed)
		equal(t, "policies", others, server.State().Roles[roleName].Inline)
	})
}

// The second component of a role keeps its policy when that of the first is removed.
func TestPruneKeepsThePoliciesOfOtherComponents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.IRSA, testNamespaces(1)...)
		second := s.Components[0]
		second.Name, second.ServiceAccount = "vector", "vector"
		s.Components = append(s.Components, second)
		mustApply(t, s)
		s.Components[0].Bucket = ""
		mustApply(t, s, pruning)
		equal(t, "policies", []string{"SpacesIdentity-vector"}, slices.Collect(maps.Keys(server.State().Roles[roleName].Inline)))
	})
}
