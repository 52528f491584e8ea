package rewrite

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// podTemplates is where each workload kind of Kubernetes keeps its pod template.
var podTemplates = map[string]struct {
	group string
	path  []string
}{
	"Pod":                   {"", nil},
	"PodTemplate":           {"", []string{"template"}},
	"ReplicationController": {"", []string{"spec", "template"}},
	"Deployment":            {"apps", []string{"spec", "template"}},
	"StatefulSet":           {"apps", []string{"spec", "template"}},
	"DaemonSet":             {"apps", []string{"spec", "template"}},
	"ReplicaSet":            {"apps", []string{"spec", "template"}},
	"Job":                   {"batch", []string{"spec", "template"}},
	"CronJob":               {"batch", []string{"spec", "jobTemplate", "spec", "template"}},
}

// podTemplate is the pod template of an object, or nil where it has none.
func (o object) podTemplate() (*manifest.Node, manifest.Path) {
	known, ok := podTemplates[o.kind]
	if !ok || o.group != known.group && o.group != "extensions" {
		return nil, nil
	}
	return o.node.Get(known.path...).Resolve(), o.path.Field(known.path...)
}

// serviceAccountOf is the ServiceAccount a pod template runs as. The field
// serviceAccount is the older name of serviceAccountName.
func serviceAccountOf(template *manifest.Node) string {
	if name := template.Text("spec", "serviceAccountName"); name != "" {
		return name
	}
	return template.Text("spec", "serviceAccount")
}

// podTemplate puts the labels on a pod template that runs as the component's
// ServiceAccount.
func (r *run) podTemplate(o object, c identity.Component) {
	template, path := o.podTemplate()
	if template == nil || serviceAccountOf(template) != c.ServiceAccount || o.immutable() {
		return
	}
	labels := metadataSite(o, template, path, "labels", o.finding(PodTemplatePlace, c.Name))
	for _, key := range slices.Sorted(maps.Keys(c.PodLabels)) {
		r.put(labels, key, c.PodLabels[key])
	}
}

// immutable reports whether Kubernetes refuses a change of the pod template: a
// Job's, unless Helm deletes and makes the Job anew because it is a hook.
func (o object) immutable() bool {
	return o.kind == "Job" && o.node.Get("metadata", "annotations", "helm.sh/hook") == nil
}

const immutableJob = "the pod template of a Job that is no Helm hook cannot change in an upgrade"

// metadataSite is the labels or the annotations of a pod template.
func metadataSite(o object, template *manifest.Node, path manifest.Path, field string, f Finding) site {
	near := template.Field("metadata")
	if near == nil {
		near = template
	}
	return site{
		object: o, finding: f, near: near, label: field == "labels",
		path:   path.Field("metadata", field),
		values: template.Get("metadata", field),
	}
}
