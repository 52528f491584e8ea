package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
	"spaces-identity.dev/internal/test/kubetest"
)

// planeA and planeB are host namespaces with the default names of a Space.
const (
	planeA = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	planeB = "mxp-0d3b2bd0-8c1f-4f5e-9d7b-6a1f0c9e8d7c-system"
)

func TestAdmissionPolicy(t *testing.T) {
	c := kubetest.Start(t, false)
	if !servesNative(t, c) {
		return
	}
	createNamespaces(t, c, planeA, planeB, "prod-a", "xprod-a", "mxp-zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz-system")
	c.Create(t, `{apiVersion: v1, kind: Namespace, metadata: {name: labelled, labels: {internal.spaces.upbound.io/controlplane-name: ctp}}}`)
	serviceAccount(t, c, planeA, "mxp-controller", "") // before the policy
	c.Create(t, withKubeconfig("").must(t, "policy", "admission", "--config",
		writeConfig(t, "controlPlanes: {namespaces: [prod-a], match: uuid, discover: true}\n"), "--role-arn", roleARN, "--pod-label", "team=storage"))
	inForce(t, c, planeB, "mxp-controller")

	t.Run("created later", func(t *testing.T) {
		for namespace, want := range map[string]string{planeB: roleARN, "prod-a": roleARN, "labelled": roleARN, "xprod-a": "", "default": "",
			"mxp-zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz-system": ""} {
			serviceAccount(t, c, namespace, "mxp-controller", "")
			serviceAccount(t, c, namespace, "another", "")
			if got := roleOf(t, c, namespace, "mxp-controller"); got != want {
				t.Errorf("%s: the role is %q, want %q", namespace, got, want)
			}
			if got := roleOf(t, c, namespace, "another"); got != "" {
				t.Errorf("%s: another service account has the role %q", namespace, got)
			}
		}
	})
	t.Run("created before the policy", func(t *testing.T) {
		if got := roleOf(t, c, planeA, "mxp-controller"); got != "" {
			t.Fatalf("it has the role %q untouched", got)
		}
		c.Patch(t, kubetest.ServiceAccounts, planeA, "mxp-controller", `{}`)
		if got := roleOf(t, c, planeA, "mxp-controller"); got != roleARN {
			t.Errorf("after an empty patch the role is %q", got)
		}
	})
	t.Run("removed or changed", func(t *testing.T) {
		for _, value := range []string{"null", `"arn:aws:iam::123456789012:role/other"`} {
			c.Patch(t, kubetest.ServiceAccounts, planeB, "mxp-controller", `{"metadata":{"annotations":{"`+roleAnnotation+`":`+value+`,"mine":"x"}}}`)
			if got := c.Get(t, kubetest.ServiceAccounts, planeB, "mxp-controller").GetAnnotations(); !cmp.Equal(got, map[string]string{roleAnnotation: roleARN, "mine": "x"}) {
				t.Errorf("set to %s: %v", value, got)
			}
		}
	})
	t.Run("already right", func(t *testing.T) {
		before := c.Get(t, kubetest.ServiceAccounts, planeB, "mxp-controller").GetResourceVersion()
		c.Patch(t, kubetest.ServiceAccounts, planeB, "mxp-controller", `{}`)
		if after := c.Get(t, kubetest.ServiceAccounts, planeB, "mxp-controller").GetResourceVersion(); after != before {
			t.Error("the object was written again although nothing changed")
		}
	})
	t.Run("pods", func(t *testing.T) {
		inForceOnPods(t, c, planeB, "team")
		for namespace, want := range map[string]map[string]string{
			planeB: {"app": "x", "team": "storage"}, "default": {"app": "x"},
		} {
			createPod(t, c, namespace, "plain", `{app: x}`)
			if diff := cmp.Diff(want, c.Get(t, kubetest.Pods, namespace, "plain").GetLabels()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", namespace, diff)
			}
		}
		createPod(t, c, planeB, "selected", `{team: other}`)
		if diff := cmp.Diff(map[string]string{"team": "other"}, c.Get(t, kubetest.Pods, planeB, "selected").GetLabels()); diff != "" {
			t.Errorf("a label that a selector may use was replaced (-want +got):\n%s", diff)
		}
	})
}

// TestAdmissionPolicyEscapesEveryValue sends the API server values that could end the string
// of an expression.
func TestAdmissionPolicyEscapesEveryValue(t *testing.T) {
	c := kubetest.Start(t, false)
	if !servesNative(t, c) {
		return
	}
	createNamespaces(t, c, "prod-a")
	values := map[string]string{}
	for i, value := range []string{`"`, `\`, `\"`, `"}}}`, `" in x || true || "`, "'", "`", "a\nb", "a\x01b", "${x}", "{{x}}", `\u0022`, "é\u2028\U0001f600", "---", "*"} {
		values[fmt.Sprintf("example.com/value-%d", i)] = value
	}
	state := desired.Of(fixture.Spec(t, identity.Settings{ControlPlanes: identity.ControlPlanes{Namespaces: []string{"prod-a"}},
		Components: []identity.Component{{Name: "mxp-controller", Mode: identity.PodIdentity}}, FailurePolicy: identity.FailureFails}))
	state.Components[0].Annotations = values // a config cannot have some of them
	objects, err := export.AdmissionPolicies(state, identity.NativeAdmissionPolicy)
	if err != nil {
		t.Fatal(err)
	}
	// No value contains the separator of a stream, because every value is escaped.
	c.Create(t, string(export.Stream(objects)))
	inForce(t, c, "prod-a", "mxp-controller")
	serviceAccount(t, c, "prod-a", "mxp-controller", "")
	if diff := cmp.Diff(values, c.Get(t, kubetest.ServiceAccounts, "prod-a", "mxp-controller").GetAnnotations()); diff != "" {
		t.Errorf("the annotations differ (-want +got):\n%s", diff)
	}
}

// inForce waits until the API server applies a new policy, which takes a moment. It makes
// only dry runs.
func inForce(t *testing.T, c *kubetest.Cluster, namespace, name string) {
	t.Helper()
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	err := kubetest.Eventually(t.Context(), func() (bool, error) {
		made, err := c.Objects.Resource(kubetest.ServiceAccounts).Namespace(namespace).Create(t.Context(), newServiceAccount(namespace, name, ""), dryRun)
		if apierrors.IsAlreadyExists(err) {
			made, err = c.Objects.Resource(kubetest.ServiceAccounts).Namespace(namespace).Patch(t.Context(), name, types.MergePatchType, []byte("{}"),
				metav1.PatchOptions{DryRun: dryRun.DryRun})
		}
		return err == nil && len(made.GetAnnotations()) > 0, err
	})
	if err != nil {
		t.Fatalf("the policy is not in force: %v", err)
	}
}

// inForceOnPods waits until the API server applies the policy that labels pods. It may
// start later than the policy of [inForce].
func inForceOnPods(t *testing.T, c *kubetest.Cluster, namespace, label string) {
	t.Helper()
	serviceAccount(t, c, namespace, "mxp-controller", "")
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "dry-run", "namespace": namespace},
		"spec": map[string]any{"serviceAccountName": "mxp-controller", "containers": []any{map[string]any{"name": "main", "image": "x"}}}}}
	err := kubetest.Eventually(t.Context(), func() (bool, error) {
		created, err := c.Objects.Resource(kubetest.Pods).Namespace(namespace).Create(t.Context(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err == nil && created.GetLabels()[label] != "", err
	})
	if err != nil {
		t.Fatalf("the policy for pods is not in force: %v", err)
	}
}

func createNamespaces(t testing.TB, c *kubetest.Cluster, names ...string) {
	t.Helper()
	for _, name := range names {
		c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
	}
}

func newServiceAccount(namespace, name, role string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"})
	o.SetNamespace(namespace)
	o.SetName(name)
	if role != "" {
		o.SetAnnotations(map[string]string{roleAnnotation: role})
	}
	return o
}

func serviceAccount(t testing.TB, c *kubetest.Cluster, namespace, name, role string) {
	t.Helper()
	_, err := c.Objects.Resource(kubetest.ServiceAccounts).Namespace(namespace).Create(t.Context(), newServiceAccount(namespace, name, role), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

func roleOf(t testing.TB, c *kubetest.Cluster, namespace, name string) string {
	t.Helper()
	return maps.Clone(c.Get(t, kubetest.ServiceAccounts, namespace, name).GetAnnotations())[roleAnnotation]
}

func createPod(t testing.TB, c *kubetest.Cluster, namespace, name, labels string) {
	t.Helper()
	c.Create(t, strings.NewReplacer("NAMESPACE", namespace, "NAME", name, "LABELS", labels).Replace(
		`{apiVersion: v1, kind: Pod, metadata: {name: NAME, namespace: NAMESPACE, labels: LABELS}, spec: {serviceAccountName: mxp-controller, containers: [{name: main, image: x}]}}`))
}
