package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"spaces-identity.dev/internal/test/kubetest"
)

const immutableSettings = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
controlPlanes: {match: uuid}
components: [{name: mxp-controller, roleARN: ` + roleARN + `, podLabels: {team: storage}}]
artifacts: {dir: none}
`

// immutableChart has an object for each part that Kubernetes does not allow to change, an
// immutable hook, and a typed list whose items have no kind.
const immutableChart = `apiVersion: v1
kind: ServiceAccount
metadata: {name: mxp-controller}
---
apiVersion: v1
kind: ConfigMapList
items:
- metadata: {name: listed}
  data:
    values.yaml: "controlPlanes: {mxpController: {}}"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: frozen}
immutable: yes
data:
  values.yaml: "controlPlanes: {mxpController: {}}"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: hook, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}
immutable: true
data:
  values.yaml: "controlPlanes: {mxpController: {}}"
---
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  serviceAccountName: mxp-controller
  containers: [{name: main, image: example.com/main, args: ["--values={controlPlanes: {mxpController: {}}}"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec:
      serviceAccountName: mxp-controller
      restartPolicy: Never
      containers: [{name: main, image: example.com/main}]
`

// TestUpgradeLeavesWhatCannotChange installs a chart without the post-renderer and
// upgrades it with it. The upgrade must succeed. With on-immutable set to edit the API
// server must refuse the same upgrade, but accept a first install and later upgrades.
func TestUpgradeLeavesWhatCannotChange(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			path := os.Getenv("SPACES_IDENTITY_" + strings.ToUpper(name))
			if path == "" {
				t.Skip("needs the Helms: run make e2e")
			}
			c := kubetest.Start(t, false)
			h := newHelm(t, path, c.Kubeconfig(t, kubetest.AdminToken), immutableSettings)
			if err := os.MkdirAll(filepath.Join(h.dir, "chart", "templates"), 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(h.dir, "chart", "Chart.yaml"), "apiVersion: v2\nname: immutable\nversion: 1.0.0\n")
			writeFile(t, filepath.Join(h.dir, "chart", "templates", "objects.yaml"), immutableChart)
			upgrade := []string{"upgrade", "--install", "r", "chart", "--namespace", "upbound-system", "--create-namespace"}
			rendered := append(slices.Clip(upgrade), "--post-renderer", h.postRenderer(t))
			h.run(t, upgrade...)
			h.run(t, rendered...)
			checkValues(t, c, "listed", true)
			checkValues(t, c, "hook", name == "helm4") // Helm 3 does not pass hooks to a post-renderer
			checkValues(t, c, "frozen", false)

			edits := h
			edits.env = append(slices.Clip(h.env), "SPACES_IDENTITY_ON_IMMUTABLE=edit")
			_, err := edits.output(rendered...)
			for _, object := range []string{"frozen", "bare", "once"} {
				if err == nil || !strings.Contains(err.Error(), object) {
					t.Errorf("the API server did not refuse the change of %s: %v", object, err)
				}
			}
			h.run(t, "uninstall", "r", "--namespace", "upbound-system", "--wait=false")
			edits.run(t, rendered...)
			edits.run(t, rendered...)
			checkValues(t, c, "frozen", true)
		})
	}
}

// checkValues checks whether the values in a ConfigMap have the role.
func checkValues(t *testing.T, c *kubetest.Cluster, name string, want bool) {
	t.Helper()
	values, _, _ := unstructured.NestedString(c.Get(t, schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "upbound-system", name).Object, "data", "values.yaml")
	if got := strings.Contains(values, roleARN); got != want {
		t.Errorf("the values of %s have the role: %t, want %t", name, got, want)
	}
}
