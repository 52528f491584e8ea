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
)

// Client speaks to one API server.
type Client struct {
	rest    rest.Interface
	host    string
	timeout time.Duration // for one answer: a page is a few megabytes
}

// newClient makes a client that gets JSON and leaves its meaning to the caller.
func newClient(config *rest.Config, timeout time.Duration) (*Client, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // errors come as a Status
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType = runtime.ContentTypeJSON
	config.AcceptContentTypes = runtime.ContentTypeJSON
	config.GroupVersion = &schema.GroupVersion{}
	c, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &Client{c, config.Host, timeout}, nil
}

// Resource is a kind of object as the API serves it.
type Resource struct {
	Group, Version, Plural string
}

// String names the resource as RBAC and kubectl do, such as deployments.apps.
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
	Namespace string // of one namespace; empty for all
	Fields    string // a field selector
	Labels    string // a label selector
}

// pageSize is how many objects a page of a list has.
const pageSize = 500

// page is what the API server answers to a list.
type page[T any] struct {
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []T `json:"items"`
}

// List calls each with every object, page by page. A list whose continuation
// has expired starts again, once: each must bear to see an object twice.
func List[T any](ctx context.Context, c *Client, r Resource, q Query, each func(T)) error {
	restarted := false
	next := ""
	for {
		var p page[T]
		err := c.get(ctx, r, q, next, &p)
		if apierrors.IsResourceExpired(err) && !restarted {
			restarted, next = true, ""
			continue
		}
		if err != nil {
			return &Error{Verb: "list", Resource: r, Namespace: q.Namespace, Host: c.host, Err: err}
		}
		for _, item := range p.Items {
			each(item)
		}
		if next = p.Metadata.Continue; next == "" {
			return nil
		}
	}
}

func (c *Client) get(ctx context.Context, r Resource, q Query, next string, into any) error {
	return c.try(ctx, into, func() *rest.Request {
		request := c.rest.Get().AbsPath(r.path(q.Namespace, "")...).Param("limit", strconv.Itoa(pageSize))
		for name, value := range map[string]string{"continue": next, "fieldSelector": q.Fields, "labelSelector": q.Labels} {
			if value != "" {
				request = request.Param(name, value)
			}
		}
		return request
	})
}

// attempts and the pause before the second; each further one is twice as long.
const (
	attempts   = 4
	firstPause = 250 * time.Millisecond
	retries    = 4 // of client-go, a second apart or as Retry-After says
)

// try reads, again and again where the API server or the network is at fault.
// client-go by itself waits where an answer carries Retry-After, and tries again
// where a connection was reset.
func (c *Client) try(ctx context.Context, into any, request func() *rest.Request) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		body, err := raw(request().Timeout(c.timeout).MaxRetries(retries).Do(ctx))
		if err == nil {
			if err = json.Unmarshal(body, into); err == nil {
				return nil
			}
		}
		if attempt == attempts || !passing(err) || !sleep(ctx, pause) {
			return err
		}
		pause *= 2
	}
}

// raw is the answer, or the error as the API server says it: Raw by itself knows
// only the status code.
func raw(result rest.Result) ([]byte, error) {
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

// passing reports whether an error may be gone the next time. Of those of the
// network client-go has seen to what may be tried again.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if status, ok := errors.AsType[interface {
		error
		Status() metav1.Status
	}](err); ok {
		code := status.Status().Code
		return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
	}
	return !isNetwork(err)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Get reads one object.
func Get[T any](ctx context.Context, c *Client, r Resource, namespace, name string) (T, error) {
	var object T
	err := c.try(ctx, &object, func() *rest.Request { return c.rest.Get().AbsPath(r.path(namespace, name)...) })
	if err != nil {
		return object, &Error{Verb: "get", Resource: r, Namespace: namespace, Name: name, Host: c.host, Err: err}
	}
	return object, nil
}

// Patch merges a JSON patch into an object and returns what became of it. It is
// tried again where the API server says that it did nothing: a conflict, or too
// many requests. Where the server cannot be reached the patch may have been
// carried out, and it is not.
func Patch[T any](ctx context.Context, c *Client, r Resource, namespace, name string, patch []byte) (T, error) {
	var object T
	pause := firstPause
	for attempt := 1; ; attempt++ {
		body, err := raw(c.rest.Patch(types.MergePatchType).AbsPath(r.path(namespace, name)...).Timeout(c.timeout).
			Param("fieldManager", "spaces-identity").Body(patch).Do(ctx))
		if err == nil {
			err = json.Unmarshal(body, &object)
		}
		if err == nil {
			return object, nil
		}
		undone := apierrors.IsConflict(err) || apierrors.IsTooManyRequests(err)
		if attempt == attempts || !undone || !sleep(ctx, pause) {
			return object, &Error{Verb: "patch", Resource: r, Namespace: namespace, Name: name, Host: c.host, Err: err}
		}
		pause *= 2
	}
}
