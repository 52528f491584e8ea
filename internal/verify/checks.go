package verify

import (
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

func ok(name, format string, args ...any) Check {
	return Check{Name: name, State: OK, Detail: fmt.Sprintf(format, args...)}
}

func fails(name, fix, format string, args ...any) Check {
	return Check{Name: name, State: Fails, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func unknown(name string, err error) Check {
	return Check{Name: name, State: Unknown, Detail: err.Error()}
}

// checks are those of a component in a control plane that the cluster answers.
func (o *Observed) checks(plane space.ControlPlane, c identity.Component) []Check {
	all := []Check{
		o.serviceAccount(plane, c), o.workload(plane, c), o.labels(plane, c), o.injected(plane, c), o.ready(plane, c),
	}
	if c.Name == identity.DefaultComponent { // the one that makes backups
		all = append(all, o.backupConfig(plane, c), o.latestBackup(plane))
	}
	return all
}

// FixAnnotation is how the annotation comes to a service account.
func (o *Observed) fixAnnotation() string {
	if o.spec.AdmissionPolicy != identity.NoAdmissionPolicy {
		return "run `spaces-identity restart`: it touches the service account so that the admission policy annotates it"
	}
	return "upgrade the Spaces release through the post-renderer, or set delivery.admissionPolicy: true to reach control planes however they are made"
}

func (o *Observed) serviceAccount(plane space.ControlPlane, c identity.Component) Check {
	if err := o.cannot(plane.HostNamespace, space.ServiceAccounts); err != nil {
		return unknown(ServiceAccount, err)
	}
	account, there := o.accounts[key{plane.HostNamespace, c.ServiceAccount}]
	if !there {
		return fails(ServiceAccount, "check that the control plane is up and the component enabled, and that components[].serviceAccount names its service account",
			"no service account %s", c.ServiceAccount)
	}
	for _, annotation := range slices.Sorted(maps.Keys(wantedAnnotations(c))) {
		want := wantedAnnotations(c)[annotation]
		got, there := account.Meta.Annotations[annotation]
		if !there {
			if near := nearMiss(account.Meta.Annotations, annotation); near != "" {
				return fails(ServiceAccount, "remove the annotation "+near+" where it is set; "+o.fixAnnotation(), "the annotation %s is misspelt: %s", annotation, near)
			}
			return fails(ServiceAccount, o.fixAnnotation(), "the annotation %s is missing", annotation)
		}
		if got != want {
			return fails(ServiceAccount, o.fixAnnotation(), "the annotation %s is %s, not %s", annotation, got, want)
		}
	}
	if role := account.Meta.Annotations[identity.RoleAnnotation]; !c.Mode.UsesIRSA() && role != "" {
		return Check{Name: ServiceAccount, State: Warns, Detail: "the annotation " + identity.RoleAnnotation + " still stands: " + role,
			Fix: "take it away when every pod has the credentials of EKS Pod Identity"}
	}
	return ok(ServiceAccount, "annotated as the config says")
}

// nearMiss finds a key that somebody meant to be the right one.
func nearMiss(annotations map[string]string, right string) string {
	for _, k := range slices.Sorted(maps.Keys(annotations)) {
		if identity.Misspelt(k) == right {
			return k
		}
	}
	return ""
}

func (o *Observed) workload(plane space.ControlPlane, c identity.Component) Check {
	at := key{plane.HostNamespace, c.ServiceAccount}
	if n := len(o.workloads[at]); n > 0 {
		w := o.workloads[at][0]
		return ok(Workload, "%s %s", w.Resource, w.Meta.Name)
	}
	if err := o.cannot(plane.HostNamespace, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
		return unknown(Workload, err)
	}
	if len(o.pods[at]) > 0 {
		return ok(Workload, "pod %s, of no workload", o.pods[at][0].Meta.Name)
	}
	return fails(Workload, "check that the component is deployed, and that its pod template has serviceAccountName: "+c.ServiceAccount,
		"nothing runs as the service account %s", c.ServiceAccount)
}

func (o *Observed) labels(plane space.ControlPlane, c identity.Component) Check {
	return o.eachPod(Labels, plane, c, "have the labels", func(p space.Pod) Check {
		for _, label := range slices.Sorted(maps.Keys(c.PodLabels)) {
			got, there := p.Meta.Labels[label]
			switch {
			case !there:
				return fails(Labels, "run `spaces-identity restart` once the pod template or the admission policy has the label", "the label %s is missing on pod %s", label, p.Meta.Name)
			case got != c.PodLabels[label]:
				return fails(Labels, "another value stands in the pod template: set it there, or change podLabels", "the label %s is %q on pod %s, not %q", label, got, p.Meta.Name, c.PodLabels[label])
			}
		}
		return Check{}
	})
}

func (o *Observed) injected(plane space.ControlPlane, c identity.Component) Check {
	return o.eachPod(Injected, plane, c, "carry the identity", func(p space.Pod) Check {
		lack := LackOf(p, c, o.accounts[key{plane.HostNamespace, c.ServiceAccount}])
		if lack.Reason == "" {
			return Check{}
		}
		return fails(Injected, fixInjected(o.serviceAccount(plane, c), lack, c), "pod %s: %s", p.Meta.Name, lack.Reason)
	})
}

// fixInjected is the first thing to do for a pod without the identity: a restart
// helps only where the service account is right.
func fixInjected(account Check, lack Lack, c identity.Component) string {
	switch {
	case lack.Reason == overridden:
		return "delete the association, or set mode: pod-identity (or both) in the config"
	case !lack.Restart:
		return "take the annotation " + skipContainers + " off the pod template"
	case account.State == Fails:
		return "mend the service account first"
	case c.Mode == identity.PodIdentity:
		return "check the association (`spaces-identity plan`) and that the add-on eks-pod-identity-agent runs, then run `spaces-identity restart`"
	}
	return "run `spaces-identity restart`; if it comes back, check the pod identity webhook of the cluster"
}

func (o *Observed) ready(plane space.ControlPlane, c identity.Component) Check {
	return o.eachPod(Ready, plane, c, "run and are ready", func(p space.Pod) Check {
		if p.Ready() {
			return Check{}
		}
		return fails(Ready, fmt.Sprintf("kubectl describe pod %s --namespace %s", p.Meta.Name, p.Meta.Namespace), "pod %s is %s and not ready", p.Meta.Name, p.Status.Phase)
	})
}

// eachPod is the first check of a pod that fails, or that all pods do well.
func (o *Observed) eachPod(name string, plane space.ControlPlane, c identity.Component, well string, check func(space.Pod) Check) Check {
	if err := o.cannot(plane.HostNamespace, space.Pods); err != nil {
		return unknown(name, err)
	}
	pods := o.pods[key{plane.HostNamespace, c.ServiceAccount}]
	if len(pods) == 0 {
		return fails(name, "see why the component has no pods: is it scaled to zero?", "there is no pod")
	}
	for _, p := range pods {
		if found := check(p); found.State != "" {
			return found
		}
	}
	return ok(name, "%d of %d pods %s", len(pods), len(pods), well)
}
