// Package spacetest has an API server in the memory of a test. It lists, reads and patches
// prepared objects. It runs no controllers: the end-to-end tests have a real API server.
package spacetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/space"
)

// Cluster is the host cluster of a Space.
type Cluster struct {
	// Issuer is the issuer of the cluster's tokens, a URL.
	Issuer string
	// Forbidden reports whether RBAC forbids a call. If it is nil, all calls are allowed.
	// The resource is the plural with its subresource, such as pods or
	// serviceaccounts/token. The namespace is empty in a call for the whole cluster.
	Forbidden func(method, resource, namespace string) bool
	// Served are the resources that discovery lists.
	Served []space.Resource
	// Token returns a token of a service account, bound to a pod.
	Token func(namespace, serviceAccount, audience, pod string) string
	// AfterPatch is called after an object was patched. The objects are not locked.
	AfterPatch func(resource, namespace, name string)

	mu      sync.Mutex
	objects map[string][]map[string]any // by plural
	index   map[objectKey]int           // where in objects, so that thousands of them cost little
	calls   []string
	reads   int
}

// objectKey identifies an object.
type objectKey struct{ plural, namespace, name string }

// New returns a cluster with the objects of a YAML stream.
func New(t testing.TB, manifests string) *Cluster {
	t.Helper()
	c := &Cluster{objects: map[string][]map[string]any{}, index: map[objectKey]int{}}
	for text := range strings.SplitSeq(manifests, "\n---\n") {
		c.Add(t, text)
	}
	return c
}

// Add adds an object. It replaces one of the same kind, namespace and name.
func (c *Cluster) Add(t testing.TB, manifest string) {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &o); err != nil {
		t.Fatal(err)
	}
	kind, _ := o["kind"].(string)
	if kind == "" {
		t.Fatalf("an object has no kind: %s", manifest)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	plural := strings.ToLower(kind) + "s"
	if stem, ok := strings.CutSuffix(plural, "ys"); ok {
		plural = stem + "ies"
	}
	key := objectKey{plural, field(o, "namespace"), field(o, "name")}
	if i, ok := c.index[key]; ok {
		c.objects[plural][i] = o
		return
	}
	c.index[key] = len(c.objects[plural])
	c.objects[plural] = append(c.objects[plural], o)
}

// Delete deletes all objects of a resource.
func (c *Cluster) Delete(plural string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.objects, plural)
	maps.DeleteFunc(c.index, func(key objectKey, _ int) bool { return key.plural == plural })
}

// Calls returns the method and path of each call that was not a read.
func (c *Cluster) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.calls...)
}

// Reads returns the number of calls that were reads.
func (c *Cluster) Reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// Client returns a client of the cluster.
func (c *Cluster) Client(t testing.TB) *space.Client {
	t.Helper()
	client, err := space.Connect(space.Target{Kubeconfig: c.Kubeconfig(t), Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Kubeconfig starts a server on loopback and returns the path of a kubeconfig for it.
func (c *Cluster) Kubeconfig(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"current-context":"x","clusters":[{"name":"x","cluster":{"server":%q}}],"contexts":[{"name":"x","context":{"cluster":"x"}}]}`, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// field returns a field of an object's metadata.
func field(o map[string]any, name string) string {
	meta, _ := o["metadata"].(map[string]any)
	text, _ := meta[name].(string)
	return text
}

// ServeHTTP answers one call.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	status, answer := c.answer(r)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // an error means that the client has disconnected
}

// failure is the Status of a failed call.
func failure(code int, reason string) (int, any) {
	return code, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
}

func (c *Cluster) answer(r *http.Request) (int, any) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return http.StatusOK, map[string]string{"issuer": c.Issuer}
	}
	if parts := strings.Split(r.URL.Path, "/"); parts[1] == "apis" && len(parts) == 4 {
		return c.discover(parts[2], parts[3])
	}
	namespace, resource, name := splitPath(r.URL.Path)
	c.count(r.Method, strings.Trim(resource+" "+namespace+"/"+name, "/"))
	if c.Forbidden != nil && c.Forbidden(r.Method, resource, namespace) {
		return failure(http.StatusForbidden, "Forbidden")
	}
	switch {
	case r.Method == http.MethodGet && name == "":
		return http.StatusOK, c.list(resource, namespace, r)
	case r.Method == http.MethodPost && resource == "serviceaccounts/token":
		return c.token(namespace, name, r)
	}
	return c.object(resource, namespace, name, r)
}

// count records a call of an object.
func (c *Cluster) count(method, object string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if method == http.MethodGet {
		c.reads++
		return
	}
	c.calls = append(c.calls, method+" "+object)
}

// discover lists the resources of a version of a group.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Discovery".
func (c *Cluster) discover(group, version string) (int, any) {
	if c.Forbidden != nil && c.Forbidden(http.MethodGet, "discovery", "") {
		return failure(http.StatusForbidden, "Forbidden")
	}
	found := []map[string]string{}
	for _, r := range c.Served {
		if r.Group == group && r.Version == version {
			found = append(found, map[string]string{"name": r.Plural})
		}
	}
	if len(found) == 0 {
		return failure(http.StatusNotFound, "NotFound")
	}
	return http.StatusOK, map[string]any{"kind": "APIResourceList", "resources": found}
}

// splitPath splits the path of an API call. A subresource belongs to the resource.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Resource URIs".
func splitPath(path string) (namespace, resource, name string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if parts[0] == "api" {
		parts = parts[2:]
	} else {
		parts = parts[3:]
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		namespace, parts = parts[1], parts[2:]
	}
	resource = parts[0]
	if len(parts) > 1 {
		name = parts[1]
	}
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	return namespace, resource, name
}

// list returns the objects that the selectors of a list call select.
func (c *Cluster) list(resource, namespace string, r *http.Request) json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, value, selected := strings.Cut(r.URL.Query().Get("fieldSelector"), "=")
	label, labelValue, hasValue := strings.Cut(r.URL.Query().Get("labelSelector"), "=")
	// The token of a page is the index of its first object. Objects do not move while a client
	// reads, but a test may delete some.
	first, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	most, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		most = math.MaxInt
	}
	found, next := []map[string]any{}, ""
	objects := c.objects[resource]
	for i := min(first, len(objects)); i < len(objects); i++ {
		o := objects[i]
		meta, _ := o["metadata"].(map[string]any)
		labels, _ := meta["labels"].(map[string]any)
		spec, _ := o["spec"].(map[string]any)
		got := field(o, "name")
		if key == "spec.serviceAccountName" {
			got, _ = spec["serviceAccountName"].(string)
		}
		valueOf, labelled := labels[label]
		labelled = labelled && (!hasValue || valueOf == labelValue)
		if (namespace == "" || field(o, "namespace") == namespace) && (!selected || got == value) && (label == "" || labelled) {
			if len(found) == most {
				next = strconv.Itoa(i)
				break
			}
			found = append(found, o)
		}
	}
	return encode(map[string]any{"metadata": map[string]string{"continue": next}, "items": found})
}

// encode returns a copy of objects as JSON, because a later call may change them.
func encode(objects any) json.RawMessage {
	text, err := json.Marshal(objects)
	if err != nil {
		panic(err) // they were decoded from YAML
	}
	return text
}

// object returns an object, after a merge patch of it if the call has one.
func (c *Cluster) object(resource, namespace, name string, r *http.Request) (int, any) {
	found := c.find(resource, namespace, name)
	if found == nil {
		return failure(http.StatusNotFound, "NotFound")
	}
	if r.Method == http.MethodPatch {
		var patch map[string]any
		if text, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(text, &patch) != nil {
			return failure(http.StatusBadRequest, "BadRequest")
		}
		c.mu.Lock()
		merge(found, patch)
		c.mu.Unlock()
		if c.AfterPatch != nil {
			c.AfterPatch(resource, namespace, name)
			found = c.find(resource, namespace, name)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return http.StatusOK, encode(found)
}

func (c *Cluster) find(resource, namespace, name string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[objectKey{resource, namespace, name}]; ok {
		return c.objects[resource][i]
	}
	return nil
}

// merge merges a patch into an object.
//
// Source: RFC 7396, section 2.
func merge(into, patch map[string]any) {
	for key, value := range patch {
		nested, ok := value.(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case !ok:
			into[key] = value
		default:
			target, ok := into[key].(map[string]any)
			if !ok {
				target = map[string]any{}
				into[key] = target
			}
			merge(target, nested)
		}
	}
}

// token answers a TokenRequest.
func (c *Cluster) token(namespace, name string, r *http.Request) (int, any) {
	var request struct {
		Spec struct {
			Audiences []string
			Bound     struct{ Name string } `json:"boundObjectRef"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Spec.Audiences) != 1 {
		return failure(http.StatusBadRequest, "BadRequest")
	}
	token := c.Token(namespace, name, request.Spec.Audiences[0], request.Spec.Bound.Name)
	return http.StatusCreated, map[string]any{"status": map[string]string{"token": token}}
}
