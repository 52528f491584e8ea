package verify

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// Stale is a component of a control plane whose pods lack the identity.
type Stale struct {
	Namespace  string
	Component  identity.Component
	Account    space.ServiceAccount
	Workload   space.Workload // what is to be restarted; without a name where only the service account lacks something
	Annotated  bool           // its service account has every annotation
	Reason     string         // what a pod lacks
	Restart    bool           // a pod made anew may have it
	Unreadable error          // why nothing is known, in place of all but the namespace and component
}

// Stale are the workloads whose pods lack the identity or a label that they would
// get if they were made anew, and the service accounts that lack an annotation
// although nothing runs as them. Pods of no workload are left out: nothing makes
// them anew.
func (o *Observed) Stale() []Stale {
	var all []Stale
	for _, plane := range o.Planes {
		for _, c := range o.spec.Components {
			if err := o.cannot(plane.HostNamespace, space.ServiceAccounts, space.Pods, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
				all = append(all, Stale{Namespace: plane.HostNamespace, Component: c, Unreadable: err})
				continue
			}
			all = append(all, o.staleOf(plane.HostNamespace, c)...)
		}
	}
	return all
}

func (o *Observed) staleOf(namespace string, c identity.Component) []Stale {
	at := key{namespace, c.ServiceAccount}
	account, there := o.accounts[at]
	var found []Stale
	for _, w := range o.workloads[at] {
		lack := o.LackOfPods(w, c, account, o.pods[at])
		if lack.Reason != "" {
			found = append(found, Stale{Namespace: namespace, Component: c, Account: account, Workload: w,
				Annotated: Annotated(account, c), Reason: lack.Reason, Restart: lack.Restart})
		}
	}
	if there && len(found) == 0 && !Annotated(account, c) {
		found = append(found, Stale{Namespace: namespace, Component: c, Account: account, Restart: true,
			Reason: "its service account lacks an annotation"})
	}
	return found
}

// LackOfPods is the first lack of a workload's pods.
func (o *Observed) LackOfPods(w space.Workload, c identity.Component, account space.ServiceAccount, pods []space.Pod) Lack {
	for _, p := range pods {
		if r, name, owned := p.Workload(); !owned || r != w.Resource || name != w.Meta.Name {
			continue
		}
		if lack := LackOf(p, c, account); lack.Reason != "" {
			return lack
		}
		if label := o.lacksLabel(w, p, c); label != "" {
			return Lack{"the pod lacks the label " + label, true}
		}
	}
	return Lack{}
}

// lacksLabel is a label that the pod lacks and would get: the pod template has
// it, or an admission policy adds it.
func (o *Observed) lacksLabel(w space.Workload, p space.Pod, c identity.Component) string {
	for _, label := range slices.Sorted(maps.Keys(c.PodLabels)) {
		_, there := p.Meta.Labels[label]
		if !there && (o.spec.AdmissionPolicy != identity.NoAdmissionPolicy || w.Spec.Template.Meta.Labels[label] == c.PodLabels[label]) {
			return label
		}
	}
	return ""
}

// Annotated reports whether a service account has every annotation of the
// component.
func Annotated(account space.ServiceAccount, c identity.Component) bool {
	for annotation, value := range wantedAnnotations(c) {
		if account.Meta.Annotations[annotation] != value {
			return false
		}
	}
	return true
}
