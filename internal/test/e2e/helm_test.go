package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/test/kubetest"
)

var policyResource = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingadmissionpolicies"}

const policyName = "spaces-identity.mxp-controller.serviceaccounts"

const admissionSettings = `
controlPlanes: {match: uuid}
components: [{name: mxp-controller, roleARN: ` + roleARN + `, podLabels: {team: storage}}]
delivery: {admissionPolicy: native}
artifacts: {dir: none}
`

// TestInstall installs the stand-in chart with each Helm through the post-renderer. Then it
// creates a control plane as spaces-controller does. The control plane must have the
// identity, although the chart has no embedded values.
func TestInstall(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			path := os.Getenv("SPACES_IDENTITY_" + strings.ToUpper(name))
			if path == "" {
				t.Skip("needs the Helms: run make e2e")
			}
			c := kubetest.Start(t, true)
			h := newHelm(t, path, c.Kubeconfig(t, kubetest.AdminToken), "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n"+admissionSettings)
			install := []string{"upgrade", "--install", "spaces", absolutePath(t, repositoryRoot, "testdata", "chart"), "--namespace", "upbound-system", "--create-namespace",
				"--set", "standIn.carrier=none", "--post-renderer", h.postRenderer(t)}
			if !servesNative(t, c) {
				h.expectRefusal(t, install)
				return
			}
			h.run(t, install...)
			createNamespaces(t, c, planeB)
			inForce(t, c, planeB, "mxp-controller")
			inForceOnPods(t, c, planeB, "team")
			controlPlane(t, c, planeA)
			if got := roleOf(t, c, planeA, "mxp-controller"); got != roleARN {
				t.Errorf("the service account of a later control plane has the role %q", got)
			}
			waitRunning(t, c, planeA)
			for _, p := range listPods(t, c, planeA) {
				if p.GetLabels()["team"] != "storage" {
					t.Errorf("pod %s has the labels %v", p.GetName(), p.GetLabels())
				}
			}
			before := policyGeneration(t, c)
			h.run(t, install...)
			if after := policyGeneration(t, c); after != before {
				t.Errorf("an upgrade that changes nothing changed the policy: generation %d, then %d", before, after)
			}
			h.run(t, "uninstall", "spaces", "--namespace", "upbound-system", "--wait")
			if _, err := c.Objects.Resource(policyResource).Get(t.Context(), policyName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the policy still exists after helm uninstall: %v", err)
			}
		})
	}
}

// TestAppliedPolicyAndReleaseCoexist applies the printed policy, and then installs,
// upgrades and uninstalls a release that contains the same policy. The applied one stays.
func TestAppliedPolicyAndReleaseCoexist(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			path := os.Getenv("SPACES_IDENTITY_" + strings.ToUpper(name))
			if path == "" {
				t.Skip("needs the Helms: run make e2e")
			}
			c := kubetest.Start(t, true)
			if !servesNative(t, c) { // TestKyvernoPolicyInARelease checks the other kind
				return
			}
			config := "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n" + admissionSettings
			h := newHelm(t, path, c.Kubeconfig(t, kubetest.AdminToken), config)
			c.Create(t, h.run(t, "spaces-identity", "policy", "admission"))
			install := []string{"upgrade", "--install", "spaces", absolutePath(t, repositoryRoot, "testdata", "chart"), "--namespace", "upbound-system", "--create-namespace",
				"--set", "standIn.carrier=none", "--post-renderer", h.postRenderer(t)}
			h.run(t, install...)
			h.run(t, install...)
			createNamespaces(t, c, planeB)
			inForce(t, c, planeB, "mxp-controller")
			h.run(t, "uninstall", "spaces", "--namespace", "upbound-system")
			if _, err := c.Objects.Resource(policyResource).Get(t.Context(), policyName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the release's policy still exists after helm uninstall: %v", err)
			}
			c.Get(t, policyResource, "", policyName+export.AppliedSuffix)
			serviceAccount(t, c, planeB, "mxp-controller", "")
			if got := roleOf(t, c, planeB, "mxp-controller"); got != roleARN {
				t.Errorf("after helm uninstall the applied policy sets the role %q", got)
			}
		})
	}
}

func policyGeneration(t *testing.T, c *kubetest.Cluster) int64 {
	t.Helper()
	return c.Get(t, policyResource, "", policyName).GetGeneration()
}

// helmProgram is a Helm with the plugin. It runs in its own directory, which has the
// config.
type helmProgram struct {
	path, dir string
	env       []string
}

func newHelm(t *testing.T, path, kubeconfig, config string) helmProgram {
	t.Helper()
	dir := t.TempDir()
	h := helmProgram{path, dir, append(slices.DeleteFunc(os.Environ(), isSetting), "KUBECONFIG="+kubeconfig,
		"HELM_DATA_HOME="+filepath.Join(dir, "data"), "HELM_CONFIG_HOME="+filepath.Join(dir, "config"), "HELM_CACHE_HOME="+filepath.Join(dir, "cache"))}
	writeFile(t, filepath.Join(dir, "spaces-identity.yaml"), config)
	h.run(t, "plugin", "install", absolutePath(t, repositoryRoot))
	return h
}

func isSetting(variable string) bool {
	return strings.HasPrefix(variable, "HELM_") || strings.HasPrefix(variable, "SPACES_IDENTITY_")
}

func (h helmProgram) postRenderer(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(h.run(t, "spaces-identity", "post-renderer"))
}

func (h helmProgram) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.output(args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", args[0], err, out)
	}
	return out
}

// output returns what a Helm command prints. The error has the text on standard error.
func (h helmProgram) output(args ...string) (string, error) {
	cmd := exec.Command(h.path, args...)
	cmd.Dir, cmd.Env = h.dir, h.env
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, &problems)
	}
	return out.String(), nil
}

func absolutePath(t *testing.T, path ...string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
