package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

const (
	issuerHost  = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	roleName    = "spaces-backup"
	clusterName = "prod-space"
)

// httpClient calls the account of the running test. If it is nil, the network is used.
var httpClient aws.HTTPClient

// callRate is the rate of the running test, see [account.Options].
var callRate float64

// testAccount returns an account that has only the cluster.
func testAccount(t testing.TB) *awstest.Server {
	t.Helper()
	return prepareAccount(t, awstest.NewInMemory(t))
}

// prepareAccount adds the cluster to an account, and lets the test call the account without
// a network.
func prepareAccount(t testing.TB, s *awstest.Server) *awstest.Server {
	t.Helper()
	httpClient = &http.Client{Transport: s}
	t.Cleanup(func() { httpClient = nil })
	s.Change(func(state *awstest.State) {
		state.Clusters[clusterName] = awstest.Cluster{Issuer: "https://" + issuerHost, Version: "1.36"}
	})
	return s
}

// inBubble runs a subtest in a synctest bubble.
func inBubble(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// testSpec returns the config of one component in a mode, for namespaces.
func testSpec(mode identity.Mode, namespaces ...string) identity.Spec {
	s, problems := identity.New(testSettings(mode, namespaces...))
	if len(problems) > 0 {
		panic(problems[0])
	}
	return s
}

// testSettings returns the settings of testSpec.
func testSettings(mode identity.Mode, namespaces ...string) identity.Settings {
	provider, err := identity.ParseOIDCProvider(issuerHost)
	if err != nil {
		panic(err)
	}
	return identity.Settings{
		Cluster:       identity.Cluster{Name: clusterName, Region: awstest.Region, OIDC: provider},
		ControlPlanes: identity.ControlPlanes{Namespaces: namespaces},
		Components: []identity.Component{{Name: "mxp-controller", Mode: mode, Bucket: "spaces-backups",
			Role: identity.RoleARN{Partition: "aws", Account: awstest.AccountID, Name: roleName}}},
	}
}

func testNamespaces(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("mxp-%08x-0000-4000-8000-%012x-system", i*7919, i))
	}
	return out
}

// newReconciler returns a reconciler that calls the server with the real clients.
func newReconciler(ctx context.Context, change ...func(*reconcile.Reconciler)) (*reconcile.Reconciler, error) {
	connected, err := account.Connect(ctx, account.Options{Region: awstest.Region, HTTPClient: httpClient, Rate: callRate})
	if err != nil {
		return nil, err
	}
	r := &reconcile.Reconciler{Cloud: reconcile.CloudOf(connected)}
	for _, c := range change {
		c(r)
	}
	return r, nil
}

func pruning(r *reconcile.Reconciler)  { r.Prune = true }
func adopting(r *reconcile.Reconciler) { r.Adopt = true }
func skipping(r *reconcile.Reconciler) { r.SkipUnchanged = true }

// apply plans and applies, as the command does.
func apply(ctx context.Context, s identity.Spec, change ...func(*reconcile.Reconciler)) (*reconcile.Plan, error) {
	r, err := newReconciler(ctx, change...)
	if err != nil {
		return nil, err
	}
	p, err := r.Plan(ctx, s)
	if err != nil {
		return nil, err
	}
	return p, r.Apply(ctx, p)
}

func mustApply(t testing.TB, s identity.Spec, change ...func(*reconcile.Reconciler)) *reconcile.Plan {
	t.Helper()
	p, err := apply(t.Context(), s, change...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mustPlan plans and writes nothing.
func mustPlan(t testing.TB, s identity.Spec, change ...func(*reconcile.Reconciler)) *reconcile.Plan {
	t.Helper()
	r, err := newReconciler(t.Context(), change...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// countOperations returns how often each operation was called.
func countOperations(s *awstest.Server) map[string]int {
	count := map[string]int{}
	for _, c := range s.Calls() {
		count[c.Operation]++
	}
	return count
}

// liveTrustPolicy returns the trust policy of the role.
func liveTrustPolicy(t *testing.T, state awstest.State) iam.Document {
	t.Helper()
	doc, err := iam.Parse([]byte(state.Roles[roleName].Trust))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// comparableState returns the part of a state in which two runs must agree: everything but
// the IDs of associations, the tag with their checksums, and whether the creation of an
// add-on has ended.
func comparableState(state awstest.State) awstest.State {
	s := awstest.State{TrustPolicyQuota: state.TrustPolicyQuota, Roles: maps.Clone(state.Roles), Providers: state.Providers, Clusters: maps.Clone(state.Clusters)}
	for name, cluster := range s.Clusters {
		cluster.Addons = maps.Clone(cluster.Addons)
		for addon := range cluster.Addons {
			cluster.Addons[addon] = "ACTIVE"
		}
		s.Clusters[name] = cluster
	}
	for name, role := range s.Roles {
		role.Tags = maps.Clone(role.Tags)
		delete(role.Tags, "spaces-identity.dev/associations")
		s.Roles[name] = role
	}
	for _, a := range state.Associations {
		a.ID, a.Token = "", ""
		s.Associations = append(s.Associations, a)
	}
	slices.SortFunc(s.Associations, func(a, b awstest.Association) int { return strings.Compare(a.Namespace, b.Namespace) })
	return s
}

func equalState(t *testing.T, want, got awstest.State) {
	t.Helper()
	if diff := cmp.Diff(comparableState(want), comparableState(got), cmp.FilterPath(isUnexported, cmp.Ignore())); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func isUnexported(p cmp.Path) bool {
	field, ok := p.Last().(cmp.StructField)
	return ok && strings.ToLower(field.Name()[:1]) == field.Name()[:1]
}

// grantsOf returns the permissions that each namespace's service account has by IRSA and
// by EKS Pod Identity. It ignores the names of policies.
func grantsOf(state *awstest.State, s identity.Spec, among []string) map[string]string {
	out := map[string]string{}
	role, ok := state.Roles[roleName]
	if !ok {
		return out
	}
	doc, err := iam.Parse([]byte(role.Trust))
	if err != nil {
		panic(err)
	}
	c := desired.Of(s).Components[0]
	permissions := fmt.Sprint(slices.Compact(slices.Sorted(maps.Values(role.Inline))))
	allowed := func(requests ...iam.Request) bool {
		return !slices.ContainsFunc(requests, func(r iam.Request) bool { return iam.Evaluate(r, doc).Verdict != iam.Allowed })
	}
	for _, ns := range among {
		if allowed(desired.IRSARequest(s.Cluster, c.Role, ns, c.ServiceAccount)) {
			out["irsa "+ns] = permissions
		}
		associated := slices.ContainsFunc(state.Associations, func(a awstest.Association) bool {
			return a.Namespace == ns && a.RoleARN == c.Role.String()
		})
		if associated && allowed(desired.PodIdentityRequests(s.Cluster, c, ns, c.ServiceAccount)...) {
			out["pod-identity "+ns] = permissions
		}
	}
	return out
}

// watchGrants checks access after every write. The test fails if anyone has access that they
// have neither at the start nor at the end. It also fails if anyone loses access that they
// have both at the start and at the end.
func watchGrants(t *testing.T, server *awstest.Server, s identity.Spec, among []string, end map[string]string) {
	t.Helper()
	before := server.State()
	start := grantsOf(&before, s, among)
	server.Disturb(func(h *awstest.Hooks) {
		h.AfterWrite = func(c awstest.Call, state *awstest.State) {
			now := grantsOf(state, s, among)
			for who, what := range now {
				if what != start[who] && what != end[who] && what != "[]" {
					t.Errorf("after call %d, %s: %s has\n%s\nbefore it has %q, afterwards %q", c.Number, c.Operation, who, what, start[who], end[who])
				}
			}
			for who := range start {
				if what := now[who]; end[who] != "" && (what == "" || what == "[]") {
					t.Errorf("after call %d, %s: %s has lost its access for a moment", c.Number, c.Operation, who)
				}
			}
		}
	})
}
