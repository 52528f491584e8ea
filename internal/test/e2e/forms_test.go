package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/test/shared"
)

// formDefinitions are the files with the CRDs of the kinds that a form writes.
var formDefinitions = map[string][]string{
	"ack": {"ack/iam.services.k8s.aws_openidconnectproviders", "ack/iam.services.k8s.aws_roles", "ack/eks.services.k8s.aws_podidentityassociations"},
	"crossplane": {"crossplane-aws/iam.aws.upbound.io_openidconnectproviders", "crossplane-aws/iam.aws.upbound.io_roles", "crossplane-aws/iam.aws.upbound.io_rolepolicies",
		"crossplane-aws/iam.aws.upbound.io_rolepolicyattachments", "crossplane-aws/eks.aws.upbound.io_podidentityassociations"},
}

// TestSharedFormsAreAcceptedByTheAPIServer creates every object of the golden files of
// package export, and of the example, in an API server with the vendors' CRDs. An unknown
// field is an error.
func TestSharedFormsAreAcceptedByTheAPIServer(t *testing.T) {
	c := kubetest.Start(t, false)
	for form, definitions := range formDefinitions {
		for _, file := range definitions {
			c.Create(t, shared.Read(t, "crds/"+file+".yaml"))
		}
		files, err := filepath.Glob(filepath.Join(repositoryRoot, "internal/export/testdata", form, "*.yaml"))
		if err != nil || len(files) < 6 {
			t.Fatalf("%d files of %s: %v", len(files), form, err)
		}
		files = append(files, filepath.Join(repositoryRoot, "examples/export/spaces-identity."+form+".yaml"))
		for _, file := range files {
			t.Run(form+"/"+filepath.Base(file), func(t *testing.T) {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, object := range objectsOf(t, content) {
					if err := createStrictly(t, c, object); err != nil {
						t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
					}
					object.Object["spec"].(map[string]any)["unknown"] = "x"
					if err := createStrictly(t, c, object); err == nil {
						t.Errorf("%s: the API server accepts an unknown field", object.GetKind())
					}
				}
			})
		}
	}
}

func objectsOf(t *testing.T, stream []byte) (all []*unstructured.Unstructured) {
	t.Helper()
	for document := range bytes.SplitSeq(append([]byte("\n"), stream...), []byte("\n---\n")) {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &object.Object); err != nil {
			t.Fatal(err)
		}
		if object.Object != nil {
			all = append(all, object)
		}
	}
	return all
}

// createStrictly does what the API server does before it stores an object, and stores
// nothing. Namespaced objects go to the namespace default.
func createStrictly(t *testing.T, c *kubetest.Cluster, object *unstructured.Unstructured) error {
	t.Helper()
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	options := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}}
	if resource.Group == "iam.services.k8s.aws" || resource.Group == "eks.services.k8s.aws" {
		_, err := c.Objects.Resource(resource).Namespace("default").Create(t.Context(), object, options)
		return err
	}
	_, err := c.Objects.Resource(resource).Create(t.Context(), object, options)
	return err
}
