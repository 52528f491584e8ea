package injection

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// Selection returns what to read from the cluster to find stale pods. If the config has
// no namespaces, no pattern and no discovery, it selects every control plane that is
// [space.ControlPlane.Certain].
func Selection(s desired.State) space.Selection {
	planes := s.Spec().ControlPlanes
	subjects := desired.Subjects{Namespaces: planes.Namespaces, Match: planes.Match}
	return space.Selection{ServiceAccounts: s.ServiceAccounts(), Scope: space.Scope{
		Namespaces: planes.Namespaces, Admits: subjects.Admits, Certain: planes.Discover || subjects.Empty()}}
}

// StaleWorkload is a workload of a component whose pods or service account have a problem.
// It may also be a pod that no Deployment, StatefulSet or DaemonSet replaces.
type StaleWorkload struct {
	Problem
	Namespace  string
	Component  desired.Component
	Workload   space.Workload // what to restart; has no name if only the service account has a problem
	Pod        *space.Pod     // a pod that a restart cannot replace; there is then no workload
	Annotated  bool           // whether the service account has every annotation
	Unreadable error          // why the workload could not be checked; the other fields are then empty
}

// FindStale returns the workloads whose pods lack the identity, or lack a label that new
// pods would get. It also returns pods without such a workload that lack the identity, and
// service accounts without pods that lack an annotation.
func FindStale(o space.Observed, s desired.State) []StaleWorkload {
	var all []StaleWorkload
	for _, plane := range o.ControlPlanes {
		for _, c := range s.Components {
			if !plane.Deleting {
				all = append(all, findStaleIn(o, s, c, plane.HostNamespace)...)
			}
		}
	}
	return all
}

func findStaleIn(o space.Observed, s desired.State, c desired.Component, namespace string) []StaleWorkload {
	stale := StaleWorkload{Namespace: namespace, Component: c}
	if err := o.Failure(namespace, space.ServiceAccounts, space.Pods, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
		stale.Unreadable = err
		return []StaleWorkload{stale}
	}
	at := space.Key{Namespace: namespace, Name: c.ServiceAccount}
	account, exists := o.ServiceAccounts[at]
	stale.Annotated = Annotated(account, c)
	var found []StaleWorkload
	for _, w := range o.Workloads[at] {
		stale.Workload = w
		if stale.Problem = WorkloadProblem(w, account, o.Pods[at], c, s); stale.Cause != NoProblem {
			found = append(found, stale)
		}
	}
	stale.Workload = space.Workload{}
	for _, p := range o.Pods[at] {
		owned := slices.ContainsFunc(o.Workloads[at], func(w space.Workload) bool { return owns(w, p) })
		if stale.Problem = useProblem(p, c, account); !owned && stale.Cause != NoProblem {
			stale.Pod = &p
			found = append(found, stale)
		}
	}
	if exists && len(found) == 0 && !stale.Annotated {
		stale.Pod, stale.Problem = nil, Problem{Outdated, "its service account does not have every annotation of the config"}
		found = append(found, stale)
	}
	return found
}

// owns reports whether a workload replaces a pod.
func owns(w space.Workload, p space.Pod) bool {
	r, name, owned := p.Workload()
	return owned && r == w.Resource && name == w.Meta.Name
}

// WorkloadProblem returns the first problem among a workload's pods. The pods are those of
// the component's service account.
func WorkloadProblem(w space.Workload, account space.ServiceAccount, pods []space.Pod, c desired.Component, s desired.State) Problem {
	for _, p := range pods {
		if !owns(w, p) {
			continue
		}
		problem := useProblem(p, c, account)
		if label := missingLabel(w, p, c, s); problem.Cause == NoProblem && label != "" {
			problem = Problem{Outdated, "the pod does not have the label " + label}
		}
		problem = problem.ofNewPods(w, p, c)
		if problem.Cause != NoProblem {
			return problem
		}
	}
	return Problem{}
}

// InTemplate returns the problem of a pod as new pods of its workload have it. If none of
// the workloads owns the pod, it returns the problem unchanged.
func (p Problem) InTemplate(workloads []space.Workload, pod space.Pod, c desired.Component) Problem {
	for _, w := range workloads {
		if owns(w, pod) {
			return p.ofNewPods(w, pod, c)
		}
	}
	return p
}

// ofNewPods returns the problem with another cause if new pods do not have the cause, or if
// the pod template gives it to each of them.
func (p Problem) ofNewPods(w space.Workload, pod space.Pod, c desired.Component) Problem {
	switch {
	case p.Cause == Skipped && !templateSkips(w), p.Cause == Preset && !templatePresets(w, pod, c):
		p.Cause = Outdated
	case p.Cause == Different && templateSets(w, pod):
		p.Cause, p.Reason = Preset, p.Reason+"; the pod template sets its variables itself"
	}
	return p
}

// templateSets reports whether the pod has variables of the webhook from its template.
func templateSets(w space.Workload, p space.Pod) bool {
	return slices.ContainsFunc(w.Spec.Template.Spec.All(), func(own space.Container) bool {
		return slices.ContainsFunc(p.Spec.All(), func(container space.Container) bool {
			return own.Name == container.Name && slices.ContainsFunc([]string{envRole, envToken, envCredentials, envPodToken}, func(name string) bool {
				set, exists := own.Lookup(name)
				has, _ := container.Lookup(name)
				return exists && set.Value == has.Value
			})
		})
	})
}

// templateSkips reports whether the EKS webhook leaves out the pods of the template, or some
// of their containers.
func templateSkips(w space.Workload) bool {
	_, label := w.Spec.Template.Meta.Labels[SkipLabel]
	return label || w.Spec.Template.Meta.Annotations[SkipAnnotation] != ""
}

// useProblem returns the problem of a pod: what it lacks, or what its processes use instead.
func useProblem(p space.Pod, c desired.Component, account space.ServiceAccount) Problem {
	problem := PodProblem(p, c, account)
	if use := UseOf(p, c); problem.Cause == NoProblem && use.Wrong != "" {
		return Problem{Preset, use.Wrong}
	}
	return problem
}

// templatePresets reports whether the pod template itself sets what AWS SDKs read.
func templatePresets(w space.Workload, p space.Pod, c desired.Component) bool {
	template := space.Pod{Spec: w.Spec.Template.Spec}
	agent, usesAgent := AgentOf(p)
	return UseOf(template, c).Wrong != "" || slices.ContainsFunc(template.Spec.All(), func(container space.Container) bool {
		_, role := container.Lookup(envRole)
		_, token := container.Lookup(envToken)
		return role || token || usesAgent && proxyProblem(container, agent) != ""
	})
}

// missingLabel returns a label that the pod lacks and that a new pod would get from the pod
// template or from an admission policy. It returns "" if there is none.
func missingLabel(w space.Workload, p space.Pod, c desired.Component, s desired.State) string {
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
