package reconcile_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

const manyPlanes = 2000

// largeSpec returns a config with n control planes that use EKS Pod Identity and a pattern.
func largeSpec(n int) identity.Spec {
	s := testSpec(identity.PodIdentity, testNamespaces(n)...)
	s.ControlPlanes.Match = identity.MatchUUID
	return s
}

// Calls take most of the time. A run makes one for each association that it creates, and
// few if nothing changed.
func TestNumberOfCallsForManyControlPlanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		server.Forget()
		mustApply(t, largeSpec(manyPlanes))
		equal(t, "calls of the first run", map[string]int{"GetCallerIdentity": 1, "GetAccountSummary": 1, "DescribeCluster": 1, "DescribeAddon": 1,
			"CreateAddon": 1, "GetRole": 2, "CreateRole": 1, "PutRolePolicy": 1, "ListPodIdentityAssociations": 1,
			"CreatePodIdentityAssociation": manyPlanes, "TagRole": manyPlanes / 250}, countOperations(server))

		server.Forget()
		mustApply(t, largeSpec(manyPlanes))
		equal(t, "calls if nothing changed", map[string]int{"GetCallerIdentity": 1, "GetAccountSummary": 1, "DescribeCluster": 1, "DescribeAddon": 1,
			"GetRole": 1, "ListRolePolicies": 1, "GetRolePolicy": 1, "ListPodIdentityAssociations": manyPlanes / 100}, countOperations(server))

		server.Forget()
		mustApply(t, largeSpec(manyPlanes+1))
		equal(t, "associations read for a new one", 0, countOperations(server)["DescribePodIdentityAssociation"])
		equal(t, "associations made for a new one", 1, countOperations(server)["CreatePodIdentityAssociation"])

		server.Forget()
		mustApply(t, largeSpec(manyPlanes), pruning)
		if n := countOperations(server)["DescribePodIdentityAssociation"]; n > manyPlanes/8 {
			t.Errorf("%d associations are read to remove one", n)
		}
		equal(t, "associations", manyPlanes, len(server.State().Associations))
	})
}

// Checksums do not detect an association that somebody changed without replacing it.
func TestReadAllFindsChangedAssociations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := largeSpec(3)
		mustApply(t, s)
		server.Change(func(state *awstest.State) { state.Associations[1].RoleARN = "arn:aws:iam::123456789012:role/other" })
		equal(t, "found without", false, mustPlan(t, s).Differs())
		all := func(r *reconcile.Reconciler) { r.ReadAll = true }
		equal(t, "found with", []string{"roleArn"}, mustPlan(t, s, all).Associations[0].Elements)
		mustApply(t, s, all)
		equal(t, "repaired", s.Components[0].Role.String(), server.State().Associations[1].RoleARN)
	})
}

// BenchmarkManyControlPlanes measures the number of calls, the seconds of waiting between
// calls about single associations, the other time, and the memory.
func BenchmarkManyControlPlanes(b *testing.B) {
	for _, run := range []struct {
		name         string
		there, after int
	}{{"first", 0, manyPlanes}, {"unchanged", manyPlanes, manyPlanes}, {"one more", manyPlanes - 1, manyPlanes}, {"one pruned", manyPlanes, manyPlanes - 1}} {
		b.Run(run.name, func(b *testing.B) {
			server := testAccount(b)
			for b.Loop() {
				b.StopTimer()
				prepareAccount(b, server, run.there)
				b.StartTimer()
				mustApply(b, largeSpec(run.after), pruning, unpaced)
			}
			paced := 0
			for operation, n := range countOperations(server) {
				if strings.HasSuffix(operation, "PodIdentityAssociation") {
					paced += n
				}
			}
			b.ReportMetric(float64(len(server.Calls())), "calls")
			b.ReportMetric(float64(max(0, paced-1))/reconcile.DefaultPace, "paced-s")
			b.ReportAllocs()
		})
	}
}

func unpaced(r *reconcile.Reconciler) { r.Pace = 1e9 }

// prepareAccount sets up the account for a number of control planes.
func prepareAccount(b *testing.B, server *awstest.Server, n int) {
	b.Helper()
	server.Change(func(s *awstest.State) { s.Roles, s.Associations = map[string]awstest.Role{}, nil })
	if n > 0 {
		mustApply(b, largeSpec(n), unpaced)
	}
	server.Forget()
}
