package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/kubetest"
)

// TestDiscover creates a control plane of every kind. The user has only the rights of
// examples/rbac.
func TestDiscover(t *testing.T) {
	c := kubetest.Start(t, false)
	c.InstallCRDs(t, repositoryRoot)
	bindRole(t, c, "spaces-identity-reader")
	createNamespaces(t, c, "team", planeA, planeB, "prod-chosen", "logging")
	c.Create(t, `{apiVersion: v1, kind: Namespace, metadata: {name: prod-labelled, labels: {internal.spaces.upbound.io/controlplane-name: labelled, internal.spaces.upbound.io/controlplane-namespace: team}}}`)
	controlPlaneObject(t, c, "by-id", planeA)
	c.Create(t, `{apiVersion: spaces.upbound.io/v1beta1, kind: ControlPlane, metadata: {name: chosen, namespace: team}, spec: {crossplane: {autoUpgrade: {channel: Stable}}, hostNamespace: {name: prod-chosen}}, status: {controlPlaneID: 00000000-0000-4000-8000-000000000001}}
---
{apiVersion: spaces.upbound.io/v1beta1, kind: ControlPlane, metadata: {name: new, namespace: team}, spec: {crossplane: {autoUpgrade: {channel: Stable}}}}`)
	for _, namespace := range []string{planeA, planeB, "logging"} {
		serviceAccount(t, c, namespace, "vector", "")
	}
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))
	file := writeConfig(t, "components: [{name: vector}]\n")

	var result struct{ ControlPlanes []space.ControlPlane }
	if err := json.Unmarshal([]byte(user.must(t, "discover", "--output", "json", "--config", file)), &result); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(planeA, "mxp-"), "-system")
	want := []space.ControlPlane{
		{Name: "new", Namespace: "team", Sources: []space.Source{space.FromControlPlane}, Certain: true},
		{HostNamespace: "logging", Sources: []space.Source{space.FromServiceAccount}},
		{HostNamespace: planeB, Sources: []space.Source{space.FromServiceAccount}, Certain: true},
		{HostNamespace: planeA, Name: "by-id", Namespace: "team", ID: id, Sources: []space.Source{space.FromControlPlane, space.FromServiceAccount}, Certain: true},
		{HostNamespace: "prod-chosen", Name: "chosen", Namespace: "team", ID: "00000000-0000-4000-8000-000000000001", Sources: []space.Source{space.FromControlPlane}, Certain: true},
		{HostNamespace: "prod-labelled", Name: "labelled", Namespace: "team", Sources: []space.Source{space.FromLabels}, Certain: true},
	}
	if diff := cmp.Diff(want, result.ControlPlanes); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	table := user.must(t, "discover", "--config", file)
	for _, text := range []string{"no host namespace yet", "uncertain: only the name of a ServiceAccount", "ControlPlane, ServiceAccount"} {
		if !strings.Contains(table, text) {
			t.Errorf("the table does not say %q:\n%s", text, table)
		}
	}
}
