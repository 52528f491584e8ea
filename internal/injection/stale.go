package injection

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// Wanted returns what to read of the cluster to judge the pods of a state. Without
// namespaces, a pattern and discovery the config means every certain control plane.
func Wanted(s desired.State) space.Wanted {
	planes := s.Spec().ControlPlanes
	subjects := desired.Subjects{Namespaces: planes.Namespaces, Match: planes.Match}
	return space.Wanted{ServiceAccounts: s.ServiceAccounts(), Scope: space.Scope{
		Namespaces: planes.Namespaces, Admits: subjects.Admits, Certain: planes.Discover || subjects.Empty()}}
}

// Stale is a component of a control plane whose pods or service account lack
// something.
type Stale struct {
	Lack
	Namespace  string
	Component  desired.Component
	Workload   space.Workload // to restart; without a name if only the service account lacks something
	Annotated  bool           // the service account has every annotation
	Unreadable error          // why nothing is known, instead of all but the namespace and component
}

// Find returns the workloads whose pods lack the identity, or a label that new pods
// would have, and the service accounts that lack an annotation although nothing runs as
// them. It leaves out pods of no workload, because nothing would replace them.
func Find(o space.Observed, s desired.State) []Stale {
	var all []Stale
	for _, plane := range o.ControlPlanes {
		for _, c := range s.Components {
			all = append(all, findIn(o, s, c, plane.HostNamespace)...)
		}
	}
	return all
}

func findIn(o space.Observed, s desired.State, c desired.Component, namespace string) []Stale {
	stale := Stale{Namespace: namespace, Component: c}
	if err := o.Failure(namespace, space.ServiceAccounts, space.Pods, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
		stale.Unreadable = err
		return []Stale{stale}
	}
	at := space.Key{Namespace: namespace, Name: c.ServiceAccount}
	account, exists := o.ServiceAccounts[at]
	stale.Annotated = Annotated(account, c)
	var found []Stale
	for _, w := range o.Workloads[at] {
		stale.Workload = w
		if stale.Lack = OfWorkload(w, account, o.Pods[at], c, s); stale.Cause != Nothing {
			found = append(found, stale)
		}
	}
	if exists && len(found) == 0 && !stale.Annotated {
		stale.Workload, stale.Lack = space.Workload{}, Lack{Outdated, "its service account lacks an annotation"}
		found = append(found, stale)
	}
	return found
}

// OfWorkload returns the first lack of a workload's pods, which run as the component's
// service account.
func OfWorkload(w space.Workload, account space.ServiceAccount, pods []space.Pod, c desired.Component, s desired.State) Lack {
	for _, p := range pods {
		if r, name, owned := p.Workload(); !owned || r != w.Resource || name != w.Meta.Name {
			continue
		}
		lack := OfPod(p, c, account)
		if label := labelLack(w, p, c, s); lack.Cause == Nothing && label != "" {
			lack = Lack{Outdated, "the pod lacks the label " + label}
		}
		if lack.Cause != Nothing {
			return lack
		}
	}
	return Lack{}
}

// labelLack returns a label that the pod lacks and a new pod would have: the pod
// template has it, or an admission policy adds it.
func labelLack(w space.Workload, p space.Pod, c desired.Component, s desired.State) string {
	for _, label := range slices.Sorted(maps.Keys(c.PodLabels)) {
		_, exists := p.Meta.Labels[label]
		if !exists && (s.Spec().AdmissionPolicy != identity.NoAdmissionPolicy || w.Spec.Template.Meta.Labels[label] == c.PodLabels[label]) {
			return label
		}
	}
	return ""
}

// Annotated reports whether a service account has every annotation of the component.
func Annotated(account space.ServiceAccount, c desired.Component) bool {
	for annotation, value := range c.Annotations {
		if account.Meta.Annotations[annotation] != value {
			return false
		}
	}
	return true
}
