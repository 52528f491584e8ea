package reconcile_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

const many = 2000

// large is 2,000 control planes by EKS Pod Identity, admitted by a pattern.
func large(n int) identity.Spec {
	s := spec(identity.PodIdentity, namespaces(n)...)
	s.ControlPlanes.Match = identity.MatchUUID
	return s
}

// The calls take the time: one for each association that is created, and a handful if
// nothing changed.
func TestCallsForManyControlPlanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		server.Forget()
		mustApply(t, large(many))
		equal(t, "calls of the first run", map[string]int{"GetCallerIdentity": 1, "GetAccountSummary": 1, "DescribeCluster": 1, "DescribeAddon": 1,
			"CreateAddon": 1, "GetRole": 2, "CreateRole": 1, "PutRolePolicy": 1, "ListPodIdentityAssociations": 1,
			"CreatePodIdentityAssociation": many, "TagRole": many / 250}, operations(server))

		server.Forget()
		mustApply(t, large(many))
		equal(t, "calls if nothing changed", map[string]int{"GetCallerIdentity": 1, "GetAccountSummary": 1, "DescribeCluster": 1, "DescribeAddon": 1,
			"GetRole": 1, "ListRolePolicies": 1, "GetRolePolicy": 1, "ListPodIdentityAssociations": many / 100}, operations(server))

		server.Forget()
		mustApply(t, large(many+1))
		equal(t, "associations read for a new one", 0, operations(server)["DescribePodIdentityAssociation"])
		equal(t, "associations made for a new one", 1, operations(server)["CreatePodIdentityAssociation"])

		server.Forget()
		mustApply(t, large(many), pruning)
		if n := operations(server)["DescribePodIdentityAssociation"]; n > many/8 {
			t.Errorf("%d associations are read to remove one", n)
		}
		equal(t, "associations", many, len(server.State().Associations))
	})
}

// An association that somebody changes in place is found by reading all.
func TestReadAllFindsWhatWasChangedInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := large(3)
		mustApply(t, s)
		server.Change(func(state *awstest.State) { state.Associations[1].RoleARN = "arn:aws:iam::123456789012:role/other" })
		equal(t, "found without", false, mustPlan(t, s).Differs())
		all := func(r *reconcile.Reconciler) { r.ReadAll = true }
		equal(t, "found with", []string{"roleArn"}, mustPlan(t, s, all).Associations[0].Elements)
		mustApply(t, s, all)
		equal(t, "repaired", s.Components[0].Role.String(), server.State().Associations[1].RoleARN)
	})
}

// BenchmarkManyControlPlanes measures calls, the seconds that the pace of those about
// single associations takes, the time besides, and the memory allocated.
func BenchmarkManyControlPlanes(b *testing.B) {
	for _, run := range []struct {
		name         string
		there, after int
	}{{"first", 0, many}, {"unchanged", many, many}, {"one more", many - 1, many}, {"one pruned", many, many - 1}} {
		b.Run(run.name, func(b *testing.B) {
			server := testAccount(b)
			for b.Loop() {
				b.StopTimer()
				prepare(b, server, run.there)
				b.StartTimer()
				mustApply(b, large(run.after), pruning, unpaced)
			}
			paced := 0
			for operation, n := range operations(server) {
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

// prepare brings the account to a number of control planes.
func prepare(b *testing.B, server *awstest.Server, n int) {
	b.Helper()
	server.Change(func(s *awstest.State) { s.Roles, s.Associations = map[string]awstest.Role{}, nil })
	if n > 0 {
		mustApply(b, large(n), unpaced)
	}
	server.Forget()
}
