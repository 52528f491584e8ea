package space

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Error is the error of a call to the API server.
type Error struct {
	Verb      string // RBAC verb, such as list
	Resource  Resource
	Namespace string // empty for all
	Name      string // empty for a list
	Path      string // of a call that is not about a resource
	Host      string // the API server's URL
	Err       error
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	reason, _ := e.explain()
	return fmt.Sprintf("%s %s: %s", e.Verb, e.object(), reason)
}

// Hint returns the next step, or nothing.
func (e *Error) Hint() string {
	_, hint := e.explain()
	return hint
}

func (e *Error) object() string {
	object := e.Resource.String()
	switch {
	case e.Path != "":
		return e.Path
	case e.Namespace != "" && e.Name != "":
		return object + " " + e.Namespace + "/" + e.Name
	case e.Name != "":
		return object + " " + e.Name
	case e.Namespace != "":
		return object + " in " + e.Namespace
	}
	return object
}

func (e *Error) explain() (reason, hint string) {
	switch err := e.Err; {
	case apierrors.IsUnauthorized(err):
		return "the API server does not accept the credentials (401)",
			"log in again, or renew the kubeconfig: the credentials may have expired (`aws eks update-kubeconfig` writes new ones)"
	case e.Forbidden():
		return "forbidden: it needs the RBAC rule " + e.Rule(), "ask a cluster administrator for the ClusterRole in examples/rbac"
	case e.NotServed():
		return fmt.Sprintf("the cluster does not serve %s", e.Resource),
			"check that the kubeconfig's context is the host cluster of a Space, with the Spaces chart installed"
	case apierrors.IsTooManyRequests(err):
		return "the API server is overloaded (429)", "try again later"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer from %s in time", e.Host), "try again, or check the network"
	case isNetwork(err):
		return fmt.Sprintf("cannot reach the API server %s (%v)", e.Host, err), "check the network and the kubeconfig's context"
	}
	return e.Err.Error(), ""
}

// Rule returns the RBAC rule that the call needs.
func (e *Error) Rule() string {
	if e.Path != "" {
		return fmt.Sprintf("{nonResourceURLs: [%s], verbs: [%s]}", e.Path, e.Verb)
	}
	return fmt.Sprintf("{apiGroups: [%q], resources: [%s], verbs: [%s]}", e.Resource.Group, e.Resource.Plural, e.Verb)
}

// NotServed reports whether the API server does not serve the resource, such as a custom
// resource whose CRD is not installed.
func (e *Error) NotServed() bool {
	return apierrors.IsNotFound(e.Err) && (e.Name == "" || strings.Contains(e.Err.Error(), "could not find the requested resource"))
}

// Forbidden reports whether RBAC forbids the call.
func (e *Error) Forbidden() bool { return apierrors.IsForbidden(e.Err) }

// Fatal reports whether every other call would fail too. That is so if the server cannot
// be reached or rejects the credentials, or if the user interrupted the program.
func (e *Error) Fatal() bool {
	return apierrors.IsUnauthorized(e.Err) || isNetwork(e.Err) || errors.Is(e.Err, context.Canceled)
}

func isNetwork(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return unknown
}
