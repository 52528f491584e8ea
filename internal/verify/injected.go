package verify

import (
	"fmt"
	"slices"
	"strings"

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
	skipContainers = "eks.amazonaws.com/skip-containers" // annotation of the pod
)

// Lack is what of its component's identity a pod lacks.
type Lack struct {
	Reason  string // empty where it lacks nothing
	Restart bool   // a pod made anew may have it
}

// LackOf looks at a pod. account is the pod's service account, which tells
// whether the pod is older than the annotation.
func LackOf(p space.Pod, c identity.Component, account space.ServiceAccount) Lack {
	var without []string
	others := map[string]bool{}
	containers := slices.Concat(p.Spec.InitContainers, p.Spec.Containers)
	for _, container := range containers {
		if has, other := carries(container, c); !has {
			without = append(without, container.Name)
			others[other] = true
		}
	}
	switch {
	case len(without) == 0:
		return lacksVolume(p, c)
	case others[overridden]:
		return Lack{overridden, false}
	case len(others) == 1 && !others[""]:
		return Lack{sorted(others)[0], true}
	case len(without) < len(containers):
		return leftOut(p, without)
	case c.Mode.UsesIRSA() && account.AnnotatedAt(identity.RoleAnnotation).After(p.Meta.Created):
		return Lack{"the pod is older than the annotation of its service account", true}
	case c.Mode.UsesIRSA():
		return Lack{"the webhook skipped the pod: it has none of the environment of a role", true}
	}
	return Lack{"the pod has no credentials of EKS Pod Identity: it is older than its association, or there is none", true}
}

const overridden = "an association overrides the annotation: the pod has the credentials of EKS Pod Identity"

// carries reports whether a container has the environment of the component's
// mode, and if it has another identity, which.
func carries(container space.Container, c identity.Component) (has bool, other string) {
	role, irsa := container.Lookup(envRole)
	_, token := container.Lookup(envToken)
	_, credentials := container.Lookup(envCredentials)
	_, podToken := container.Lookup(envPodToken)
	associated := credentials && podToken
	switch {
	case c.Mode == identity.IRSA && associated:
		return false, overridden
	case c.Mode.UsesPodIdentity() && associated:
		return true, ""
	case !c.Mode.UsesIRSA():
		return false, ""
	case irsa && role != c.Role.String():
		return false, "the pod has another role, " + role
	}
	return irsa && token, ""
}

func lacksVolume(p space.Pod, c identity.Component) Lack {
	for _, v := range p.Spec.Volumes {
		if c.Mode.UsesIRSA() && v.Name == volumeIRSA || c.Mode.UsesPodIdentity() && v.Name == volumePod {
			return Lack{}
		}
	}
	return Lack{"the pod has the environment of the identity and no volume with its token", true}
}

func leftOut(p space.Pod, without []string) Lack {
	if skipped := p.Meta.Annotations[skipContainers]; skipped != "" {
		return Lack{fmt.Sprintf("the pod's annotation %s leaves out %s", skipContainers, strings.Join(without, ", ")), false}
	}
	return Lack{"containers without the identity: " + strings.Join(without, ", "), true}
}
