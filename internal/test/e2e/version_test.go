package e2e

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

// make judges runs this suite on the Kubernetes versions that Spaces is tested on, which
// are older than Kubernetes' own admission policies.

// servesNative reports whether the cluster serves Kubernetes' own admission policies. If
// not, it checks that the API server refuses one, and that verify says so. The test can
// then only check what a cluster without them does.
func servesNative(t *testing.T, c *kubetest.Cluster) bool {
	t.Helper()
	if c.Serves(t, policyResource) {
		return true
	}
	file := writeConfig(t, spaceSettings)
	admin := withKubeconfig(c.Kubeconfig(t, kubetest.AdminToken))
	policy, _, _ := strings.Cut(admin.must(t, "policy", "admission", "--config", file), "\n---\n")
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(policy), &o.Object); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Objects.Resource(policyResource).Create(t.Context(), o, metav1.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "could not find the requested resource") {
		t.Errorf("the API server does not serve the policy, and answers: %v", err)
	}
	createNamespaces(t, c, "mxp-00000000-0000-0000-0000-000000000000-system")
	for _, check := range admin.verify(t, 3, file, "--cluster-only").Common[0].Checks {
		if check.Name == verify.AdmissionPolicy && (check.State != verify.Fails ||
			!strings.HasSuffix(check.Detail, "it lacks Kubernetes 1.36") || !strings.Contains(check.Fix, "delivery.admissionPolicy: kyverno")) {
			t.Errorf("verify says %+v", check)
		}
	}
	t.Log("this cluster has no admission policies of its own: checked only that it refuses one")
	return false
}

// admissionKind returns the kind of admission policy for the cluster. Without Kubernetes'
// own kind it installs Kyverno's CRD.
func admissionKind(t *testing.T, c *kubetest.Cluster) identity.AdmissionPolicy {
	t.Helper()
	if c.Serves(t, policyResource) {
		return identity.NativeAdmissionPolicy
	}
	installKyvernoCRD(t, c)
	return identity.KyvernoAdmissionPolicy
}

// expectRefusal checks that Helm refuses a release with a policy that the cluster does not
// serve.
func (h helmProgram) expectRefusal(t *testing.T, install []string) {
	t.Helper()
	if _, err := h.output(install...); err == nil || !strings.Contains(err.Error(), `no matches for kind "MutatingAdmissionPolicy" in version "admissionregistration.k8s.io/v1"`) {
		t.Errorf("Helm installs a policy that the cluster does not serve: %v", err)
	}
}
