package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

func checkWorkload(f *checkInput) Check {
	if found := f.observed.Workloads[f.at()]; len(found) > 0 {
		return okCheck("%s %s", found[0].Resource, found[0].Meta.Name)
	}
	if err := f.observed.Failure(f.plane.HostNamespace, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
		return unknownCheck(err)
	}
	if pods := f.observed.Pods[f.at()]; len(pods) > 0 {
		if name, namespace, ok := pods[0].SyncedFrom(); ok {
			return okCheck("pod %s, which is %s in the namespace %s inside the control plane", pods[0].Meta.Name, name, namespace)
		}
		return okCheck("pod %s, which no Deployment, StatefulSet or DaemonSet owns", pods[0].Meta.Name)
	}
	return failedCheck("check that the component is deployed, and that its pod template has serviceAccountName: "+f.name,
		"no workload and no pod runs as the service account %s", f.name)
}

// eachPod calls find for each pod and returns the worst check. If no check has a state, it
// returns a successful check with the detail "N of N pods" and the text of well.
func (f *checkInput) eachPod(well string, find func(space.Pod) Check) Check {
	if err := f.observed.Failure(f.plane.HostNamespace, space.Pods); err != nil {
		return unknownCheck(err)
	}
	pods := f.observed.Pods[f.at()]
	if len(pods) == 0 {
		return failedCheck("check why the component has no pods: it may be disabled or scaled to zero", "the component has no pods")
	}
	worst := okCheck("%d of %d pods %s", len(pods), len(pods), well)
	for _, p := range pods {
		found := find(p)
		if found.State != "" && slices.Index(severity, found.State) > slices.Index(severity, worst.State) {
			worst = found.about("pod", p.Meta.Name)
		}
	}
	return worst
}

// severity are the states, the worst last.
var severity = []State{OK, Warns, Unknown, Fails}

// Worst returns the worst state of checks.
func Worst(checks []Check) State {
	worst := OK
	for _, c := range checks {
		worst = severity[max(slices.Index(severity, worst), slices.Index(severity, c.State))]
	}
	return worst
}

func checkLabels(f *checkInput) Check {
	return f.eachPod("have the labels", func(p space.Pod) Check {
		for _, label := range slices.Sorted(maps.Keys(f.component.PodLabels)) {
			want := f.component.PodLabels[label]
			got, exists := p.Meta.Labels[label]
			switch {
			case !exists:
				return failedCheck("run `spaces-identity restart` once the pod template or the admission policy has the label", "the label %s is missing", label)
			case got != want:
				return failedCheck("set this value in the pod template, or change podLabels in the config", "the label %s is %q, not %q", label, got, want)
			}
		}
		return Check{}
	})
}

func checkInjected(f *checkInput) Check {
	well := "have the identity"
	if n := f.confirmed(); n > 0 {
		well += fmt.Sprintf("; the EKS webhook has labelled %d of them for EKS Pod Identity", n)
	}
	return f.eachPod(well, func(p space.Pod) Check {
		problem := injection.PodProblem(p, f.component, f.observed.ServiceAccounts[f.at()]).InTemplate(f.observed.Workloads[f.at()], p, f.component)
		if problem.Cause == injection.NoProblem {
			return Check{}
		}
		return failedCheck(f.fixInjected(problem), "%s", problem.Reason)
	})
}

// confirmed counts the pods with the label by which newer EKS webhooks say that they gave a
// pod EKS Pod Identity. Older ones set none, so its absence says nothing.
//
// Source: github.com/aws/amazon-eks-pod-identity-webhook, pull request 295.
func (f *checkInput) confirmed() int {
	n := 0
	for _, p := range f.observed.Pods[f.at()] {
		if p.Meta.Labels["eks.amazonaws.com/pod-identity"] == "enabled" {
			n++
		}
	}
	return n
}

// fixInjected returns what to do first for a pod without the identity. A restart helps
// only if the service account is right.
func (f *checkInput) fixInjected(problem injection.Problem) string {
	switch {
	case problem.Cause == injection.Overridden:
		return "run `spaces-identity apply --prune`, which deletes the association if this program manages it, then `spaces-identity restart`; or set mode: pod-identity (or both) in the config"
	case problem.Cause == injection.Skipped:
		return "remove the label or annotation that the message names from the pod template"
	case problem.Cause == injection.Preset:
		return "remove the variables that the message names from the pod template"
	case problem.Cause == injection.Audience:
		return "remove the annotation " + identity.AudienceAnnotation + " from the service account at its source, then run `spaces-identity restart`"
	case checkServiceAccount(f).State == Fails:
		return "fix the service account first"
	case f.component.Mode == identity.PodIdentity:
		return "check the association, then run `spaces-identity restart`"
	}
	return "run `spaces-identity restart`; if it does not help, check the pod identity webhook of the cluster"
}

// checkCredentials judges what the processes will use, from what the pod says.
func checkCredentials(f *checkInput) Check {
	return f.eachPod("use the identity", func(p space.Pod) Check {
		use := injection.UseOf(p, f.component)
		switch {
		case use.Wrong != "":
			return failedCheck("remove the variables from the pod template, or correct them", "%s", use.Wrong)
		case injection.PodProblem(p, f.component, f.observed.ServiceAccounts[f.at()]).Cause != injection.NoProblem:
			return failedCheck("fix injected first", "%s", injection.OtherSource(p, f.component))
		case use.Check != "":
			return unknownf("run `"+use.Check+"` and look for AWS variables; verify reads no Secrets and no variables of ConfigMaps, so that this stays unknown", "%s", use.Unread)
		case use.Unread != "":
			return unknownf("check that the volume has no AWS credentials; verify does not read it, so that this stays unknown", "%s", use.Unread)
		}
		return Check{}
	})
}

const (
	httpPort  = 80 // of the EKS Pod Identity agent
	httpsPort = 443
)

// checkNetwork looks for network policies that block what the pods must reach.
func checkNetwork(f *checkInput) Check {
	if err := f.observed.Failure(f.plane.HostNamespace, space.NetworkPolicies); err != nil {
		return unknownCheck(err)
	}
	policies := f.observed.NetworkPolicies[f.plane.HostNamespace]
	return f.eachPod(fmt.Sprintf("may reach AWS, as far as Kubernetes' network policies say (%d)", len(policies)), func(p space.Pod) Check {
		what, to := "STS and S3 (TCP port 443)", space.Endpoint{Port: httpsPort}
		blocking := space.Blocking(policies, p, to)
		if agent, ok := injection.AgentOf(p); len(blocking) == 0 && ok {
			what = fmt.Sprintf("the EKS Pod Identity agent (%s, TCP port %d)", agent, httpPort)
			blocking = space.Blocking(policies, p, space.Endpoint{Address: agent, Port: httpPort})
		}
		if len(blocking) == 0 {
			return Check{}
		}
		return failedCheck("allow the egress in one of the network policies: "+strings.Join(blocking, ", "), "network policies block %s", what)
	})
}

func checkReady(f *checkInput) Check {
	return f.eachPod("run and are ready", func(p space.Pod) Check {
		if p.Ready() {
			return Check{}
		}
		return failedCheck(fmt.Sprintf("run `kubectl describe pod %s -n %s` to see why", p.Meta.Name, p.Meta.Namespace), "the pod is %s and not ready", p.Status.Phase)
	})
}
