package injection

import (
	"fmt"
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
	selected := space.Selection{ServiceAccounts: s.ControlPlaneAccounts(), Scope: space.Scope{Admits: func(string) bool { return false }}}
	if s.NeedsControlPlanes() {
		planes := s.Spec().ControlPlanes
		subjects := desired.SubjectsIn(planes)
		selected.Scope = space.Scope{Namespaces: planes.Namespaces, Admits: subjects.Admits, Certain: planes.Discover || subjects.Empty()}
	}
	for _, c := range s.Components {
		selected.Synced = selected.Synced || !c.Inside().IsZero()
		for _, account := range c.Accounts {
			if c.Namespace != "" {
				selected.Elsewhere = append(selected.Elsewhere, space.Key{Namespace: c.Namespace, Name: account})
			}
		}
	}
	return selected
}

// Site is a component in one of the namespaces in which it runs.
type Site struct {
	Component desired.Component
	Plane     space.ControlPlane // has only a host namespace if the component runs in a namespace of its own
	Account   string             // name of the service account there
}

// Key returns the service account of the site.
func (s Site) Key() space.Key { return space.Key{Namespace: s.Plane.HostNamespace, Name: s.Account} }

// Sites returns each component in each namespace in which it runs: the components with a
// namespace of their own first, then those of each control plane. Control planes that are
// being deleted are left out.
func Sites(o space.Observed, s desired.State) []Site {
	all := SitesElsewhere(o, s)
	for _, plane := range o.ControlPlanes {
		if !plane.Deleting {
			all = append(all, SitesOf(o, s, plane)...)
		}
	}
	return all
}

// SitesElsewhere returns the components with a namespace of their own.
func SitesElsewhere(o space.Observed, s desired.State) []Site {
	var all []Site
	for _, c := range s.Components {
		if c.Namespace != "" {
			all = append(all, sitesIn(o, c, space.ControlPlane{HostNamespace: c.Namespace, Sources: []space.Source{space.FromConfig}, Certain: true})...)
		}
	}
	return all
}

// SitesOf returns the components of a control plane.
func SitesOf(o space.Observed, s desired.State, plane space.ControlPlane) []Site {
	var all []Site
	for _, c := range s.InControlPlanes() {
		all = append(all, sitesIn(o, c, plane)...)
	}
	return all
}

// sitesIn returns a site for each service account of a component that a namespace has. If it
// has none, the site has the first name that it may have.
func sitesIn(o space.Observed, c desired.Component, plane space.ControlPlane) []Site {
	var all []Site
	for _, account := range c.Accounts {
		site := Site{c, plane, account}
		if _, exists := o.ServiceAccounts[site.Key()]; exists || len(o.Pods[site.Key()]) > 0 {
			all = append(all, site)
		}
	}
	if len(all) == 0 {
		all = []Site{{c, plane, c.Accounts[0]}}
	}
	return all
}

// Misnaming returns how the host really calls a component's service account, if a namespace
// has none of the names that the config expects, or "". It looks for a copy of the service
// account inside the control plane, also of another namespace there.
func Misnaming(o space.Observed, c desired.Component, namespace string) string {
	for _, account := range c.Accounts {
		if _, exists := o.ServiceAccounts[space.Key{Namespace: namespace, Name: account}]; exists {
			return ""
		}
	}
	for _, account := range o.Synced[namespace] {
		if name, from, _ := account.SyncedFrom(); name == c.Inside().ServiceAccount {
			return fmt.Sprintf("on the host the service account is called %s, because it is %s in the namespace %s inside the control plane; the config expects %s",
				account.Meta.Name, name, from, identity.OneOf(c.Accounts))
		}
	}
	return ""
}

// StaleWorkload is a workload of a component whose pods or service account have a problem.
// It may also be a pod that no Deployment, StatefulSet or DaemonSet replaces.
type StaleWorkload struct {
	Problem
	Namespace  string
	Component  desired.Component
	Account    string         // name of the service account
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
	for _, site := range Sites(o, s) {
		all = append(all, findStaleIn(o, s, site)...)
	}
	return all
}

func findStaleIn(o space.Observed, s desired.State, site Site) []StaleWorkload {
	c, namespace, at := site.Component, site.Plane.HostNamespace, site.Key()
	stale := StaleWorkload{Namespace: namespace, Component: c, Account: site.Account}
	if err := o.Failure(namespace, space.ServiceAccounts, space.Pods, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
		stale.Unreadable = err
		return []StaleWorkload{stale}
	}
	account, exists := o.ServiceAccounts[at]
	if reason := Misnaming(o, c, namespace); reason != "" {
		stale.Problem = Problem{Misnamed, reason}
		return []StaleWorkload{stale}
	}
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
		if !exists && (s.HasAdmissionPolicy(c) || w.Spec.Template.Meta.Labels[label] == c.PodLabels[label]) {
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
