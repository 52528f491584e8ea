package space

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
)

// Client calls one API server.
type Client struct {
	rest    rest.Interface
	host    string
	context string        // the namespace of the kubeconfig's context
	timeout time.Duration // for one call; a page has a few megabytes
}

// newClient returns a client that requests JSON. The caller decodes it.
func newClient(config *rest.Config, timeout time.Duration) (*Client, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // the API server returns errors as a Status
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType = runtime.ContentTypeJSON
	config.AcceptContentTypes = runtime.ContentTypeJSON
	config.GroupVersion = &schema.GroupVersion{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return retryReads{next} })
	c, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the cluster: %w", err)
	}
	return &Client{rest: c, host: config.Host, timeout: timeout}, nil
}

// maxRetries is how often client-go repeats a failed read. It waits for a second, or as
// long as the header Retry-After says.
const maxRetries = 3

// retryReads adds the header Retry-After to every response to a failed read. Without the
// header, client-go repeats a call only if the connection was reset.
type retryReads struct{ next http.RoundTripper }

// RoundTrip sends the request.
func (t retryReads) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet {
		return answer, err
	}
	failed := answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests
	if failed && answer.Header.Get("Retry-After") == "" {
		answer.Header.Set("Retry-After", "1")
	}
	return answer, nil
}

// Resource is a resource of the Kubernetes API, such as deployments of apps/v1.
type Resource struct {
	Group, Version, Plural string
}

// String returns the name that RBAC and kubectl use, such as deployments.apps.
func (r Resource) String() string {
	if r.Group == "" {
		return r.Plural
	}
	return r.Plural + "." + r.Group
}

func (r Resource) path(namespace, name string) []string {
	path := []string{"/apis", r.Group, r.Version}
	if r.Group == "" {
		path = []string{"/api", r.Version}
	}
	if namespace != "" {
		path = append(path, "namespaces", namespace)
	}
	path = append(path, r.Plural)
	if name != "" {
		path = append(path, name)
	}
	return path
}

// Query narrows a list.
type Query struct {
	Namespace string // empty for all namespaces
	Fields    string // a field selector
	Labels    string // a label selector

	MetadataOnly bool // leaves out everything but the metadata
}

// metadataOnly makes the API server leave out everything but the metadata.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Receiving resources as
// PartialObjectMetadata".
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// pageSize is the number of objects in a page of a list.
const pageSize = 500

// listPage is the API server's response to a list call.
type listPage[T any] struct {
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []T `json:"items"`
}

// List calls each with every object, page by page. If a continue token has expired, the
// list starts again once. So each may get an object twice. The error is an [*Error].
func List[T any](ctx context.Context, c *Client, r Resource, q Query, each func(T)) error {
	restarted := false
	next := ""
	for {
		p, err := readPage[T](ctx, c, r, q, next)
		if apierrors.IsResourceExpired(err) && !restarted {
			restarted, next = true, ""
			continue
		}
		if err != nil {
			return err
		}
		for _, item := range p.Items {
			each(item)
		}
		if next = p.Metadata.Continue; next == "" {
			return nil
		}
	}
}

func readPage[T any](ctx context.Context, c *Client, r Resource, q Query, next string) (listPage[T], error) {
	request := c.rest.Get().AbsPath(r.path(q.Namespace, "")...).MaxRetries(maxRetries).Param("limit", strconv.Itoa(pageSize))
	for name, value := range map[string]string{"continue": next, "fieldSelector": q.Fields, "labelSelector": q.Labels} {
		if value != "" {
			request = request.Param(name, value)
		}
	}
	if q.MetadataOnly {
		request = request.SetHeader("Accept", metadataOnly)
	}
	return answerOf[listPage[T]](ctx, c, request, Error{Verb: "list", Resource: r, Namespace: q.Namespace})
}

// answerOf sends a request and decodes the response. If that fails, it returns the problem
// with the cause.
func answerOf[T any](ctx context.Context, c *Client, request *rest.Request, problem Error) (T, error) {
	var answer T
	result := request.Timeout(c.timeout).Do(ctx)
	body, err := result.Raw()
	if result.Error() != nil { // the error of Raw has only the status code
		err = result.Error()
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		problem.Host, problem.Err = c.host, err
		return answer, &problem
	}
	return answer, nil
}

func getObject[T any](ctx context.Context, c *Client, r Resource, namespace, name string) (T, error) {
	return answerOf[T](ctx, c, c.rest.Get().AbsPath(r.path(namespace, name)...).MaxRetries(maxRetries),
		Error{Verb: "get", Resource: r, Namespace: namespace, Name: name})
}

// sendPatch merges a JSON patch into an object and returns the object.
func sendPatch[T any](ctx context.Context, c *Client, r Resource, namespace, name string, body []byte) (T, error) {
	return answerOf[T](ctx, c, c.rest.Patch(types.MergePatchType).AbsPath(r.path(namespace, name)...).
		Param("fieldManager", "spaces-identity").Body(body), Error{Verb: "patch", Resource: r, Namespace: namespace, Name: name})
}

// Workload reads a workload again.
func (c *Client) Workload(ctx context.Context, w Workload) (Workload, error) {
	now, err := getObject[Workload](ctx, c, w.Resource, w.Meta.Namespace, w.Meta.Name)
	now.Resource = w.Resource
	return now, err
}

// Pods reads a service account and the pods that run as it.
func (c *Client) Pods(ctx context.Context, namespace, serviceAccount string) (ServiceAccount, []Pod, error) {
	account, err := getObject[ServiceAccount](ctx, c, ServiceAccounts, namespace, serviceAccount)
	if err != nil {
		return account, nil, err
	}
	var pods []Pod
	query := Query{Namespace: namespace, Fields: "spec.serviceAccountName=" + serviceAccount}
	err = List(ctx, c, Pods, query, func(p Pod) {
		if !p.Done() {
			pods = append(pods, p)
		}
	})
	return account, pods, err
}

// Touch sends an empty patch for a service account, so that the API server applies its
// admission policies. It returns the service account. After a conflict the API server has
// changed nothing, so the patch is sent again.
func (c *Client) Touch(ctx context.Context, namespace, serviceAccount string) (ServiceAccount, error) {
	var account ServiceAccount
	err := retry.OnError(retry.DefaultBackoff, IsConflict, func() (err error) {
		account, err = sendPatch[ServiceAccount](ctx, c, ServiceAccounts, namespace, serviceAccount, []byte("{}"))
		return err
	})
	return account, err
}

// tokenLifetime is the shortest lifetime of a token, in seconds.
//
// Source: Kubernetes API reference, TokenRequest.
const tokenLifetime = 600

// Token requests a short-lived token of the pod's service account, bound to the pod.
//
// Source: Kubernetes API reference, TokenRequest (authentication.k8s.io/v1).
func (c *Client) Token(ctx context.Context, p Pod, audience string) (string, error) {
	body, err := json.Marshal(map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": map[string]any{
		"audiences": []string{audience}, "expirationSeconds": tokenLifetime,
		"boundObjectRef": map[string]string{"apiVersion": "v1", "kind": "Pod", "name": p.Meta.Name, "uid": p.Meta.UID}}})
	if err != nil {
		return "", err
	}
	path := append(ServiceAccounts.path(p.Meta.Namespace, p.Spec.ServiceAccount), "token")
	token := Resource{"", "v1", ServiceAccounts.Plural + "/token"}
	answer, err := answerOf[struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}](ctx, c, c.rest.Post().AbsPath(path...).Body(body), Error{Verb: "create", Resource: token, Namespace: p.Meta.Namespace, Name: p.Spec.ServiceAccount})
	return answer.Status.Token, err
}

// Issuer returns the issuer of the cluster's service account tokens, a URL.
//
// Source: Kubernetes documentation, "Configure Service Accounts for Pods: Service account
// issuer discovery".
func (c *Client) Issuer(ctx context.Context) (string, error) {
	problem := Error{Verb: "get", Path: issuerPath}
	discovery, err := answerOf[struct {
		Issuer string `json:"issuer"`
	}](ctx, c, c.rest.Get().AbsPath(issuerPath).MaxRetries(maxRetries), problem)
	if err == nil && discovery.Issuer == "" {
		problem.Host, problem.Err = c.host, errors.New("the answer has no issuer")
		err = &problem
	}
	return discovery.Issuer, err
}

// Serves reports whether the API server serves a resource.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Discovery".
func (c *Client) Serves(ctx context.Context, r Resource) (bool, error) {
	path := "/apis/" + r.Group + "/" + r.Version
	served, err := answerOf[struct {
		Resources []struct {
			Name string `json:"name"`
		} `json:"resources"`
	}](ctx, c, c.rest.Get().AbsPath(path).MaxRetries(maxRetries), Error{Verb: "get", Path: path})
	if problem, ok := errors.AsType[*Error](err); ok && apierrors.IsNotFound(problem.Err) {
		return false, nil
	}
	for _, one := range served.Resources {
		if one.Name == r.Plural {
			return true, nil
		}
	}
	return false, err
}

const issuerPath = "/.well-known/openid-configuration"

// restartedAt is the pod template annotation that `kubectl rollout restart` sets.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Restart starts a rollout of a workload, as `kubectl rollout restart` does. It changes
// nothing if the workload is no longer as it was read: [IsConflict] is then true for the
// error.
func (c *Client) Restart(ctx context.Context, w Workload) error {
	body := fmt.Appendf(nil, `{"metadata":{"resourceVersion":%q},"spec":{"template":{"metadata":{"annotations":{%q:%q}}}}}`,
		w.Meta.Version, restartedAt, time.Now().UTC().Format(time.RFC3339Nano))
	_, err := sendPatch[Workload](ctx, c, w.Resource, w.Meta.Namespace, w.Meta.Name, body)
	return err
}

// IsConflict reports whether somebody else has changed the object meanwhile.
func IsConflict(err error) bool {
	problem, ok := errors.AsType[*Error](err)
	return ok && apierrors.IsConflict(problem.Err)
}
