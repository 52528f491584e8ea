package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

const elsewhereSettings = clusterSetting + `
controlPlanes: {match: uuid, discover: true}
components:
- {name: spaces-controller, roleARN: "arn:aws:iam::123456789012:role/space-backup", bucket: space-backups}
- {name: crossplane, roleARN: "` + roleARN + `"SYNCED}
`

// elsewhereConfig returns a config with a description of Crossplane's service account.
func elsewhereConfig(t *testing.T, syncedFrom string) string {
	t.Helper()
	return writeConfig(t, strings.Replace(elsewhereSettings, "SYNCED", syncedFrom, 1))
}

// spaceBackupCRDs are stand-ins for the CRDs of SpaceBackup and SpaceBackupSchedule. They
// have no schema, because the one of Spaces is not published.
const spaceBackupCRDs = `
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: spacebackups.admin.spaces.upbound.io}, spec: {group: admin.spaces.upbound.io, scope: Cluster,
  names: {kind: SpaceBackup, plural: spacebackups}, versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: spacebackupschedules.admin.spaces.upbound.io}, spec: {group: admin.spaces.upbound.io, scope: Cluster,
  names: {kind: SpaceBackupSchedule, plural: spacebackupschedules}, versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`

// syncedAnnotations are the annotations in which vcluster writes what a copy is called inside
// it.
func syncedAnnotations(name, inside string) string {
	return fmt.Sprintf("vcluster.loft.sh/object-name: %s, vcluster.loft.sh/object-namespace: %s", name, inside)
}

// copiedAccount creates the copy of Crossplane's service account in a host namespace.
func copiedAccount(t *testing.T, c *kubetest.Cluster, namespace, inside string) {
	t.Helper()
	c.Create(t, fmt.Sprintf(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: crossplane-x-%s-x-vcluster, namespace: %s, annotations: {%s, %s: "%s"}}}`,
		inside, namespace, syncedAnnotations("crossplane", inside), roleAnnotation, roleARN))
}

// copiedPod creates the copy of Crossplane's pod in a host namespace.
func copiedPod(t *testing.T, c *kubetest.Cluster, namespace, inside string) {
	t.Helper()
	c.Create(t, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: crossplane-1-x-%s-x-vcluster, namespace: %s, annotations: {%s}},
  spec: {serviceAccountName: crossplane-x-%s-x-vcluster, containers: [{name: x, image: x}]}}`, inside, namespace, syncedAnnotations("crossplane-1", inside), inside))
	waitPods(t, c, namespace, 1)
}

// TestSpaceControllerAndSyncedCrossplane has the Deployment of spaces-controller, and two
// control planes: one with Crossplane of UXP v1 and one with UXP v2. The user has only the
// rights of examples/rbac.
func TestSpaceControllerAndSyncedCrossplane(t *testing.T) {
	c := kubetest.Start(t, true)
	c.InstallCRDs(t, repositoryRoot)
	c.Create(t, spaceBackupCRDs)
	for _, plural := range []string{"spacebackups", "spacebackupschedules"} {
		c.WaitServed(t, "admin.spaces.upbound.io/v1alpha1", plural)
	}
	bindRole(t, c, "spaces-identity-reader")
	bindRole(t, c, "spaces-identity-restarter")
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))
	hook := c.SimulateWebhook(t)
	hook.Skip.Store(3) // the first pods lack the identity
	createNamespaces(t, c, "team", "upbound-system", planeA, planeB)
	controlPlaneObject(t, c, "v1", planeA)
	controlPlaneObject(t, c, "v2", planeB)
	serviceAccount(t, c, "upbound-system", "spaces-controller", "arn:aws:iam::123456789012:role/space-backup")
	c.Create(t, strings.NewReplacer("mxp-controller", "spaces-controller", "NAMESPACE", "upbound-system").Replace(deployment))
	waitRunning(t, c, "upbound-system")
	insideOf := map[string]string{planeA: "upbound-system", planeB: "crossplane-system"}
	for namespace, inside := range insideOf {
		copiedAccount(t, c, namespace, inside)
		copiedPod(t, c, namespace, inside)
	}
	file := elsewhereConfig(t, "")

	t.Run("restart", func(t *testing.T) {
		got := map[string]restart.Step{}
		for _, step := range user.restart(t, 3, file) {
			got[step.Namespace] = step
		}
		if s := got["upbound-system"]; s.Outcome != restart.Restarted || s.Workload != "deployments.apps/spaces-controller" {
			t.Errorf("spaces-controller: %+v", s)
		}
		for namespace, inside := range insideOf {
			if s := got[namespace]; s.Outcome != restart.Left || !strings.Contains(s.Reason, "kubectl delete pod crossplane-1 -n "+inside) {
				t.Errorf("crossplane: %+v", s)
			}
		}
		for namespace, inside := range insideOf {
			(&chain{Cluster: c}).remove(t, kubetest.Pods, namespace, "crossplane-1-x-"+inside+"-x-vcluster")
			waitPods(t, c, namespace, 0)
			copiedPod(t, c, namespace, inside)
		}
		if steps := user.restart(t, 0, file); len(steps) > 0 {
			t.Errorf("a further run: %+v", steps)
		}
	})
	t.Run("names", func(t *testing.T) {
		want := map[string]string{"upbound-system": "spaces-controller", planeA: "crossplane-x-upbound-system-x-vcluster", planeB: "crossplane-x-crossplane-system-x-vcluster"}
		for _, row := range user.verify(t, 0, file, "--cluster-only").Rows {
			if namespace := row.ControlPlane.HostNamespace; want[namespace] != row.ServiceAccount {
				t.Errorf("%s: %q, want %q", namespace, row.ServiceAccount, want[namespace])
			}
		}
		for _, output := range []string{"table", "json"} {
			if out := user.must(t, "discover", "--output", output, "--config", file); !strings.Contains(out, "crossplane-x-crossplane-system-x-vcluster") {
				t.Errorf("discover does not show the name:\n%s", out)
			}
		}
	})
	t.Run("another name", func(t *testing.T) {
		for syncedFrom, wrong := range map[string][]string{
			", syncedFrom: {namespace: upbound-system}": {planeB},
			", syncedFrom: {vcluster: other}":           {planeA, planeB},
			", serviceAccount: crossplane":              {planeA, planeB},
		} {
			other := elsewhereConfig(t, syncedFrom)
			states := statesOf(user.verify(t, 3, other, "--cluster-only"))
			for _, namespace := range []string{planeA, planeB} {
				fails := states[namespace][verify.ServiceAccount] == verify.Fails
				if want := strings.Contains(strings.Join(wrong, " "), namespace); fails != want {
					t.Errorf("%s, %s: fails: %v", syncedFrom, namespace, fails)
				}
			}
			if o := user.run(t, "", "verify", "--cluster-only", "--config", other); !strings.Contains(o.flat(), "called crossplane-x-crossplane-system-x-vcluster") {
				t.Errorf("verify does not say the name:\n%s", o.Out)
			}
			if o := user.run(t, "", "restart", "--config", other); o.Status != 3 || !strings.Contains(o.flat(), "called crossplane-x-crossplane-system-x-vcluster") {
				t.Errorf("restart: exit status %d\n%s", o.Status, o.Out)
			}
		}
	})
	t.Run("backups of the Space", func(t *testing.T) {
		state := func(check string) verify.State {
			return statesOf(user.verify(t, 0, file, "--cluster-only"))["upbound-system"][check]
		}
		if got := state(verify.BackupConfig); got != verify.Warns {
			t.Errorf("without a config: %s", got)
		}
		c.Create(t, `{apiVersion: admin.spaces.upbound.io/v1alpha1, kind: SpaceBackupConfig, metadata: {name: default},
  spec: {objectStorage: {provider: AWS, bucket: space-backups, config: {region: us-west-2, endpoint: s3.us-west-2.amazonaws.com}, credentials: {source: InjectedIdentity}}}}
---
{apiVersion: admin.spaces.upbound.io/v1alpha1, kind: SpaceBackup, metadata: {name: nightly}, spec: {configRef: {kind: SpaceBackupConfig, name: default}}, status: {phase: Completed}}`)
		for _, check := range []string{verify.BackupConfig, verify.LatestBackup} {
			if got := state(check); got != verify.OK {
				t.Errorf("%s: %s", check, got)
			}
		}
		c.Patch(t, schema.GroupVersionResource{Group: "admin.spaces.upbound.io", Version: "v1alpha1", Resource: "spacebackupconfigs"}, "", "default", `{"spec":{"objectStorage":{"bucket":"another"}}}`)
		if got := statesOf(user.verify(t, 3, file, "--cluster-only"))["upbound-system"][verify.BackupConfig]; got != verify.Fails {
			t.Errorf("another bucket: %s", got)
		}
	})
	t.Run("no control planes", func(t *testing.T) {
		alone := writeConfig(t, clusterSetting+`components: [{name: spaces-controller, roleARN: "arn:aws:iam::123456789012:role/space-backup"}]`)
		if rows := user.verify(t, 0, alone, "--cluster-only").Rows; len(rows) != 1 || rows[0].ControlPlane.HostNamespace != "upbound-system" {
			t.Errorf("rows: %+v", rows)
		}
		user.restart(t, 0, alone)
	})
}
