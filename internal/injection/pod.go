// Package injection finds pods that do not have the identity of their component. The EKS
// webhook injects credentials when a pod is created. If the service account is annotated
// later, the pod stays without them. Package verify reports such pods, and package
// restart replaces them.
package injection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// What the EKS webhook injects into the containers of a pod.
//
// Source: Amazon EKS Pod Identity Webhook; Amazon EKS User Guide, "Learn how EKS
// Pod Identity grants pods access to AWS services".
const (
	envRole        = "AWS_ROLE_ARN"
	envToken       = "AWS_WEB_IDENTITY_TOKEN_FILE"
	envCredentials = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	envPodToken    = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
)

// What makes the EKS webhook leave containers or a pod out, and how long tokens are valid.
//
// Source: Amazon EKS Pod Identity Webhook.
const (
	SkipAnnotation  = "eks.amazonaws.com/skip-containers"           // of a pod: containers, separated by commas
	SkipLabel       = "eks.amazonaws.com/skip-pod-identity-webhook" // of a pod, with any value
	minExpiration   = 600                                           // seconds
	podAudience     = desired.PodIdentityService                    // of the tokens for the agent
	orAfterwards    = "or the EKS webhook left it out"              // if the cause is not known
	noneWhenCreated = "the EKS webhook injected no credentials when the pod was created"
)

// Cause is the kind of a problem.
type Cause int

// The causes.
const (
	NoProblem  Cause = iota // the pod has the identity
	Outdated                // a new pod may get the identity
	Different               // the pod has credentials of the mechanism, but not the component's; a new pod may get them
	Overridden              // an association overrides the annotation, or did so when the pod was created
	Skipped                 // a label or an annotation of the pod excludes it or its containers
	Preset                  // the pod template sets the webhook's variables itself
	Audience                // the service account asks for a token that AWS does not accept
	Misnamed                // the service account has another name on the host than the config says
)

// Problem is why a pod does not have its component's identity.
type Problem struct {
	Cause  Cause
	Reason string
}

// Curable reports whether a new pod may have the identity.
func (p Problem) Curable() bool {
	return p.Cause == Outdated || p.Cause == Different || p.Cause == Overridden
}

// PodProblem returns the problem of a pod. The service account says whether it was
// annotated after the pod was created.
func PodProblem(p space.Pod, c desired.Component, account space.ServiceAccount) Problem {
	containers := p.Spec.All()
	var without []string
	for _, container := range containers {
		problem, has := containerProblem(p, container, c, account)
		if problem.Cause != NoProblem {
			return problem
		}
		if !has {
			without = append(without, container.Name)
		}
	}
	_, skipped := p.Meta.Labels[SkipLabel]
	switch {
	case len(without) == 0:
		return Problem{}
	case skipped:
		return Problem{Skipped, "the pod's label " + SkipLabel + " makes the EKS webhook leave it out"}
	case skips(p.Meta.Annotations, without):
		return Problem{Skipped, fmt.Sprintf("the pod's annotation %s excludes these containers: %s", SkipAnnotation, strings.Join(without, ", "))}
	case len(without) < len(containers):
		return Problem{Outdated, "containers without the identity: " + strings.Join(without, ", ")}
	case !c.Mode.UsesIRSA():
		return Problem{Outdated, "the pod has no EKS Pod Identity credentials: its association does not exist, or was created after the pod"}
	}
	return Problem{Outdated, olderOrSkipped(p, account)}
}

// olderOrSkipped says why a pod has nothing of the webhook, as far as it can be known. The
// API server does not record when an admission policy has written an annotation.
func olderOrSkipped(p space.Pod, account space.ServiceAccount) string {
	written := account.AnnotatedAt(identity.RoleAnnotation)
	switch {
	case written.After(p.Meta.Created), account.Meta.Created.After(p.Meta.Created):
		return "the pod was created before its service account was annotated"
	case written.IsZero():
		return "the pod was created before its service account was annotated, " + orAfterwards
	}
	return noneWhenCreated
}

// skips reports whether the annotation that excludes containers has all of the names.
func skips(annotations map[string]string, names []string) bool {
	listed := strings.Split(annotations[SkipAnnotation], ",")
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(listed, name) })
}

const overriddenReason = "the pod has EKS Pod Identity credentials: an association overrides the annotation, or did so when the pod was created"

// containerProblem returns what a container has instead of its component's identity. If it
// has nothing of the webhook, has is false and there is no problem.
func containerProblem(p space.Pod, container space.Container, c desired.Component, account space.ServiceAccount) (problem Problem, has bool) {
	role, hasRole := container.Lookup(envRole)
	token, hasToken := container.Lookup(envToken)
	_, credentials := container.Lookup(envCredentials)
	podToken, hasPodToken := container.Lookup(envPodToken)
	switch {
	case credentials && hasPodToken && !c.Mode.UsesPodIdentity():
		return Problem{Overridden, overriddenReason}, true //mutate:equivalent has means nothing beside a problem
	case credentials && hasPodToken:
		return tokenProblem(p, container, podToken.Value, podAudience, c, account), true
	case !c.Mode.UsesIRSA() || !hasRole && !hasToken:
		return Problem{}, false
	case !hasRole || !hasToken:
		return Problem{Preset, fmt.Sprintf("the pod template sets one of %s and %s itself, so the EKS webhook sets neither", envRole, envToken)}, true //mutate:equivalent has means nothing beside a problem
	case role.From != nil:
		return Problem{Preset, "the pod template sets " + envRole + " from another object, such as a Secret, which is not read"}, true //mutate:equivalent has means nothing beside a problem
	case role.Value != c.Role.String():
		return Problem{Different, "the pod has the credentials of another role, " + role.Value}, true //mutate:equivalent has means nothing beside a problem
	}
	return tokenProblem(p, container, token.Value, identity.Audience, c, account), true
}

// tokenProblem compares the token at a path of the container with the one that AWS needs.
func tokenProblem(p space.Pod, container space.Container, file, audience string, c desired.Component, account space.ServiceAccount) Problem {
	token, mounted := p.Spec.TokenAt(container, file)
	switch {
	case !mounted:
		return Problem{Different, "the pod has the identity's environment variables, but no volume with a service account token at " + file}
	case token.Audience == audience:
		return expirationProblem(p, token, c)
	case account.Meta.Annotations[identity.AudienceAnnotation] != "" && account.Meta.Annotations[identity.AudienceAnnotation] != audience:
		return Problem{Audience, fmt.Sprintf("the pod's token has the audience %q, not %q, because the service account has the annotation %s", token.Audience, audience, identity.AudienceAnnotation)}
	}
	return Problem{Different, fmt.Sprintf("the pod's token has the audience %q, not %q", token.Audience, audience)}
}

// expirationProblem compares the lifetime of the token with the one that the config asks
// for. An annotation of the pod wins over it.
func expirationProblem(p space.Pod, token space.TokenSource, c desired.Component) Problem {
	want, err := strconv.ParseInt(c.Annotations[identity.ExpirationAnnotation], 10, 64)
	if _, own := p.Meta.Annotations[identity.ExpirationAnnotation]; err != nil || own || token.Expiration == max(want, minExpiration) {
		return Problem{}
	}
	return Problem{Different, fmt.Sprintf("the pod's token is valid for %s, not %s", seconds(token.Expiration), seconds(max(want, minExpiration)))}
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
