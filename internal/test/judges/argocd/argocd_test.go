// Package argocd_test validates the Applications of the examples in a real API server, with
// the schema that Argo CD publishes. make judge-argocd downloads the schema and runs the test.
package argocd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/test/kubetest"
)

// mistakes are ones that the API server must find in every Application.
var mistakes = map[string]string{
	"targetRevision:": "targetrevision:", "syncOptions:": "syncOption:", "destination:": "destinations:", "path: ": "path: 3 #", "project: default": "projects: default",
}

func TestApplicationsMatchTheirSchema(t *testing.T) {
	file := os.Getenv("SPACES_IDENTITY_ARGOCD_CRD")
	if file == "" {
		t.Skip("it needs the schema of Argo CD: run make judge-argocd")
	}
	crd, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cluster := kubetest.Start(t, false)
	cluster.Create(t, string(crd))
	cluster.WaitServed(t, "argoproj.io/v1alpha1", "applications")
	cluster.Create(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: argocd}\n")

	for _, name := range []string{"application.yaml", "application-plugin.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../../../examples/argocd", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := create(t, cluster, string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for from, to := range mistakes {
			changed := strings.ReplaceAll(string(text), from, to)
			if changed == string(text) {
				t.Errorf("%s has no %q", name, from)
			}
			if err := create(t, cluster, changed); err == nil {
				t.Errorf("%s: the API server accepts %q", name, to)
			}
		}
	}
}

// create creates an object without storing it.
func create(t *testing.T, cluster *kubetest.Cluster, text string) error {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	applications := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	_, err := cluster.Objects.Resource(applications).Namespace("argocd").Create(t.Context(), object,
		metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}})
	return err
}
