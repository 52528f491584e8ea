package restart

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// incurable returns why a restart is of no use, or not wanted, or "".
func (r *runner) incurable(s injection.StaleWorkload) string {
	stuck := s.Workload.Stuck()
	switch {
	case r.excluded(s):
		return s.Reason + "; it is excluded"
	case s.Pod != nil:
		return podReason(*s.Pod, s.Reason)
	case !s.Curable():
		return s.Reason + "; a restart does not fix this, but `spaces-identity verify` shows what does"
	case stuck != "":
		return s.Reason + "; " + stuck + ", so a restart does not replace its pods: " + stuckFix(s.Workload)
	case !s.Annotated && !r.state.HasAdmissionPolicy(s.Component):
		return "a restart would not help yet, because its service account does not have the config's annotations: upgrade the Spaces release through the post-renderer, then run `spaces-identity restart` again"
	}
	return ""
}

func (r *runner) excluded(s injection.StaleWorkload) bool {
	name := s.Workload.Meta.Name
	if s.Pod != nil {
		name = s.Pod.Meta.Name
	}
	return slices.ContainsFunc(r.options.Exclude, func(one string) bool {
		return one == s.Namespace || name != "" && one == s.Namespace+"/"+name
	})
}

// podReason says why a pod is not restarted, and how to replace it.
func podReason(p space.Pod, problem string) string {
	if name, namespace, ok := p.SyncedFrom(); ok {
		return fmt.Sprintf("%s; the pod is a copy of one inside the control plane, where its workload is: with the kubeconfig of the control plane, run `kubectl delete pod %s -n %s`, so that a new pod replaces it",
			problem, name, namespace)
	}
	if owner := p.Owner(); owner != "" {
		return fmt.Sprintf("%s; %s owns the pod, which restart cannot roll: run `kubectl delete pod %s -n %s`, so that a new pod replaces it; if the new pod has the same problem, correct the pod template of %s", problem, owner, p.Meta.Name, p.Meta.Namespace, owner)
	}
	return problem + "; nothing owns the pod, so nothing would replace it: delete it and create it again"
}

func stuckFix(w space.Workload) string {
	if w.Spec.Paused {
		return fmt.Sprintf("run `kubectl rollout resume %s/%s -n %s`, then `spaces-identity restart` again", w.Resource.Plural, w.Meta.Name, w.Meta.Namespace)
	}
	return "delete its pods one by one"
}
