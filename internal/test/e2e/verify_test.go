package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

const spaceSettings = clusterSetting + `
controlPlanes: {match: uuid, discover: true}
components: [{name: mxp-controller, roleARN: ` + roleARN + `, bucket: spaces-backups}]
delivery: {admissionPolicy: native}
`

// TestAdmissionPolicyThenRestartGivesIdentity starts with control planes without identity. It
// creates the admission policy, then runs restart and verify. The user has only the rights
// of examples/rbac.
func TestAdmissionPolicyThenRestartGivesIdentity(t *testing.T) {
	c := kubetest.Start(t, true)
	c.InstallCRDs(t, repositoryRoot)
	if !servesNative(t, c) {
		return
	}
	c.SimulateWebhook(t)
	file := writeConfig(t, spaceSettings)
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))
	bindRole(t, c, "spaces-identity-reader")
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	for i, namespace := range []string{planeA, planeB} {
		controlPlaneObject(t, c, fmt.Sprintf("ctp-%d", i), namespace)
		controlPlane(t, c, namespace)
		waitRunning(t, c, namespace)
	}

	// A control plane that only its labels identify, and that runs no pods.
	c.Create(t, `{apiVersion: v1, kind: Namespace, metadata: {name: prod-quiet, labels: {internal.spaces.upbound.io/controlplane-name: quiet}}}`)
	serviceAccount(t, c, "prod-quiet", "mxp-controller", "")

	t.Run("without the policy", func(t *testing.T) {
		want := map[string]verify.State{verify.ServiceAccount: verify.Fails, verify.Workload: verify.OK, verify.Labels: verify.OK,
			verify.Injected: verify.Fails, verify.Credentials: verify.Fails, verify.Network: verify.OK, verify.Ready: verify.OK, verify.BackupConfig: verify.Warns, verify.LatestBackup: verify.Warns}
		quiet := maps.Clone(want)
		for _, name := range []string{verify.Workload, verify.Labels, verify.Injected, verify.Network, verify.Ready} {
			quiet[name] = verify.Fails
		}
		result := user.verify(t, 3, file, "--cluster-only")
		if diff := cmp.Diff(map[string]map[string]verify.State{planeA: want, planeB: want, "prod-quiet": quiet}, statesOf(result)); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
		common := map[string]verify.State{}
		for _, c := range result.Common[0].Checks {
			common[c.Name] = c.State
		}
		if diff := cmp.Diff(map[string]verify.State{verify.Issuer: verify.OK, verify.AdmissionPolicy: verify.Fails}, common); diff != "" {
			t.Errorf("the common checks (-want +got):\n%s", diff)
		}
	})
	c.Create(t, user.must(t, "policy", "admission", "--config", file))
	inForce(t, c, planeB, "mxp-controller")

	t.Run("restart without the right to", func(t *testing.T) {
		o := user.run(t, "", "restart", "--config", file)
		if o.Status != 1 || !strings.Contains(o.flat(), `{apiGroups: [""], resources: [serviceaccounts], verbs: [patch]}`) {
			t.Errorf("exit status %d\n%s%s", o.Status, o.Out, o.Err)
		}
	})
	bindRole(t, c, "spaces-identity-restarter")
	t.Run("dry run", func(t *testing.T) {
		want := []restart.Step{restartStep(planeB, restart.WouldRestart), restartStep(planeA, restart.WouldRestart), annotateStep(restart.WouldRestart)}
		if diff := cmp.Diff(want, user.restart(t, 0, file, "--dry-run")); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
		if got := roleOf(t, c, planeA, "mxp-controller"); got != "" {
			t.Errorf("a dry run annotated a service account: %s", got)
		}
	})
	t.Run("restart", func(t *testing.T) {
		want := []restart.Step{restartStep(planeB, restart.Restarted), restartStep(planeA, restart.Restarted), annotateStep(restart.Annotated)}
		if diff := cmp.Diff(want, user.restart(t, 0, file)); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]restart.Step{}, user.restart(t, 0, file)); diff != "" {
			t.Errorf("a second run restarts something (-want +got):\n%s", diff)
		}
	})
	t.Run("the role changes", func(t *testing.T) {
		changed := writeConfig(t, strings.Replace(spaceSettings, "spaces-backup,", "other,", 1))
		result := user.verify(t, 3, changed, "--cluster-only")
		if c := result.Common[0].Checks[1]; c.Name != verify.AdmissionPolicy || c.State != verify.Fails || !strings.Contains(c.Detail, "is not as the config says") {
			t.Errorf("the policy has another role, and verify says %+v", c)
		}
		for _, row := range result.Rows {
			for _, c := range row.Checks {
				if c.Name == verify.ServiceAccount && c.State == verify.Fails && !strings.HasPrefix(c.Fix, "fix the admission policy first") {
					t.Errorf("the advice for the service account leads in a circle: %s", c.Fix)
				}
			}
		}
	})
	t.Run("afterwards", func(t *testing.T) {
		createBackup(t, c, "ctp-0", "Completed", "InjectedIdentity", "spaces-backups")
		want := map[string]verify.State{verify.ServiceAccount: verify.OK, verify.Workload: verify.OK, verify.Labels: verify.OK,
			verify.Injected: verify.OK, verify.Credentials: verify.OK, verify.Network: verify.OK, verify.Ready: verify.OK, verify.BackupConfig: verify.OK, verify.LatestBackup: verify.OK}
		got := statesOf(user.verify(t, 3, file, "--cluster-only")) // nothing runs in prod-quiet
		if diff := cmp.Diff(want, got[planeA]); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
	})
}

// unknownReason is the reason of pods without the identity whose service accounts were
// annotated by an admission policy, which the API server does not record.
const unknownReason = "the pod was created before its service account was annotated, or the EKS webhook left it out"

func restartStep(namespace string, outcome restart.Outcome) restart.Step {
	return restart.Step{Namespace: namespace, Component: "mxp-controller", Workload: "deployments.apps/mxp-controller", Outcome: outcome,
		Reason: unknownReason}
}

// annotateStep returns the step of the control plane that runs no pods.
func annotateStep(outcome restart.Outcome) restart.Step {
	return restart.Step{Namespace: "prod-quiet", Component: "mxp-controller", Outcome: outcome, Reason: "its service account does not have every annotation of the config"}
}

// verify runs the command verify and decodes its output.
func (p program) verify(t testing.TB, status int, file string, flags ...string) verify.Result {
	t.Helper()
	o := p.run(t, "", append([]string{"verify", "--output", "json", "--config", file}, flags...)...)
	if o.Status != status {
		t.Fatalf("exit status %d, want %d\n%s%s", o.Status, status, o.Out, o.Err)
	}
	var result verify.Result
	if err := json.Unmarshal([]byte(o.Out), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// restart runs the command restart and decodes its output.
func (p program) restart(t testing.TB, status int, file string, flags ...string) []restart.Step {
	t.Helper()
	o := p.run(t, "", append([]string{"restart", "--output", "json", "--config", file}, flags...)...)
	if o.Status != status {
		t.Fatalf("exit status %d, want %d\n%s%s", o.Status, status, o.Out, o.Err)
	}
	var result struct{ Steps []restart.Step }
	if err := json.Unmarshal([]byte(o.Out), &result); err != nil {
		t.Fatal(err)
	}
	return result.Steps
}

// statesOf returns the states by host namespace and check.
func statesOf(result verify.Result) map[string]map[string]verify.State {
	all := map[string]map[string]verify.State{}
	for _, row := range result.Rows {
		of := map[string]verify.State{}
		for _, c := range row.Checks {
			of[c.Name] = c.State
		}
		all[row.ControlPlane.HostNamespace] = of
	}
	return all
}

// bindRole creates a role of examples/rbac and binds it to the user.
func bindRole(t testing.TB, c *kubetest.Cluster, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repositoryRoot, "examples", "rbac", "clusterroles.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		if strings.Contains(document, "\n  name: "+name+"\n") {
			c.Create(t, document)
		}
	}
	c.Create(t, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: %s},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %s}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}]}`,
		name, name, kubetest.User))
}

// controlPlaneObject creates a ControlPlane object. Its ID is part of the name of the host
// namespace.
func controlPlaneObject(t testing.TB, c *kubetest.Cluster, name, hostNamespace string) {
	t.Helper()
	id := strings.TrimSuffix(strings.TrimPrefix(hostNamespace, "mxp-"), "-system")
	c.Create(t, fmt.Sprintf(`{apiVersion: spaces.upbound.io/v1beta1, kind: ControlPlane, metadata: {name: %s, namespace: team},
  spec: {crossplane: {autoUpgrade: {channel: Stable}}}, status: {controlPlaneID: %s}}`, name, id))
}

// createBackup creates a backup config, and a backup of a control plane in a phase.
func createBackup(t testing.TB, c *kubetest.Cluster, plane, phase, source, bucket string) {
	t.Helper()
	c.Create(t, fmt.Sprintf(`{apiVersion: spaces.upbound.io/v1alpha1, kind: SharedBackupConfig, metadata: {name: nightly, namespace: team},
  spec: {objectStorage: {provider: AWS, bucket: %s, config: {endpoint: s3.us-west-2.amazonaws.com}, credentials: {source: %s}}}}
---
{apiVersion: spaces.upbound.io/v1alpha1, kind: Backup, metadata: {name: first, namespace: team},
  spec: {controlPlane: %s, configRef: {kind: SharedBackupConfig, name: nightly}}, status: {phase: %s}}`, bucket, source, plane, phase))
}

// TestVerifyWaitsUntilChecksSucceed fixes the cluster between the first and the second
// read. The pod has what the webhook would inject.
func TestVerifyWaitsUntilChecksSucceed(t *testing.T) {
	c := kubetest.Start(t, false)
	createNamespaces(t, c, planeA)
	serviceAccount(t, c, planeA, "vector", "")
	c.Create(t, strings.NewReplacer("NAMESPACE", planeA, "THE-ARN", roleARN).Replace(injectedPod))
	p := newProxy(t, c)
	lists := 0
	p.reset(func(_ int, r *http.Request) http.HandlerFunc {
		if strings.HasSuffix(r.URL.Path, "/daemonsets") || strings.HasSuffix(r.URL.Path, "/statefulsets") {
			if lists++; lists == 2 { // the first read has the service account by now
				c.Patch(t, kubetest.ServiceAccounts, planeA, "vector", `{"metadata":{"annotations":{"`+roleAnnotation+`":"`+roleARN+`"}}}`)
			}
		}
		return nil
	})
	file := writeConfig(t, clusterSetting+"controlPlanes: {namespaces: ["+planeA+"]}\ncomponents: [{name: vector, roleARN: "+roleARN+"}]\n")
	user := p.program(t, kubetest.AdminToken)
	if got := statesOf(user.verify(t, 3, file, "--cluster-only"))[planeA][verify.ServiceAccount]; got != verify.Fails {
		t.Fatalf("before: %s", got)
	}
	got := statesOf(user.verify(t, 0, file, "--cluster-only", "--wait", "30s"))[planeA]
	want := map[string]verify.State{verify.ServiceAccount: verify.OK, verify.Workload: verify.OK, verify.Labels: verify.OK, verify.Injected: verify.OK,
		verify.Credentials: verify.OK, verify.Network: verify.OK, verify.Ready: verify.OK}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

const injectedPod = `
apiVersion: v1
kind: Pod
metadata: {name: vector-0, namespace: NAMESPACE}
spec:
  serviceAccountName: vector
  volumes: [{name: aws-iam-token, projected: {sources: [{serviceAccountToken: {audience: sts.amazonaws.com, expirationSeconds: 86400, path: token}}]}}]
  containers:
  - name: main
    image: x
    volumeMounts: [{name: aws-iam-token, mountPath: /run/irsa}]
    env: [{name: AWS_ROLE_ARN, value: "THE-ARN"}, {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /run/irsa/token}]
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}
`
