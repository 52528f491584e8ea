package verify

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/space"
)

// checkMechanism counts which pods use which mechanism in mode both, names the workloads of
// those that are left to migrate, and says when the mode can change.
func checkMechanism(f *checkInput) Check {
	if f.component.Mode != identity.Both {
		return Check{}
	}
	if err := f.observed.Failure("", space.Pods); err != nil {
		return unknownCheck(err)
	}
	count := map[injection.Source]int{}
	var left []space.Pod
	for _, site := range injection.Sites(*f.observed, f.state) {
		if site.Component.Name != f.component.Name {
			continue
		}
		for _, p := range f.observed.Pods[site.Key()] {
			source := injection.Mechanism(p)
			count[source]++
			if source != injection.PodIdentity {
				left = append(left, p)
			}
		}
	}
	found := fmt.Sprintf("%d use EKS Pod Identity, %d use IRSA, %d use neither", count[injection.PodIdentity], count[injection.WebIdentity], count[injection.InstanceRole])
	switch {
	case len(left) > 0:
		names, commands := replacements(left)
		return warningCheck("run `spaces-identity apply`, which creates the associations, then replace the pods that are left: "+commands,
			"%d pods are left to migrate: %s; left are %s", len(left), found, names)
	case count[injection.PodIdentity] == 0:
		return warningCheck("run `spaces-identity apply`, which creates the associations, and start the component", "the component has no pods, which would show whether they migrate: %s", found)
	}
	return warningCheck("set mode: pod-identity in the config to end the migration", "every pod has migrated: %s", found)
}

// maxNamed is the most namespaces or pods that a text names. Whoever has replaced these
// pods runs verify again, which names the next.
const maxNamed = 10

// replacement is how to replace the pods of one workload, or a pod that none owns. Workloads
// of the same name in several namespaces have one replacement.
type replacement struct {
	object     string // such as "deployments/vector"
	verb       string // of kubectl
	within     string // host namespace of the control plane that has the object; empty if the host cluster has it
	after      string // after the command
	namespaces []string
}

// replacements returns the names of the workloads of pods, and the commands that replace the
// pods.
func replacements(pods []space.Pod) (names, commands string) {
	var all []*replacement
	for _, p := range pods {
		one, namespace := replacementOf(p)
		i := slices.IndexFunc(all, func(r *replacement) bool {
			return r.object == one.object && r.verb == one.verb && r.within == one.within
		})
		if i < 0 {
			i, all = len(all), append(all, &one)
		}
		if !slices.Contains(all[i].namespaces, namespace) {
			all[i].namespaces = append(all[i].namespaces, namespace)
		}
	}
	var texts, lines []string
	for _, r := range all[:min(len(all), maxNamed)] {
		texts = append(texts, r.String())
		lines = append(lines, r.command())
	}
	if more := len(all) - len(texts); more > 0 {
		texts = append(texts, output.Count(more, "more workload"))
	}
	return strings.Join(texts, "; "), strings.Join(lines, ", ")
}

// replacementOf returns how to replace a pod, and the namespace of the command.
func replacementOf(p space.Pod) (r replacement, namespace string) {
	if name, inside, ok := p.SyncedFrom(); ok {
		return replacement{object: "pod/" + name, verb: "delete", within: p.Meta.Namespace}, inside
	}
	if resource, name, ok := p.Workload(); ok {
		return replacement{object: resource.Plural + "/" + name, verb: "rollout restart"}, p.Meta.Namespace
	}
	if p.Owner() == "" {
		return replacement{object: "pod/" + p.Meta.Name, verb: "delete", after: ", then create it again, because nothing owns it"}, p.Meta.Namespace
	}
	return replacement{object: "pod/" + p.Meta.Name, verb: "delete"}, p.Meta.Namespace
}

// String returns the object and its namespaces.
func (r replacement) String() string {
	text := r.object + " in " + strings.Join(r.named(), ", ")
	if more := len(r.namespaces) - maxNamed; more > 0 {
		text += " and " + output.Count(more, "more namespace")
	}
	if r.within != "" {
		text += " inside the control plane of " + r.within
	}
	return text
}

func (r replacement) named() []string { return r.namespaces[:min(len(r.namespaces), maxNamed)] }

// command returns the command that replaces the pods in the namespaces that the text names.
func (r replacement) command() string {
	before := ""
	if r.within != "" {
		before = "with the kubeconfig of the control plane of " + r.within + ", "
	}
	one := fmt.Sprintf("kubectl %s %s -n ", r.verb, r.object)
	if len(r.namespaces) > 1 {
		return fmt.Sprintf("%s`for ns in %s; do %s$ns; done`%s", before, strings.Join(r.named(), " "), one, r.after)
	}
	return fmt.Sprintf("%s`%s%s`%s", before, one, r.namespaces[0], r.after)
}
