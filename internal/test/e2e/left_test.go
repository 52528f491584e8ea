package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

// TestRestartNamesEveryPodThatIsLeft has pods that a restart cannot cure, and others that it
// can.
func TestRestartNamesEveryPodThatIsLeft(t *testing.T) {
	h := newChain(t)
	h.plane(t, "ctp-b", planeB)
	outcomes := func(t *testing.T, status int, flags ...string) []string {
		t.Helper()
		var all []string
		for _, s := range h.user.restart(t, status, h.file, flags...) {
			all = append(all, s.Namespace+" "+s.Workload+" "+string(s.Outcome))
		}
		return all
	}
	stale := func(t *testing.T, namespace string) { // a pod that the webhook has not seen
		t.Helper()
		h.hook.Skip.Store(1)
		h.replacePods(t, namespace)
	}
	same := func(t *testing.T, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
	const deploymentName = " deployments.apps/mxp-controller "

	t.Run("a bare pod and one of a ReplicaSet", func(t *testing.T) {
		h.hook.Skip.Store(2)
		h.Create(t, `{apiVersion: v1, kind: Pod, metadata: {name: bare, namespace: `+planeA+`}, spec: {serviceAccountName: mxp-controller, containers: [{name: x, image: x}]}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: set, namespace: `+planeA+`}, spec: {replicas: 1, selector: {matchLabels: {app: set}},
  template: {metadata: {labels: {app: set}}, spec: {serviceAccountName: mxp-controller, containers: [{name: x, image: x}]}}}}`)
		waitPods(t, h.Cluster, planeA, 3)
		got := outcomes(t, 3)
		if len(got) != 2 || got[0] != planeA+" pods/bare left" || !strings.HasPrefix(got[1], planeA+" pods/set-") {
			t.Errorf("%q", got)
		}
		h.expect(t, h.file, verify.Injected, verify.Fails, "injected no credentials")
		h.remove(t, kubetest.Pods, planeA, "bare")
		h.remove(t, kubetest.Deployments.GroupVersion().WithResource("replicasets"), planeA, "set")
		h.waitRolledOut(t, planeA)
	})
	t.Run("a paused Deployment, and on", func(t *testing.T) {
		stale(t, planeB) // the first in order
		stale(t, planeA)
		h.Patch(t, kubetest.Deployments, planeB, "mxp-controller", `{"spec":{"paused":true}}`)
		same(t, outcomes(t, 3), planeB+deploymentName+"left", planeA+deploymentName+"restarted")
		h.Patch(t, kubetest.Deployments, planeB, "mxp-controller", `{"spec":{"paused":false}}`)
		same(t, outcomes(t, 3, "--exclude", planeB+"/mxp-controller"), planeB+deploymentName+"left")
		same(t, outcomes(t, 0), planeB+deploymentName+"restarted")
		if o := h.user.run(t, "", "restart", "--exclude", "nowhere", "--config", h.file); o.Status != 2 || !strings.Contains(o.Err, "--exclude nowhere") {
			t.Errorf("an exclusion that matches nothing: exit status %d\n%s", o.Status, o.Err)
		}
	})
	t.Run("the skip label, and on", func(t *testing.T) {
		h.patch(t, kubetest.Deployments, planeB, "mxp-controller", types.StrategicMergePatchType, `{"spec":{"template":{"metadata":{"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":""}}}}}`)
		h.waitRolledOut(t, planeB)
		stale(t, planeA)
		same(t, outcomes(t, 3), planeB+deploymentName+"left", planeA+deploymentName+"restarted")
		h.patch(t, kubetest.Deployments, planeB, "mxp-controller", types.StrategicMergePatchType, `{"spec":{"template":{"metadata":{"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":null}}}}}`)
		h.waitRolledOut(t, planeB)
	})
	t.Run("static keys, and on", func(t *testing.T) {
		h.patch(t, kubetest.Deployments, planeB, "mxp-controller", types.StrategicMergePatchType,
			`{"spec":{"template":{"spec":{"containers":[{"name":"mxp-controller","env":[{"name":"AWS_ACCESS_KEY_ID","value":"x"},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"}]}]}}}}`)
		h.waitRolledOut(t, planeB)
		stale(t, planeA)
		same(t, outcomes(t, 3), planeB+deploymentName+"left", planeA+deploymentName+"restarted")
		h.patch(t, kubetest.Deployments, planeB, "mxp-controller", types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"mxp-controller","env":null}]}}}}`)
		h.waitRolledOut(t, planeB)
	})
	t.Run("an association, then none", func(t *testing.T) {
		h.hook.Associate(planeA, "mxp-controller", true)
		h.replacePods(t, planeA)
		same(t, outcomes(t, 3), planeA+deploymentName+"left")
		h.hook.Associate(planeA, "mxp-controller", false)
		same(t, outcomes(t, 0), planeA+deploymentName+"restarted")
	})
	t.Run("two runs at once", func(t *testing.T) {
		stale(t, planeA)
		before := h.Get(t, kubetest.Deployments, planeA, "mxp-controller").GetGeneration()
		done := make(chan runResult)
		for range 2 {
			go func() { done <- h.user.run(t, "", "restart", "--config", h.file) }()
		}
		for range 2 {
			if o := <-done; o.Status != 0 {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Out, o.Err)
			}
		}
		if after := h.Get(t, kubetest.Deployments, planeA, "mxp-controller").GetGeneration(); after != before+1 {
			t.Errorf("generation %d, then %d: it should have been restarted once", before, after)
		}
	})
	t.Run("no Space", func(t *testing.T) {
		other := writeConfig(t, strings.Replace(chainSettings, "{match: uuid, discover: true}", "{match: nothing-*}", 1))
		for _, command := range []string{"restart", "verify"} {
			o := h.user.run(t, "", command, "--config", other)
			if o.Status != 1 || !strings.Contains(o.Err, "no control plane was found") || !strings.Contains(o.Err, "kubeconfig's context") {
				t.Errorf("%s: exit status %d\n%s%s", command, o.Status, o.Out, o.Err)
			}
		}
	})
	t.Run("pods may not be listed", func(t *testing.T) {
		p := newProxy(t, h.Cluster)
		reader := p.program(t, kubetest.AdminToken)
		p.reset(func(_ int, r *http.Request) http.HandlerFunc {
			if strings.HasSuffix(r.URL.Path, "/pods") {
				return failWith(403, "Forbidden")
			}
			return nil
		})
		steps := reader.restart(t, 3, h.file)
		for _, s := range steps {
			if s.Outcome != restart.Unknown {
				t.Errorf("%+v", s)
			}
		}
		if len(steps) != 2 {
			t.Errorf("%d steps", len(steps))
		}
	})
}
