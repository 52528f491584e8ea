package reconcile_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
)

const manyPlanes = 2000

// largeSpec returns a config with n control planes that use EKS Pod Identity and a pattern.
func largeSpec(n int) identity.Spec {
	s := testSpec(identity.PodIdentity, testNamespaces(n)...)
	s.ControlPlanes.Match = identity.MatchUUID
	return s
}

// Calls take most of the time. A run makes one for each association that it reads or
// creates.
func TestNumberOfCallsForManyControlPlanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		server.Forget()
		mustApply(t, largeSpec(manyPlanes))
		equal(t, "calls of the first run", map[string]int{"GetCallerIdentity": 1, "GetAccountSummary": 1, "DescribeCluster": 1, "DescribeAddon": 1,
			"CreateAddon": 1, "GetRole": 2, "CreateRole": 1, "PutRolePolicy": 1, "ListPodIdentityAssociations": 1,
			"CreatePodIdentityAssociation": manyPlanes, "TagRole": manyPlanes / 250}, countOperations(server))

		unchanged := map[string]int{"GetCallerIdentity": 1, "GetAccountSummary": 1, "DescribeCluster": 1, "DescribeAddon": 1,
			"GetRole": 1, "ListRolePolicies": 1, "GetRolePolicy": 1, "ListPodIdentityAssociations": manyPlanes / 100}
		server.Forget()
		equal(t, "skipped", manyPlanes, mustApply(t, largeSpec(manyPlanes), skipping).Skipped)
		equal(t, "calls if nothing changed and the record is used", unchanged, countOperations(server))

		server.Forget()
		mustApply(t, largeSpec(manyPlanes))
		unchanged["DescribePodIdentityAssociation"] = manyPlanes
		equal(t, "calls if nothing changed", unchanged, countOperations(server))

		server.Forget()
		mustApply(t, largeSpec(manyPlanes+1), skipping)
		equal(t, "associations read for a new one", 0, countOperations(server)["DescribePodIdentityAssociation"])
		equal(t, "associations made for a new one", 1, countOperations(server)["CreatePodIdentityAssociation"])

		server.Forget()
		mustApply(t, largeSpec(manyPlanes), pruning, skipping)
		if n := countOperations(server)["DescribePodIdentityAssociation"]; n > manyPlanes/8 {
			t.Errorf("%d associations are read to remove one", n)
		}
		equal(t, "associations", manyPlanes, len(server.State().Associations))
	})
}

// TestForeignAssociationsAreSkippedToo has associations that somebody else manages: some
// give the role as the config says, others are for namespaces that the config does not name.
func TestForeignAssociationsAreSkippedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := largeSpec(40)
		mustApply(t, s)
		server.Change(func(state *awstest.State) {
			for i := range state.Associations[:30] {
				state.Associations[i].Tags = nil
			}
			for i := range 50 {
				state.Associations = append(state.Associations, awstest.Association{ID: fmt.Sprintf("a-other%012d", i), Cluster: clusterName,
					Namespace: fmt.Sprintf("other-%d", i), ServiceAccount: "mxp-controller", RoleARN: "arn:aws:iam::123456789012:role/other"})
			}
		})
		reads := func(run func()) int {
			server.Forget()
			run()
			return countOperations(server)["DescribePodIdentityAssociation"]
		}
		equal(t, "read", 90, reads(func() { equal(t, "foreign", 30, len(mustApply(t, s).Associations)) }))
		equal(t, "read with the record", 0, reads(func() {
			p := mustPlan(t, s, skipping)
			equal(t, "up to date, skipped", []int{40, 90}, []int{p.UpToDate, p.Skipped})
		}))
		equal(t, "read for adoption", 90, reads(func() { equal(t, "adopted", 30, len(mustPlan(t, s, skipping, adopting).Associations)) }))

		server.Change(func(state *awstest.State) { state.Associations[89].ID = "a-replaced" })
		if n := reads(func() { mustPlan(t, s, skipping) }); n == 0 || n > 20 {
			t.Errorf("%d associations are read after one was replaced", n)
		}
	})
}

// TestPlanFindsAssociationsThatChangedInPlace changes one without replacing it. Its record
// does not show that.
func TestPlanFindsAssociationsThatChangedInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := largeSpec(3)
		mustApply(t, s)
		server.Change(func(state *awstest.State) { state.Associations[1].RoleARN = "arn:aws:iam::123456789012:role/other" })
		equal(t, "found without reading", false, mustPlan(t, s, skipping).Differs())
		equal(t, "found", []string{"roleArn"}, mustPlan(t, s).Associations[0].Elements)
		mustApply(t, s)
		equal(t, "repaired", s.Components[0].Role.String(), server.State().Associations[1].RoleARN)
	})
}
