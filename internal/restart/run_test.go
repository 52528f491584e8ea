package restart

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
	"spaces-identity.dev/internal/test/spacetest"
)

// The host namespaces of two control planes.
const (
	hostA = "mxp-11111111-5bb8-4a7e-9f41-2fc38ef4b065-system"
	hostB = "mxp-22222222-5bb8-4a7e-9f41-2fc38ef4b065-system"
)

// staleSpace returns a cluster with two control planes. The pods of the first one lack the
// identity until their Deployment is restarted. A third control plane is out of scope.
func staleSpace(t *testing.T) *spacetest.Cluster {
	t.Helper()
	c := spacetest.New(t, `{kind: ControlPlane, metadata: {name: chosen, namespace: team}, spec: {hostNamespace: {name: chosen}}}`)
	for name, host := range map[string]string{"ctp-a": hostA, "ctp-b": hostB} {
		c.Add(t, fmt.Sprintf(`{kind: ControlPlane, metadata: {name: %s, namespace: team}, spec: {hostNamespace: {name: %s}}}`, name, host))
		c.Add(t, fmt.Sprintf(`{kind: ServiceAccount, metadata: {name: mxp-controller, namespace: %s, annotations: {eks.amazonaws.com/role-arn: %q}}}`, host, testRole))
		c.Add(t, fmt.Sprintf(`{kind: Deployment, metadata: {name: mxp-controller, namespace: %s}, spec: {replicas: 1, template: {spec: {serviceAccountName: mxp-controller}}},
			status: {replicas: 1, updatedReplicas: 1, availableReplicas: 1}}`, host))
	}
	addPod(t, c, hostA, oldPod)
	addPod(t, c, hostB, newPod)
	c.AfterPatch = func(resource, namespace, _ string) {
		if resource == "deployments" {
			addPod(t, c, namespace, newPod)
		}
	}
	return c
}

func addPod(t *testing.T, c *spacetest.Cluster, host, text string) {
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Error(err)
		return
	}
	o["kind"] = "Pod"
	meta, spec := o["metadata"].(map[string]any), o["spec"].(map[string]any)
	meta["name"], meta["namespace"], spec["serviceAccountName"] = "mxp-controller-1-x", host, "mxp-controller"
	manifest, err := json.Marshal(o)
	if err != nil {
		t.Error(err)
		return
	}
	c.Add(t, string(manifest))
}

func TestRunRestartsWhatItFinds(t *testing.T) {
	restartA := "PATCH deployments " + hostA + "/mxp-controller"
	for name, tt := range map[string]struct {
		policy  identity.AdmissionPolicy
		prepare func(*testing.T, *spacetest.Cluster)
		options Options
		steps   string // namespaces and outcomes
		calls   []string
		pods    int
	}{
		"a stale pod":   {"", nil, Options{}, hostA + " restarted", []string{restartA}, 2},
		"a dry run":     {"", nil, Options{DryRun: true}, hostA + " would-restart", nil, 2},
		"excluded":      {"", nil, Options{Exclude: []string{hostA}}, hostA + " left", nil, 2},
		"no pods":       {"", func(_ *testing.T, c *spacetest.Cluster) { c.Delete("pods") }, Options{}, "", nil, 0},
		"nothing to do": {"", func(t *testing.T, c *spacetest.Cluster) { addPod(t, c, hostA, newPod) }, Options{}, "", nil, 2},
		"pods that may not be listed": {"", func(_ *testing.T, c *spacetest.Cluster) {
			c.Forbidden = func(_, resource, namespace string) bool { return resource == "pods" && namespace != hostA }
		}, Options{}, hostA + " restarted, " + hostB + " unknown", []string{restartA}, 1},
		"the admission policy annotates first": {identity.NativeAdmissionPolicy, func(t *testing.T, c *spacetest.Cluster) {
			c.Add(t, `{kind: ServiceAccount, metadata: {name: mxp-controller, namespace: `+hostA+`}}`)
			restarts := c.AfterPatch
			c.AfterPatch = func(resource, namespace, name string) {
				restarts(resource, namespace, name)
				if resource == "serviceaccounts" {
					c.Add(t, fmt.Sprintf(`{kind: ServiceAccount, metadata: {name: %s, namespace: %s, annotations: {eks.amazonaws.com/role-arn: %q}}}`, name, namespace, testRole))
				}
			}
		}, Options{}, hostA + " restarted", []string{"PATCH serviceaccounts " + hostA + "/mxp-controller", restartA}, 2},
		"a service account that may not be patched": {identity.NativeAdmissionPolicy, func(t *testing.T, c *spacetest.Cluster) {
			c.Add(t, `{kind: ServiceAccount, metadata: {name: mxp-controller, namespace: `+hostA+`}}`)
			c.Forbidden = func(method, resource, _ string) bool {
				return method == http.MethodPatch && resource == "serviceaccounts"
			}
		}, Options{}, hostA + " failed", []string{"PATCH serviceaccounts " + hostA + "/mxp-controller"}, 2},
		"a workload that is gone meanwhile": {"", func(_ *testing.T, c *spacetest.Cluster) {
			c.Forbidden = func(method, resource, namespace string) bool {
				return resource == "deployments" && namespace == hostA && method == http.MethodGet
			}
		}, Options{}, hostA + " failed", nil, 2},
		"a workload that may not be restarted": {"", func(_ *testing.T, c *spacetest.Cluster) {
			c.Forbidden = func(method, _, _ string) bool { return method == http.MethodPatch }
		}, Options{}, hostA + " failed", []string{restartA}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := staleSpace(t)
			if tt.prepare != nil {
				tt.prepare(t, c)
			}
			tt.options.Timeout, tt.options.Interval = 30*time.Second, time.Millisecond
			state := desired.Of(fixture.Spec(t, identity.Settings{AdmissionPolicy: tt.policy, ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
				Components: []identity.Component{{Name: "mxp-controller", Role: testRole}}}))
			result, err := Run(t.Context(), c.Client(t), state, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			var steps []string
			for _, s := range result.Steps {
				steps = append(steps, s.Namespace+" "+string(s.Outcome))
				if result.Count(s.Outcome) != 1 || s.Reason == "" {
					t.Errorf("%d steps are %s: %s", result.Count(s.Outcome), s.Outcome, s.Reason)
				}
			}
			if diff := gocmp.Diff(tt.steps, strings.Join(steps, ", ")); diff != "" {
				t.Errorf("the steps differ (-want +got):\n%s\n%+v", diff, result)
			}
			if diff := gocmp.Diff(tt.calls, c.Calls()); !slices.Equal(tt.calls, c.Calls()) {
				t.Errorf("the calls differ (-want +got):\n%s", diff)
			}
			if result.ControlPlanes != 2 || result.Pods != tt.pods || len(result.OutOfScope) != 1 || result.OutOfScope[0].Name != "chosen" {
				t.Errorf("%+v", result)
			}
			if unread := name == "pods that may not be listed"; unread != (len(result.Problems) > 0) {
				t.Errorf("problems: %q", result.Problems)
			}
		})
	}
}

// TestRunLeavesControlPlanesThatAreBeingDeleted has stale pods in one. Nobody has looked at
// them, so they do not count.
func TestRunLeavesControlPlanesThatAreBeingDeleted(t *testing.T) {
	c := staleSpace(t)
	c.Add(t, `{kind: ControlPlane, metadata: {name: ctp-a, namespace: team, deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {hostNamespace: {name: `+hostA+`}}}`)
	state := desired.Of(fixture.Spec(t, identity.Settings{ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
		Components: []identity.Component{{Name: "mxp-controller", Role: testRole}}}))
	result, err := Run(t.Context(), c.Client(t), state, Options{})
	if err != nil || len(result.Steps) > 0 || result.Pods != 1 || result.ControlPlanes != 1 || len(result.Deleting) != 1 || result.Deleting[0].Name != "ctp-a" {
		t.Errorf("%+v, error %v", result, err)
	}
}

func TestRunFailsBeforeItChangesAnything(t *testing.T) {
	state := desired.Of(fixture.Spec(t, identity.Settings{ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
		Components: []identity.Component{{Name: "mxp-controller", Role: testRole}}}))
	c := staleSpace(t)
	_, err := Run(t.Context(), c.Client(t), state, Options{Exclude: []string{"mxp-controller"}})
	if err == nil || exit.Of(err) != exit.BadUsage || !strings.Contains(ExcludeError{}.Hint(), "spaces-identity discover") || !strings.Contains(err.Error(), "no component of the config runs in this namespace") {
		t.Errorf("an exclusion that names nothing: %v", err)
	}
	c.Forbidden = func(string, string, string) bool { return true }
	if result, err := Run(t.Context(), c.Client(t), state, Options{}); err == nil || len(result.Steps) > 0 {
		t.Errorf("a cluster that cannot be read: %+v, %v", result, err)
	}
	if calls := c.Calls(); len(calls) > 0 {
		t.Errorf("calls: %q", calls)
	}
}
