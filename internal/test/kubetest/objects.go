package kubetest

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// The resources that tests use.
var (
	Nodes           = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	Namespaces      = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	ServiceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	Pods            = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	Deployments     = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

// Create creates the objects of a YAML stream, in its order, with their status.
func (c *Cluster) Create(t testing.TB, stream string) {
	t.Helper()
	if err := c.CreateAll(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
}

// CreateAll is like [Cluster.Create], but returns the error. Goroutines may call it.
func (c *Cluster) CreateAll(ctx context.Context, stream string) error {
	for document := range strings.SplitSeq("\n"+stream, "\n---") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		object, err := parseOne(document)
		if err != nil {
			return err
		}
		if err := c.create(ctx, object); err != nil {
			return fmt.Errorf("create %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

func parseOne(document string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	err := yaml.Unmarshal([]byte(document), &object.Object)
	return object, err
}

// create creates an object with its status. It waits until a CRD is served.
func (c *Cluster) create(ctx context.Context, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	at := c.Objects.Resource(resource).Namespace(object.GetNamespace())
	var made *unstructured.Unstructured
	err := Eventually(ctx, func() (bool, error) {
		var err error
		made, err = at.Create(ctx, object, metav1.CreateOptions{})
		return !notServed(err), err
	})
	status, ok := object.Object["status"]
	if err != nil || !ok {
		return err
	}
	made.Object["status"] = status
	_, err = at.UpdateStatus(ctx, made, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil // a kind without a status of its own
	}
	return err
}

// notServed reports whether the error means that the API does not serve the resource.
func notServed(err error) bool {
	return apierrors.IsNotFound(err) && strings.Contains(err.Error(), "could not find the requested resource")
}

// InstallCRDs creates the CRDs of the Spaces API that tests need. The argument is the root
// of the repository.
func (c *Cluster) InstallCRDs(t testing.TB, repository string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "testdata", "crds", "spaces.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.Create(t, string(text))
	c.WaitServed(t, "spaces.upbound.io/v1beta1", "controlplanes")
	c.WaitServed(t, "spaces.upbound.io/v1alpha1", "sharedbackupconfigs")
	c.WaitServed(t, "spaces.upbound.io/v1beta1", "backups")
	c.WaitServed(t, "admin.spaces.upbound.io/v1alpha1", "spacebackupconfigs")
}

// WaitServed waits until a resource of a CRD can be listed.
func (c *Cluster) WaitServed(t testing.TB, groupVersion, resource string) {
	t.Helper()
	gv, err := schema.ParseGroupVersion(groupVersion)
	if err != nil {
		t.Fatal(err)
	}
	err = Eventually(t.Context(), func() (bool, error) {
		_, err := c.Objects.Resource(gv.WithResource(resource)).List(t.Context(), metav1.ListOptions{Limit: 1})
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("%s is not served: %v", resource, err)
	}
}

// Get reads an object, as an administrator.
func (c *Cluster) Get(t testing.TB, resource schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	object, err := c.Objects.Resource(resource).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// Patch merges a JSON patch into an object, as an administrator.
func (c *Cluster) Patch(t testing.TB, resource schema.GroupVersionResource, namespace, name, patch string) {
	t.Helper()
	_, err := c.Objects.Resource(resource).Namespace(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// eventuallyTimeout is much longer than anything takes on a busy machine.
const eventuallyTimeout = time.Minute

// Eventually calls holds until it returns true, and then returns the error of that call. It
// gives up after eventuallyTimeout.
func Eventually(ctx context.Context, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, eventuallyTimeout)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		ok, err := holds()
		if ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not after %s: %w", eventuallyTimeout, err)
		case <-poll.C:
		}
	}
}

func nestedSlice(object *unstructured.Unstructured, path ...string) ([]any, bool, error) {
	return unstructured.NestedSlice(object.Object, path...)
}

// WriteKubeconfig writes a kubeconfig for a server and returns its path.
func WriteKubeconfig(t testing.TB, url string, ca []byte, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, kubeconfigOf(url, ca, token), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func kubeconfigOf(url string, ca []byte, token string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: test, user: {token: %q}}]
`, url, base64.StdEncoding.EncodeToString(ca), token)
}

// Serves reports whether the cluster serves a resource.
func (c *Cluster) Serves(t testing.TB, resource schema.GroupVersionResource) bool {
	t.Helper()
	_, err := c.Objects.Resource(resource).List(t.Context(), metav1.ListOptions{Limit: 1})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}
