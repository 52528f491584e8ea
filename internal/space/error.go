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

// Error is what went wrong with a call to the API server, and what to do next.
type Error struct {
	Verb      string // of RBAC, such as list
	Resource  Resource
	Namespace string // empty for all
	Name      string // empty for a list
	Host      string // the API server's URL
	Err       error
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Verb, e.what(), e.reason())
}

func (e *Error) what() string {
	what := e.Resource.String()
	switch {
	case e.Namespace != "" && e.Name != "":
		return what + " " + e.Namespace + "/" + e.Name
	case e.Name != "":
		return what + " " + e.Name
	case e.Namespace != "":
		return what + " in " + e.Namespace
	}
	return what
}

// reason is the cause in a user's words, with the next step.
func (e *Error) reason() string {
	switch err := e.Err; {
	case apierrors.IsUnauthorized(err):
		return "the API server does not accept the credentials, which may have expired (401): log in again, " +
			"or renew the kubeconfig (for EKS: aws eks update-kubeconfig --name CLUSTER)"
	case apierrors.IsForbidden(err):
		return fmt.Sprintf("forbidden: it needs the RBAC rule %s; examples/rbac has the ClusterRole", e.Rule())
	case e.NotServed():
		return fmt.Sprintf("the cluster does not serve %s; is the kubeconfig's context the host cluster of a Space, and is the Spaces chart installed?", e.Resource)
	case apierrors.IsTooManyRequests(err):
		return "the API server is overloaded (429) and stayed so; try again later"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer from %s in time; try again, or check the network", e.Host)
	case isNetwork(err):
		return fmt.Sprintf("cannot reach the API server %s (%v); check the network, or name another cluster with --kube-context", e.Host, err)
	}
	return e.Err.Error()
}

// Rule is the RBAC rule that the call needs.
func (e *Error) Rule() string {
	return fmt.Sprintf("{apiGroups: [%q], resources: [%s], verbs: [%s]}", e.Resource.Group, e.Resource.Plural, e.Verb)
}

// NotServed reports whether the API server does not have the resource at all:
// its CRD is absent.
func (e *Error) NotServed() bool {
	return apierrors.IsNotFound(e.Err) && (e.Name == "" || strings.Contains(e.Err.Error(), "could not find the requested resource"))
}

// Fatal reports whether no other call would do better: the server is not there,
// or does not accept who we are.
func (e *Error) Fatal() bool {
	return apierrors.IsUnauthorized(e.Err) || isNetwork(e.Err) || errors.Is(e.Err, context.Canceled)
}

// NotFound reports whether an object is not there.
func NotFound(err error) bool { return apierrors.IsNotFound(err) }

func isNetwork(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return unknown
}

// Forbidden reports whether RBAC refuses the call.
func (e *Error) Forbidden() bool { return apierrors.IsForbidden(e.Err) }
