package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

var kyvernoResource = schema.GroupVersionResource{Group: "policies.kyverno.io", Version: "v1", Resource: "mutatingpolicies"}

var kyvernoSpace = strings.Replace(spaceSettings, "native", "kyverno", 1)

// installKyvernoCRD creates the CRD of Kyverno's policy. Kyverno itself does not run.
func installKyvernoCRD(t *testing.T, c *kubetest.Cluster) {
	t.Helper()
	c.Create(t, readFile(t, filepath.Join(repositoryRoot, "testdata", "crds", "kyverno.yaml")))
	c.WaitServed(t, "policies.kyverno.io/v1", "mutatingpolicies")
}

// simulateKyverno does what Kyverno's controllers do when they have taken up the policies:
// it writes their status and registers a webhook for each. The webhook leads nowhere.
func simulateKyverno(t *testing.T, c *kubetest.Cluster) {
	t.Helper()
	list, err := c.Objects.Resource(kyvernoResource).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var webhooks []string
	for _, policy := range list.Items {
		policy.Object["status"] = map[string]any{"conditionStatus": map[string]any{"ready": true, "message": ""}}
		if _, err := c.Objects.Resource(kyvernoResource).UpdateStatus(t.Context(), &policy, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		webhooks = append(webhooks, fmt.Sprintf(`{name: mpol.validate.kyverno.svc-ignore-finegrained-%[1]s, failurePolicy: Ignore, sideEffects: None, admissionReviewVersions: [v1],
  clientConfig: {service: {namespace: kyverno, name: kyverno-svc, path: /mpol/%[1]s}}, rules: []}`, policy.GetName()))
	}
	c.Create(t, `{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration,
  metadata: {name: kyverno-resource-mutating-webhook-cfg, labels: {webhook.kyverno.io/managed-by: kyverno}}, webhooks: [`+strings.Join(webhooks, ", ")+`]}`)
}

// TestKyvernoPoliciesAreAcceptedUnchanged creates policies under the strict validation of
// the API server, which rejects every field that Kyverno's CRD does not have.
func TestKyvernoPoliciesAreAcceptedUnchanged(t *testing.T) {
	c := kubetest.Start(t, false)
	installKyvernoCRD(t, c)
	role := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}
	state := desired.Of(fixture.Spec(t, identity.Settings{
		ControlPlanes: identity.ControlPlanes{Namespaces: []string{"prod-a"}, Match: identity.MatchUUID, Discover: true}, FailurePolicy: identity.FailureFails,
		Components: []identity.Component{{Name: "mxp-controller", Role: role, PodLabels: map[string]string{"team": "storage"}},
			{Name: "vector", Role: role, ExtraAnnotations: map[string]string{"example.com/owner": `"}}}`}}}}))
	for _, form := range []func(desired.State, identity.AdmissionPolicy) ([]export.Object, error){export.AdmissionPolicies, export.AppliedPolicies} {
		objects, err := form(state, identity.KyvernoAdmissionPolicy)
		if err != nil || len(objects) != 6 {
			t.Fatalf("%d objects, %v", len(objects), err)
		}
		for _, o := range objects {
			wanted := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(o.Text, &wanted.Object); err != nil {
				t.Fatal(err)
			}
			created, err := c.Objects.Resource(kyvernoResource).Create(t.Context(), wanted, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			if err != nil {
				t.Fatalf("%s: %v", o.Name, err)
			}
			defaulted := created.Object["spec"].(map[string]any)["evaluation"].(map[string]any)
			delete(defaulted, "skipBackgroundRequests")
			if diff := cmp.Diff(wanted.Object["spec"], created.Object["spec"]); diff != "" {
				t.Errorf("%s: the API server changes the spec (-written +stored):\n%s", o.Name, diff)
			}
		}
	}
}

// TestVerifyReportsWhatKyvernoLacks follows a cluster from one without Kyverno to one in
// which Kyverno acts on the policy. The user has only the rights of examples/rbac.
func TestVerifyReportsWhatKyvernoLacks(t *testing.T) {
	c := kubetest.Start(t, false)
	c.InstallCRDs(t, repositoryRoot)
	bindRole(t, c, "spaces-identity-reader")
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	createNamespaces(t, c, planeA)
	controlPlaneObject(t, c, "ctp", planeA)
	file := writeConfig(t, kyvernoSpace)
	expect := func(state verify.State, detail string) {
		t.Helper()
		result := user.verify(t, 3, file, "--cluster-only") // nothing runs in the control plane
		for _, got := range result.Common[0].Checks {
			if got.Name == verify.AdmissionPolicy && (got.State != state || !strings.Contains(got.Detail, detail)) {
				t.Errorf("%+v, want %s: %s", got, state, detail)
			}
		}
		if len(result.Problems) > 0 {
			t.Errorf("could not be read: %v", result.Problems)
		}
	}
	expect(verify.Fails, "the cluster does not serve mutatingpolicies.policies.kyverno.io: it lacks Kyverno 1.17")
	installKyvernoCRD(t, c)
	expect(verify.Fails, "the cluster has no MutatingPolicy "+policyName)
	c.Create(t, user.must(t, "policy", "admission", "--config", file))
	expect(verify.Fails, "Kyverno does not run: it has written no status")
	simulateKyverno(t, c)
	expect(verify.OK, "exists as the config says")
	c.Create(t, `{apiVersion: v1, kind: Namespace, metadata: {name: kyverno}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: kyverno-admission-controller, namespace: kyverno, labels: {app.kubernetes.io/component: admission-controller}},
  spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: kyverno, image: x}]}}}}`)
	expect(verify.Fails, "no pod of its admission controller is available")
	webhooks := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
	if err := c.Objects.Resource(webhooks).Delete(t.Context(), "kyverno-resource-mutating-webhook-cfg", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect(verify.Fails, "no webhook sends objects to the MutatingPolicy")
	c.Patch(t, kyvernoResource, "", policyName+export.AppliedSuffix, `{"spec":{"evaluation":{"mutateExisting":{"enabled":true}}}}`)
	expect(verify.Fails, "is not as the config says")
}

// TestKyvernoPolicyInARelease installs the stand-in chart with each Helm, first on a cluster
// without Kyverno's CRD. There Helm must refuse the release.
func TestKyvernoPolicyInARelease(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			path := os.Getenv("SPACES_IDENTITY_" + strings.ToUpper(name))
			if path == "" {
				t.Skip("needs the Helms: run make e2e")
			}
			c := kubetest.Start(t, true) // the chart has a hook
			config := "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n" + strings.Replace(admissionSettings, "native", "kyverno", 1)
			h := newHelm(t, path, c.Kubeconfig(t, kubetest.AdminToken), config)
			install := []string{"upgrade", "--install", "spaces", absolutePath(t, repositoryRoot, "testdata", "chart"), "--namespace", "upbound-system", "--create-namespace",
				"--set", "standIn.carrier=none", "--post-renderer", h.postRenderer(t)}
			if _, err := h.output(install...); err == nil || !strings.Contains(err.Error(), `no matches for kind "MutatingPolicy" in version "policies.kyverno.io/v1"`) {
				t.Errorf("without Kyverno's CRD: %v", err)
			}
			installKyvernoCRD(t, c)
			c.Create(t, h.run(t, "spaces-identity", "policy", "admission"))
			h.run(t, install...)
			released := c.Get(t, kyvernoResource, "", policyName)
			h.run(t, install...)
			if after := c.Get(t, kyvernoResource, "", policyName); after.GetGeneration() != released.GetGeneration() {
				t.Errorf("an upgrade that changes nothing changed the policy: generation %d, then %d", released.GetGeneration(), after.GetGeneration())
			}
			h.run(t, "uninstall", "spaces", "--namespace", "upbound-system")
			if _, err := c.Objects.Resource(kyvernoResource).Get(t.Context(), policyName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the policy still exists after helm uninstall: %v", err)
			}
			c.Get(t, kyvernoResource, "", policyName+export.AppliedSuffix)
		})
	}
}
