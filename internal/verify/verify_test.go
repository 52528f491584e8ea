package verify

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/fixture"
)

const (
	hostNamespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	testRole      = "arn:aws:iam::123456789012:role/spaces-backup"
	testIssuer    = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
)

// testState returns the state of a config with one component, mxp-controller. The changes
// are applied to its settings.
func testState(t *testing.T, mode identity.Mode, changes ...func(*identity.Settings)) desired.State {
	t.Helper()
	provider, err := identity.ParseOIDCProvider(testIssuer)
	if err != nil {
		t.Fatal(err)
	}
	settings := identity.Settings{
		Cluster:       identity.Cluster{Name: "prod", Region: "us-west-2", OIDC: provider},
		ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
		Components: []identity.Component{{Name: "mxp-controller", Mode: mode, Bucket: "spaces-backups",
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}},
	}
	for _, change := range changes {
		if change != nil {
			change(&settings)
		}
	}
	return desired.Of(fixture.Spec(t, settings))
}

// testPlane is the control plane of the tests.
var testPlane = space.ControlPlane{HostNamespace: hostNamespace, Namespace: "team", Name: "ctp"}

// testAccount is the service account of the tests.
var testAccount = space.Key{Namespace: hostNamespace, Name: "mxp-controller"}

// emptyCluster returns a cluster that has only the control plane.
func emptyCluster(changes ...func(*space.Observed)) space.Observed {
	o := space.Observed{ControlPlanes: []space.ControlPlane{testPlane}, ServiceAccounts: map[space.Key]space.ServiceAccount{},
		Workloads: map[space.Key][]space.Workload{}, Pods: map[space.Key][]space.Pod{}, BackupConfigs: map[string][]space.BackupConfig{},
		Backups: map[space.Key]space.Backup{}, NetworkPolicies: map[string][]space.NetworkPolicy{}, Issuer: "https://" + testIssuer,
		Objects: map[space.Resource]map[string]space.Object{space.AdmissionPolicies: {}, space.AdmissionBindings: {}, space.KyvernoPolicies: {}}}
	for _, change := range changes {
		change(&o)
	}
	return o
}

// find returns the first check of that name. If there is none, it returns a check without a
// state.
func (r Result) find(name string) Check {
	for _, row := range slices.Concat(r.Common, r.Rows) {
		for _, c := range row.Checks {
			if c.Name == name {
				return c
			}
		}
	}
	return Check{}
}

// forbiddenList returns the error of a list call that RBAC forbids.
func forbiddenList(r space.Resource, namespace string) *space.Error {
	return &space.Error{Verb: "list", Resource: r, Namespace: namespace, Err: apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no"))}
}

// notServedList returns the error of a list call for a resource that is not served.
func notServedList(r space.Resource) *space.Error {
	return &space.Error{Verb: "list", Resource: r, Err: apierrors.NewGenericServerResponse(http.StatusNotFound, "list", schema.GroupResource{}, "", "", 0, true)}
}

// addUnread adds a list that could not be read.
func addUnread(e *space.Error) func(*space.Observed) {
	return func(o *space.Observed) { o.Unread.Add(e) }
}

func decodeJSON[T any](t testing.TB, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestEveryCheckHasEachOutcome requires a test case for each outcome of each check. So there
// is no check that cannot fail, or that ignores what could not be read.
func TestEveryCheckHasEachOutcome(t *testing.T) {
	seen := map[string]map[State]bool{}
	for _, tt := range slices.Concat(clusterCases(), accountCases()) {
		if seen[tt.check] == nil {
			seen[tt.check] = map[State]bool{}
		}
		seen[tt.check][tt.want] = true
	}
	for _, c := range allChecks {
		for _, state := range []State{OK, Fails, Unknown} {
			if c.name == Mechanism && state != Unknown || c.name == Proof {
				continue // it only counts; the cases of the proof are in a table of their own
			}
			if !seen[c.name][state] {
				t.Errorf("no case in which %s is %s", c.name, state)
			}
		}
	}
}

func TestProblemsNameEachResourceOnce(t *testing.T) {
	o := emptyCluster(addUnread(forbiddenList(space.Pods, "a")), addUnread(forbiddenList(space.Pods, "b")), addUnread(forbiddenList(space.Pods, "c")),
		addUnread(notServedList(space.SpaceBackupConfigs)), addUnread(forbiddenList(space.Backups, "")))
	o.Undiscovered = []*space.Error{notServedList(space.ControlPlanes), forbiddenList(space.Namespaces, "")}
	want := []string{
		`discovery: list namespaces: forbidden: it needs the RBAC rule {apiGroups: [""], resources: [namespaces], verbs: [list]}`,
		`list pods in a: forbidden: it needs the RBAC rule {apiGroups: [""], resources: [pods], verbs: [list]} (and 2 more lists of pods)`,
		`list backups.spaces.upbound.io: forbidden: it needs the RBAC rule {apiGroups: ["spaces.upbound.io"], resources: [backups], verbs: [list]}`,
	}
	if diff := cmp.Diff(want, runChecks(o, accountState{}, nil, testState(t, identity.IRSA)).Problems); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestResultKeepsTheOrderOfTheChain(t *testing.T) {
	target := func(s *identity.Settings) {
		s.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "vault"}
	}
	result := runChecks(emptyCluster(), accountState{}, map[space.Key]proofState{}, testState(t, identity.PodIdentity, target))
	var got []string
	for _, c := range result.Rows[0].Checks {
		got = append(got, c.Name)
	}
	if diff := cmp.Diff(RowNames, append([]string{InScope}, got...)); diff != "" {
		t.Errorf("the checks of a row (-want +got):\n%s", diff)
	}
	for _, name := range RowNames {
		if Column(name) == "" {
			t.Errorf("%s has no column", name)
		}
	}
	if !result.Failed() || !result.Checked() {
		t.Errorf("an empty cluster: failed %t, checked %t", result.Failed(), result.Checked())
	}
}

func TestControlPlanesOutOfScopeAreReported(t *testing.T) {
	o := emptyCluster(func(o *space.Observed) {
		o.ControlPlanes = []space.ControlPlane{{HostNamespace: "dying", Deleting: true}}
		o.OutOfScope = []space.ControlPlane{{HostNamespace: "prod-chosen", Name: "chosen", Namespace: "team"}, {Name: "young", Namespace: "team"}, {HostNamespace: "gone", Deleting: true}}
	})
	result := runChecks(o, accountState{}, nil, testState(t, identity.IRSA))
	var got []string
	for _, row := range result.Rows {
		for _, c := range row.Checks {
			got = append(got, row.ControlPlane.String()+" "+c.Name+" "+string(c.State)+": "+c.Detail)
		}
	}
	want := []string{"dying scope ok: the control plane is being deleted, so its other checks are left out",
		"team/chosen scope warn: the config does not cover this control plane", "team/young scope warn: the control plane has no host namespace yet"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if !result.Checked() {
		t.Error("a control plane that is being deleted counts as a failure")
	}
	o.ControlPlanes = nil
	if runChecks(o, accountState{}, nil, testState(t, identity.IRSA)).Checked() {
		t.Error("no control plane was checked, and the result says that one was")
	}
}

func TestAnyStateButOKMakesAResultIncompleteOrFailed(t *testing.T) {
	for state, want := range map[State][2]bool{OK: {false, true}, Warns: {false, true}, Unknown: {false, false}, Fails: {true, true}} {
		for _, r := range []Result{{Rows: []Row{{Checks: []Check{{State: OK}, {State: state}}}}}, {Common: []Row{{Checks: []Check{{State: state}}}}}} {
			if got := [2]bool{r.Failed(), r.Complete()}; got != want {
				t.Errorf("%s: failed and complete are %v", state, got)
			}
		}
	}
	if (Result{Problems: []string{"x"}}).Complete() {
		t.Error("a result with a problem is complete")
	}
}

func TestWorstStateOfChecks(t *testing.T) {
	for _, tt := range []struct {
		states []State
		want   State
	}{{nil, OK}, {[]State{OK, Warns}, Warns}, {[]State{Unknown, Warns, OK}, Unknown}, {[]State{Fails, Unknown}, Fails}} {
		var checks []Check
		for _, s := range tt.states {
			checks = append(checks, Check{State: s})
		}
		if got := Worst(checks); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.states, got, tt.want)
		}
	}
}

func TestAdditionalClustersAreRecognisedByTheirIssuer(t *testing.T) {
	const other = "oidc.eks.eu-west-1.amazonaws.com/id/OTHER"
	s := testState(t, identity.IRSA, func(s *identity.Settings) {
		provider, err := identity.ParseOIDCProvider(other)
		if err != nil {
			t.Fatal(err)
		}
		s.AdditionalClusters = []identity.Cluster{{Name: "second", Region: "eu-west-1", OIDC: provider}}
	})
	for issuer, want := range map[string]string{"https://" + testIssuer: "prod", "https://" + other: "second", "https://example.com/x": "prod", "": "prod"} {
		if got := onLiveCluster(s, issuer).Clusters[0].Name; got != want {
			t.Errorf("issuer %q: cluster %s, want %s", issuer, got, want)
		}
	}
}
