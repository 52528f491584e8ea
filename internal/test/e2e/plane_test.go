package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"spaces-identity.dev/internal/test/kubetest"
)

// controlPlane creates the namespace, service account and Deployment of a control plane, as
// spaces-controller does.
func controlPlane(t testing.TB, c *kubetest.Cluster, namespace string) {
	t.Helper()
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+namespace+"}}")
	serviceAccount(t, c, namespace, "mxp-controller", "")
	c.Create(t, strings.ReplaceAll(deployment, "NAMESPACE", namespace))
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: mxp-controller, namespace: NAMESPACE}
spec:
  replicas: 1
  selector: {matchLabels: {app: mxp-controller}}
  template:
    metadata: {labels: {app: mxp-controller}}
    spec:
      serviceAccountName: mxp-controller
      initContainers: [{name: apis-init, image: x}]
      containers: [{name: mxp-controller, image: x}]
`

func listPods(t testing.TB, c *kubetest.Cluster, namespace string) []unstructured.Unstructured {
	t.Helper()
	list, err := c.Objects.Resource(kubetest.Pods).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// waitRunning waits until every Deployment of a namespace is rolled out.
func waitRunning(t testing.TB, c *kubetest.Cluster, namespace string) {
	t.Helper()
	err := kubetest.Eventually(t.Context(), func() (bool, error) {
		list, err := c.Objects.Resource(kubetest.Deployments).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, d := range list.Items {
			available, _, _ := unstructured.NestedInt64(d.Object, "status", "availableReplicas")
			replicas, _, _ := unstructured.NestedInt64(d.Object, "status", "replicas")
			if available < 1 || replicas != 1 {
				return false, fmt.Errorf("deployment %s has %d of %d pods available", d.GetName(), available, replicas)
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
