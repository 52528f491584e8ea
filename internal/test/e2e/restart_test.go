package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/test/kubetest"
)

// TestRestart restarts the pods of two control planes that were created before the webhook.
// Some restarts fail. The rollouts are real, and the webhook is simulated.
func TestRestart(t *testing.T) {
	c := kubetest.Start(t, true)
	for _, namespace := range []string{planeA, planeB} {
		createNamespaces(t, c, namespace)
		serviceAccount(t, c, namespace, "mxp-controller", roleARN)
		c.Create(t, strings.ReplaceAll(deployment, "NAMESPACE", namespace))
	}
	for _, namespace := range []string{planeA, planeB} {
		waitRunning(t, c, namespace)
	}
	hook := c.SimulateWebhook(t)
	p := newProxy(t, c)
	admin := p.program(t, kubetest.AdminToken)
	file := writeConfig(t, "controlPlanes: {match: uuid}\ncomponents: [{name: mxp-controller, roleARN: "+roleARN+"}]\n")

	t.Run("stops at the first that fails", func(t *testing.T) {
		hook.Skip.Store(1000)
		failed := restartStep(planeB, restart.Failed)
		failed.Reason = "restarted 2 times, but the new pods still have a problem: the EKS webhook injected no credentials when the pod was created; run `spaces-identity verify` to see what to fix"
		left := restartStep(planeA, restart.Left)
		left.Reason = "not restarted, because another rollout failed: fix that one, or exclude it; then run `spaces-identity restart` again to continue"
		if diff := cmp.Diff([]restart.Step{failed, left}, admin.restart(t, 1, file)); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
		hook.Skip.Store(0)
	})
	t.Run("interrupted", func(t *testing.T) {
		o := admin.runUntil(t, planeB+": restarting", "", "restart", "--config", file)
		if o.Status != 1 || !strings.Contains(o.flat(), "run `spaces-identity restart` again to continue") {
			t.Errorf("exit status %d\n%s%s", o.Status, o.Out, o.Err)
		}
		waitRunning(t, c, planeB)
	})
	t.Run("goes on, by way of a conflict", func(t *testing.T) {
		conflicts := 0
		p.reset(func(_ int, r *http.Request) http.HandlerFunc {
			if r.Method == http.MethodPatch && conflicts == 0 {
				conflicts++
				return failWith(409, "Conflict")
			}
			return nil
		})
		before := c.Get(t, kubetest.Deployments, planeB, "mxp-controller").GetGeneration()
		steps := admin.restart(t, 0, file, "--max-unavailable", "2")
		want := restartStep(planeA, restart.Restarted)
		want.Reason = "the EKS webhook injected no credentials when the pod was created"
		if last := steps[len(steps)-1]; last != want {
			t.Errorf("%+v", last)
		}
		// The interruption may have come before or after the patch. If the rollout has
		// started, restart waits for it and does not start another.
		if after := c.Get(t, kubetest.Deployments, planeB, "mxp-controller").GetGeneration(); after > before+1 || conflicts != 1 {
			t.Errorf("generation %d, then %d; %d conflicts", before, after, conflicts)
		}
		if diff := cmp.Diff([]restart.Step{}, admin.restart(t, 0, file)); diff != "" {
			t.Errorf("a further run restarts something (-want +got):\n%s", diff)
		}
	})
	t.Run("a race with the association", func(t *testing.T) {
		another := strings.Replace(roleARN, "spaces-backup", "another", 1)
		changed := writeConfig(t, "controlPlanes: {match: uuid}\ncomponents: [{name: mxp-controller, roleARN: "+another+"}]\n")
		c.Patch(t, kubetest.ServiceAccounts, planeA, "mxp-controller", `{"metadata":{"annotations":{"`+roleAnnotation+`":"`+another+`"}}}`)
		hook.Skip.Store(1)
		before := c.Get(t, kubetest.Deployments, planeA, "mxp-controller").GetGeneration()
		left, done := restartStep(planeB, restart.Left), restartStep(planeA, restart.Restarted)
		left.Reason = "a restart would not help yet, because its service account does not have the config's annotations: upgrade the Spaces release through the post-renderer, then run `spaces-identity restart` again"
		done.Reason = "the pod has the credentials of another role, " + roleARN
		if diff := cmp.Diff([]restart.Step{left, done}, admin.restart(t, 3, changed)); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
		if after := c.Get(t, kubetest.Deployments, planeA, "mxp-controller").GetGeneration(); after != before+2 {
			t.Errorf("generation %d, then %d: it should have been restarted twice", before, after)
		}
	})
}
