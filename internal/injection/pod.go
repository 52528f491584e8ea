// Package injection finds pods that do not have the identity of their component. The EKS
// webhook injects credentials when a pod is created. If the service account is annotated
// later, the pod stays without them. Package verify reports such pods, and package
// restart replaces them.
package injection

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
	volumeIRSA     = "aws-iam-token"
	volumePod      = "eks-pod-identity-token"
)

// SkipAnnotation is the annotation of a pod that lists containers to leave out.
//
// Source: Amazon EKS Pod Identity Webhook.
const SkipAnnotation = "eks.amazonaws.com/skip-containers"

// Cause is the kind of a problem.
type Cause int

// The causes.
const (
	NoProblem  Cause = iota // the pod has the identity
	Outdated                // a new pod may get the identity
	Overridden              // an association overrides the annotation
	Skipped                 // an annotation of the pod excludes containers
)

// Problem is why a pod does not have its component's identity.
type Problem struct {
	Cause  Cause
	Reason string
}

// PodProblem returns the problem of a pod. The service account says whether it was
// annotated after the pod was created.
func PodProblem(p space.Pod, c desired.Component, account space.ServiceAccount) Problem {
	var without []string
	others := map[string]bool{}
	containers := slices.Concat(p.Spec.InitContainers, p.Spec.Containers)
	for _, container := range containers {
		if has, other := identityOf(container, c); !has {
			without = append(without, container.Name)
			others[other] = true
		}
	}
	switch {
	case len(without) == 0:
		return volumeProblem(p, c)
	case others[overriddenReason]:
		return Problem{Overridden, overriddenReason}
	case len(others) == 1 && !others[""]:
		return Problem{Outdated, slices.Sorted(maps.Keys(others))[0]}
	case len(without) < len(containers):
		return containerProblem(p, without)
	case c.Mode.UsesIRSA() && account.AnnotatedAt(identity.RoleAnnotation).After(p.Meta.Created):
		return Problem{Outdated, "the pod was created before its service account was annotated"}
	case c.Mode.UsesIRSA():
		return Problem{Outdated, "the EKS webhook injected no credentials when the pod was created"}
	}
	return Problem{Outdated, "the pod has no EKS Pod Identity credentials: its association does not exist, or was created after the pod"}
}

const overriddenReason = "an association overrides the annotation: the pod has EKS Pod Identity credentials"

// identityOf reports whether a container has the environment variables of the component's
// mode. If it has another identity, other describes it.
func identityOf(container space.Container, c desired.Component) (has bool, other string) {
	role, irsa := container.Lookup(envRole)
	_, token := container.Lookup(envToken)
	_, credentials := container.Lookup(envCredentials)
	_, podToken := container.Lookup(envPodToken)
	associated := credentials && podToken
	switch {
	case c.Mode == identity.IRSA && associated:
		return false, overriddenReason
	case c.Mode.UsesPodIdentity() && associated:
		return true, ""
	case !c.Mode.UsesIRSA():
		return false, ""
	case irsa && role != c.Role.String():
		return false, "the pod has the credentials of another role, " + role
	}
	return irsa && token, ""
}

func volumeProblem(p space.Pod, c desired.Component) Problem {
	for _, v := range p.Spec.Volumes {
		if c.Mode.UsesIRSA() && v.Name == volumeIRSA || c.Mode.UsesPodIdentity() && v.Name == volumePod {
			return Problem{}
		}
	}
	return Problem{Outdated, "the pod has the identity's environment variables, but no volume with the token"}
}

func containerProblem(p space.Pod, without []string) Problem {
	names := strings.Join(without, ", ")
	if p.Meta.Annotations[SkipAnnotation] != "" {
		return Problem{Skipped, fmt.Sprintf("the pod's annotation %s excludes these containers: %s", SkipAnnotation, names)}
	}
	return Problem{Outdated, "containers without the identity: " + names}
}
