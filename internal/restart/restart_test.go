package restart

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/fixture"
)

// fakeCluster has a Deployment mxp-controller in every namespace.
type fakeCluster struct {
	mu        sync.Mutex
	rollout   time.Duration // of one workload
	withoutID int           // number of restarts after which new pods still lack the identity, in each namespace
	annotates bool          // an update of a service account annotates it
	fails     string        // a namespace in which nothing can be restarted
	before    string        // the pod before the restarts; oldPod if empty
	changed   int           // number of restarts that meet a conflict, in each namespace
	stuck     string        // a namespace in which pods never become available
	restarted map[string]time.Time
	log       []string
	atOnce    int // rollouts at the same time, at most
}

func (f *fakeCluster) rolling(namespace string) bool {
	began, ok := f.restarted[namespace]
	return ok && time.Since(began) < f.rollout
}

func (f *fakeCluster) Workload(ctx context.Context, w space.Workload) (space.Workload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w = testWorkload(w.Meta.Namespace)
	if f.rolling(w.Meta.Namespace) {
		w.Status.Updated = 0
	}
	if w.Meta.Namespace == f.stuck {
		w.Status.Available = 0
	}
	return w, ctx.Err()
}

func (f *fakeCluster) Pods(_ context.Context, namespace, _ string) (space.ServiceAccount, []space.Pod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := cmp.Or(f.before, oldPod)
	if f.count("restart "+namespace) > f.withoutID {
		text = newPod
	}
	var p space.Pod
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	return space.ServiceAccount{}, []space.Pod{p}, nil
}

// Pods of the Deployment, without and with the identity.
const (
	oldPod = `{"metadata":{"labels":{"pod-template-hash":"1"},"ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-1"}]},"spec":{"containers":[{"name":"main"}]}}`
	newPod = `{"metadata":{"labels":{"pod-template-hash":"1"},"ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-1"}]},
		"spec":{"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}],"containers":[{"name":"main","volumeMounts":[{"name":"aws-iam-token","mountPath":"/run/aws"}],"env":[
			{"name":"AWS_ROLE_ARN","value":"arn:aws:iam::123456789012:role/spaces-backup"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/run/aws/token"}]}]}}`
	associatedPod = `{"metadata":{"labels":{"pod-template-hash":"1"},"ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-1"}]},
		"spec":{"containers":[{"name":"main","env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"},
			{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/token"}]}]}}`
)

func (f *fakeCluster) count(line string) int {
	n := 0
	for _, l := range f.log {
		if l == line {
			n++
		}
	}
	return n
}

func (f *fakeCluster) Touch(_ context.Context, namespace, _ string) (space.ServiceAccount, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, "touch "+namespace)
	account := space.ServiceAccount{}
	if f.annotates {
		account.Meta.Annotations = map[string]string{identity.RoleAnnotation: testRole.String()}
	}
	return account, nil
}

func (f *fakeCluster) Restart(_ context.Context, w space.Workload) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed > 0 {
		f.changed--
		return &space.Error{Err: apierrors.NewConflict(schema.GroupResource{}, "mxp-controller", errors.New("changed"))}
	}
	f.log = append(f.log, "restart "+w.Meta.Namespace)
	if w.Meta.Namespace == f.fails {
		return errors.New("forbidden")
	}
	f.restarted[w.Meta.Namespace] = time.Now()
	rolling := 0
	for namespace := range f.restarted {
		if f.rolling(namespace) {
			rolling++
		}
	}
	f.atOnce = max(f.atOnce, rolling)
	return nil
}

var testRole = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}

func testWorkload(namespace string) space.Workload {
	w := space.Workload{Resource: space.Deployments, Meta: space.Meta{Name: "mxp-controller", Namespace: namespace}}
	w.Status.Replicas, w.Status.Updated, w.Status.Available = 1, 1, 1
	return w
}

const (
	testReason    = "the pod was created before its service account was annotated"
	unknownReason = testReason + ", or the EKS webhook left it out"
)

// staleWorkloads returns a workload in each namespace. Its pods lack the identity.
func staleWorkloads(s desired.State, namespaces ...string) []injection.StaleWorkload {
	var all []injection.StaleWorkload
	for _, namespace := range namespaces {
		all = append(all, injection.StaleWorkload{Problem: injection.Problem{Cause: injection.Outdated, Reason: testReason}, Namespace: namespace,
			Component: s.Components[0], Account: "mxp-controller", Workload: testWorkload(namespace), Annotated: true})
	}
	return all
}

// testRun is a run in a synctest bubble.
type testRun struct {
	cluster   fakeCluster
	options   Options
	policy    identity.AdmissionPolicy
	change    func([]injection.StaleWorkload)
	before    func(*fakeCluster)
	interrupt time.Duration // after which the user interrupts; 0 for never
	steps     []Step
	took      time.Duration
	progress  []string
}

func (r *testRun) run(t *testing.T, namespaces ...string) {
	t.Helper()
	state := desired.Of(fixture.Spec(t, identity.Settings{AdmissionPolicy: r.policy, ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
		Components: []identity.Component{{Name: "mxp-controller", Role: testRole}}}))
	all := staleWorkloads(state, namespaces...)
	if r.change != nil {
		r.change(all)
	}
	r.options.Timeout, r.options.Interval = 5*time.Minute, 2*time.Second
	synctest.Test(t, func(t *testing.T) {
		r.cluster.restarted = map[string]time.Time{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if r.interrupt > 0 {
			time.AfterFunc(r.interrupt, cancel)
		}
		var mu sync.Mutex
		r.options.Progress = func(message string) {
			mu.Lock()
			defer mu.Unlock()
			r.progress = append(r.progress, message)
		}
		if r.before != nil {
			r.before(&r.cluster)
		}
		began := time.Now()
		r.steps = (&runner{cluster: &r.cluster, state: state, options: r.options}).run(ctx, all)
		r.took = time.Since(began)
	})
}

// outcomes returns the namespace and outcome of each step.
func (r *testRun) outcomes() string {
	var all []string
	for _, s := range r.steps {
		all = append(all, s.Namespace+" "+string(s.Outcome))
	}
	return strings.Join(all, ", ")
}

func (r *testRun) want(t *testing.T, outcomes string, reasons ...string) {
	t.Helper()
	if diff := gocmp.Diff(outcomes, r.outcomes()); diff != "" {
		t.Errorf("the outcomes differ (-want +got):\n%s", diff)
	}
	for i, want := range reasons {
		if got := r.steps[i].Reason; got != want {
			t.Errorf("step %d: reason %q, want %q", i, got, want)
		}
	}
}

func (r *testRun) wantCalls(t *testing.T, calls ...string) {
	t.Helper()
	if diff := gocmp.Diff(calls, r.cluster.log); diff != "" {
		t.Errorf("the calls differ (-want +got):\n%s", diff)
	}
}

func TestRestartWaitsForTheRollout(t *testing.T) {
	r := testRun{cluster: fakeCluster{rollout: 61 * time.Second}}
	r.run(t, "a")
	r.want(t, "a restarted", testReason)
	r.wantCalls(t, "restart a")
	if r.took != 62*time.Second { // the first read after the rollout
		t.Errorf("it took %s", r.took)
	}
	if diff := gocmp.Diff(Step{"a", "mxp-controller", "deployments.apps/mxp-controller", Restarted, testReason}, r.steps[0]); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestRestartGivesUpAfterTheTimeout(t *testing.T) {
	r := testRun{cluster: fakeCluster{rollout: time.Hour}}
	r.run(t, "a", "b")
	r.want(t, "a failed, b left", "the rollout did not finish within 5m0s: run `kubectl rollout status deployments/mxp-controller -n a` to see why",
		"not restarted, because another rollout failed: fix that one, or exclude it; then run `spaces-identity restart` again to continue")
	r.wantCalls(t, "restart a")
	if r.took != 5*time.Minute {
		t.Errorf("it took %s", r.took)
	}
}

func TestRestartStopsAtTheFirstFailure(t *testing.T) {
	r := testRun{cluster: fakeCluster{fails: "b"}}
	r.run(t, "a", "b", "c")
	r.want(t, "a restarted, b failed, c left", testReason, "forbidden")
	r.wantCalls(t, "restart a", "restart b")
}

func TestRestartStopsWhenInterrupted(t *testing.T) {
	r := testRun{cluster: fakeCluster{rollout: time.Minute}, interrupt: 90 * time.Second}
	r.run(t, "a", "b", "c")
	r.want(t, "a restarted, b left, c left", testReason, interruptedReason, interruptedReason)
	r.wantCalls(t, "restart a", "restart b")
	if r.took != 90*time.Second {
		t.Errorf("it took %s", r.took)
	}
}

func TestRestartTriesAgainIfTheFirstNewPodLacksTheIdentity(t *testing.T) {
	r := testRun{cluster: fakeCluster{rollout: 10 * time.Second, withoutID: 1}}
	r.run(t, "a")
	r.want(t, "a restarted", testReason)
	r.wantCalls(t, "restart a", "restart a")
	want := []string{"a: restarting mxp-controller: " + unknownReason, "a: waiting for the rollout of mxp-controller",
		"a: restarting mxp-controller: " + unknownReason, "a: waiting for the rollout of mxp-controller"}
	if diff := gocmp.Diff(want, r.progress); diff != "" {
		t.Errorf("the progress differs (-want +got):\n%s", diff)
	}
}

func TestRestartFailsIfNewPodsNeverGetTheIdentity(t *testing.T) {
	r := testRun{cluster: fakeCluster{withoutID: 9}}
	r.run(t, "a", "b")
	r.want(t, "a failed, b left", "restarted 2 times, but the new pods still have a problem: "+unknownReason+"; run `spaces-identity verify` to see what to fix")
	r.wantCalls(t, "restart a", "restart a")
}

func TestRestartWaitsForARolloutThatHasAlreadyStarted(t *testing.T) {
	for name, tt := range map[string]struct {
		withoutID int
		outcomes  string
		calls     []string
	}{"which brings the identity": {-1, "a healthy", nil}, "which does not": {0, "a restarted", []string{"restart a"}}} {
		t.Run(name, func(t *testing.T) {
			r := testRun{cluster: fakeCluster{withoutID: tt.withoutID, rollout: 10 * time.Second}, before: func(f *fakeCluster) { f.restarted["a"] = time.Now() }}
			r.run(t, "a")
			r.want(t, tt.outcomes)
			r.wantCalls(t, tt.calls...)
			if r.progress[0] != "a: waiting for the rollout of mxp-controller" {
				t.Errorf("progress %q", r.progress)
			}
		})
	}
}

func TestRestartObeysMaxUnavailable(t *testing.T) {
	for _, most := range []int{0, 1, 2, 10} {
		r := testRun{cluster: fakeCluster{rollout: time.Minute}, options: Options{MaxUnavailable: most}}
		r.run(t, "a", "b", "c", "d")
		r.want(t, "a restarted, b restarted, c restarted, d restarted")
		if want := min(max(most, 1), 4); r.cluster.atOnce != want {
			t.Errorf("%d rollouts at once, want %d", r.cluster.atOnce, want)
		}
	}
}

func TestRestartSkipsWorkloadsThatARestartCannotFix(t *testing.T) {
	r := testRun{change: func(all []injection.StaleWorkload) {
		all[0].Cause, all[0].Reason = injection.Skipped, "containers are left out"
		all[1].Annotated = false
		all[2] = injection.StaleWorkload{Namespace: "c", Component: all[2].Component, Unreadable: errors.New("list pods: forbidden")}
	}}
	r.run(t, "a", "b", "c", "d")
	r.want(t, "a left, b left, c unknown, d restarted", "containers are left out; a restart does not fix this, but `spaces-identity verify` shows what does",
		"a restart would not help yet, because its service account does not have the config's annotations: upgrade the Spaces release through the post-renderer, then run `spaces-identity restart` again",
		"could not be checked: list pods: forbidden", testReason)
}

func TestDryRunChangesNothing(t *testing.T) {
	r := testRun{options: Options{DryRun: true}}
	r.run(t, "a", "b")
	r.want(t, "a would-restart, b would-restart", testReason, testReason)
	r.wantCalls(t)
}

func TestRestartUpdatesServiceAccountsForTheAdmissionPolicy(t *testing.T) {
	for _, annotates := range []bool{true, false} {
		t.Run(fmt.Sprint(annotates), func(t *testing.T) {
			r := testRun{policy: identity.NativeAdmissionPolicy, cluster: fakeCluster{annotates: annotates}, change: func(all []injection.StaleWorkload) {
				all[0].Annotated = false
				all[1].Annotated, all[1].Workload, all[1].Reason = false, space.Workload{}, "its service account does not have every annotation of the config"
			}}
			r.run(t, "a", "b")
			if annotates {
				r.want(t, "a restarted, b annotated", testReason, "its service account does not have every annotation of the config")
				r.wantCalls(t, "touch a", "restart a", "touch b")
				return
			}
			r.want(t, "a failed, b left", "the admission policy did not annotate the service account mxp-controller when it was updated: run `spaces-identity verify` to see whether the cluster has the policy of this config (a new policy acts after up to half a second, one of Kyverno after a few seconds)")
			r.wantCalls(t, "touch a")
		})
	}
}

func TestRestartLooksAgainBeforeEachRestart(t *testing.T) {
	r := testRun{cluster: fakeCluster{withoutID: -1}}
	r.run(t, "a", "b")
	r.want(t, "a healthy, b healthy", "its pods have got the identity meanwhile")
	r.wantCalls(t)
}

// TestRestartLooksAgainAfterAConflict has two runs at once: the other one has changed the
// workload between the look and the restart.
func TestRestartLooksAgainAfterAConflict(t *testing.T) {
	r := testRun{cluster: fakeCluster{changed: 2}}
	r.run(t, "a")
	r.want(t, "a restarted", testReason)
	r.wantCalls(t, "restart a")
}

func TestRestartDoesNotWaitForPodsThatLackTheIdentityToBecomeReady(t *testing.T) {
	r := testRun{cluster: fakeCluster{stuck: "a"}}
	r.run(t, "a")
	r.want(t, "a failed", "the rollout did not finish within 5m0s: run `kubectl rollout status deployments/mxp-controller -n a` to see why")
	r.wantCalls(t, "restart a")
}

func TestRestartGoesOnPastWhatItCannotCure(t *testing.T) {
	pod := func(owners string) *space.Pod {
		var p space.Pod
		if err := json.Unmarshal([]byte(`{"metadata":{"name":"lone","namespace":"d","ownerReferences":[`+owners+`]}}`), &p); err != nil {
			t.Fatal(err)
		}
		return &p
	}
	r := testRun{change: func(all []injection.StaleWorkload) {
		all[0].Workload.Spec.Paused = true
		all[1].Workload.Resource, all[1].Workload.Spec.Update.Type = space.StatefulSets, "OnDelete"
		all[2].Cause, all[2].Reason = injection.Skipped, "the label"
		all[3].Workload, all[3].Pod = space.Workload{}, pod("")
		all[4].Workload, all[4].Pod = space.Workload{}, pod(`{"kind":"ReplicaSet","name":"x","controller":true}`)
	}, options: Options{Exclude: []string{"f", "g/mxp-controller", "h/other"}}}
	r.run(t, "a", "b", "c", "d", "e", "f", "g", "h")
	r.want(t, "a left, b left, c left, d left, e left, f left, g left, h restarted",
		testReason+"; the Deployment is paused, so a restart does not replace its pods: run `kubectl rollout resume deployments/mxp-controller -n a`, then `spaces-identity restart` again",
		testReason+"; its update strategy is OnDelete, so a restart does not replace its pods: delete its pods one by one",
		"the label; a restart does not fix this, but `spaces-identity verify` shows what does",
		testReason+"; nothing owns the pod, so nothing would replace it: delete it and create it again",
		testReason+"; ReplicaSet x owns the pod, which restart cannot roll: run `kubectl delete pod lone -n d`, so that a new pod replaces it; if the new pod has the same problem, correct the pod template of ReplicaSet x",
		testReason+"; it is excluded", testReason+"; it is excluded", testReason)
	r.wantCalls(t, "restart h")
	if r.steps[3].Workload != "pods/lone" {
		t.Errorf("the pod is not named: %+v", r.steps[3])
	}
}

// TestRestartCuresPodsOfADeletedAssociation restarts pods whose association is deleted, and
// pods whose association still exists.
func TestRestartCuresPodsOfADeletedAssociation(t *testing.T) {
	overridden := func(all []injection.StaleWorkload) { all[0].Cause = injection.Overridden }
	r := testRun{cluster: fakeCluster{before: associatedPod}, change: overridden}
	r.run(t, "a")
	r.want(t, "a restarted")
	r = testRun{cluster: fakeCluster{before: associatedPod, withoutID: 9}, change: overridden}
	r.run(t, "a", "b")
	r.want(t, "a left, b left", "restarted, but an association gives the new pods EKS Pod Identity credentials: run `spaces-identity apply --prune`, which deletes it if this program manages it, or set mode: pod-identity (or both) in the config")
	r.wantCalls(t, "restart a", "restart b")
}

func TestExcludeMustNameANamespaceOfTheConfig(t *testing.T) {
	o := space.Observed{ControlPlanes: []space.ControlPlane{{HostNamespace: "a"}}}
	s := desired.Of(fixture.Spec(t, identity.Settings{Components: []identity.Component{{Name: "spaces-controller"}}}))
	if err := checkExclude([]string{"a", "a/mxp-controller", "upbound-system/spaces-controller"}, o, s); err != nil {
		t.Error(err)
	}
	err := checkExclude([]string{"mxp-controller"}, o, s)
	if err == nil || exit.Of(err) != exit.BadUsage {
		t.Errorf("an exclusion that matches nothing: %v", err)
	}
}
