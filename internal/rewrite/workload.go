package rewrite

import (
	"cmp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// ServiceAccounts annotates the components' ServiceAccount objects.
type ServiceAccounts struct{ state desired.State }

func (r ServiceAccounts) searchNames() []string { return r.state.ServiceAccounts() }

func (r ServiceAccounts) find(o *object) found {
	c, ok := r.component(o)
	if !ok {
		return found{}
	}
	return site{object: o, kind: ServiceAccountPlace, component: c.Name, path: o.path.Field("metadata", "annotations"),
		values: o.node.Get("metadata", "annotations"), near: o.node.Field("metadata")}.annotate(c)
}

// component returns the component to which a ServiceAccount object belongs.
func (r ServiceAccounts) component(o *object) (desired.Component, bool) {
	if o.kind != "ServiceAccount" || o.group != "" {
		return desired.Component{}, false
	}
	return r.state.ComponentOf(o.name)
}

// in returns the components' ServiceAccounts in documents.
func (r ServiceAccounts) in(docs []*document) []desired.ServiceAccount {
	var all []desired.ServiceAccount
	for _, doc := range docs {
		for _, o := range doc.objects {
			if c, ok := r.component(o); ok {
				all = append(all, desired.ServiceAccount{Component: c.Name, Namespace: o.namespace})
			}
		}
	}
	return all
}

// groupKind is a kind in its API group, which is empty for the core.
type groupKind struct{ group, kind string }

// templatePaths are the paths of the pod templates in the kinds that the program edits.
// A CronWorkflow has no pod template, but a mapping with the same parts.
//
// Source: the API references of Kubernetes, Argo Rollouts, Argo Workflows, OpenKruise,
// OpenShift and Knative Serving.
var templatePaths = map[groupKind][]string{
	{"", "Pod"}:                               nil,
	{"", "PodTemplate"}:                       {"template"},
	{"", "ReplicationController"}:             {"spec", "template"},
	{"apps", "Deployment"}:                    {"spec", "template"},
	{"apps", "StatefulSet"}:                   {"spec", "template"},
	{"apps", "DaemonSet"}:                     {"spec", "template"},
	{"apps", "ReplicaSet"}:                    {"spec", "template"},
	{"extensions", "Deployment"}:              {"spec", "template"},
	{"extensions", "DaemonSet"}:               {"spec", "template"},
	{"extensions", "ReplicaSet"}:              {"spec", "template"},
	{"batch", "Job"}:                          {"spec", "template"},
	{"batch", "CronJob"}:                      {"spec", "jobTemplate", "spec", "template"},
	{"argoproj.io", "Rollout"}:                {"spec", "template"},
	{"argoproj.io", "CronWorkflow"}:           {"spec", "workflowSpec"},
	{"apps.kruise.io", "CloneSet"}:            {"spec", "template"},
	{"apps.kruise.io", "StatefulSet"}:         {"spec", "template"},
	{"apps.kruise.io", "DaemonSet"}:           {"spec", "template"},
	{"apps.openshift.io", "DeploymentConfig"}: {"spec", "template"},
	{"", "DeploymentConfig"}:                  {"spec", "template"},
	{"serving.knative.dev", "Service"}:        {"spec", "template"},
}

// podTemplate is a part of an object from which its pods are created.
type podTemplate struct {
	node     *manifest.Node
	path     identity.Path
	meta     string         // the key of the metadata
	spec     *manifest.Node // has the service account and the volumes
	specPath identity.Path
}

// podTemplates returns the pod templates of an object. A CronWorkflow has one for all
// pods. Its steps may have metadata and a service account of their own.
func (o *object) podTemplates() []podTemplate {
	below, ok := templatePaths[groupKind{o.group, o.kind}]
	node, path := o.node.Get(below...).Resolve(), o.path.Field(below...)
	if !ok || node == nil {
		return nil
	}
	if o.kind != "CronWorkflow" {
		return []podTemplate{{node, path, "metadata", node.Field("spec"), path.Field("spec")}}
	}
	all := []podTemplate{{node, path, "podMetadata", node, path}}
	if defaults := node.Field("templateDefaults"); defaults != nil {
		at := path.Field("templateDefaults")
		all = append(all, podTemplate{defaults, at, "metadata", defaults, at})
	}
	for i, step := range node.Field("templates").Items() {
		at := path.Field("templates").Item(i)
		all = append(all, podTemplate{step, at, "metadata", step, at})
	}
	return all
}

// serviceAccount returns the service account that the pods run as. The field
// serviceAccount is the older name of serviceAccountName.
func (t podTemplate) serviceAccount() string {
	return cmp.Or(t.spec.Text("serviceAccountName"), t.spec.Text("serviceAccount"))
}

// site returns the labels or the annotations of the pods.
func (t podTemplate) site(o *object, field string, kind Place, component string) site {
	return site{object: o, kind: kind, component: component, labels: field == "labels", path: t.path.Field(t.meta, field),
		values: t.node.Get(t.meta, field), near: cmp.Or(t.node.Field(t.meta), t.node)}
}

// PodTemplates labels the pod templates that run as a component's service account.
type PodTemplates struct{ state desired.State }

func (r PodTemplates) searchNames() []string { return r.state.ServiceAccounts() }

func (r PodTemplates) find(o *object) found {
	var all found
	for _, t := range o.podTemplates() {
		if c, ok := r.state.ComponentOf(t.serviceAccount()); ok {
			all.edits = append(all.edits, t.site(o, "labels", PodTemplatePlace, c.Name).edits(c.PodLabels)...)
		}
	}
	return all
}

// Restarts sets the restart annotation. It sets it in pod templates that run as a
// component's service account, and in those that read a ConfigMap or Secret with changed
// embedded values. A chart's own checksum annotations do not change with these values,
// because Helm computes them before it runs a post-renderer.
type Restarts struct {
	state    desired.State
	embedded []embedded
}

// embedded is a ConfigMap or Secret that contains embedded values.
type embedded struct {
	*object
	components []string // of the values
	changed    bool
}

// embeddedIn returns the ConfigMaps and Secrets among the places.
func embeddedIn(places []place) []embedded {
	var all []embedded
	index := map[*object]int{}
	for _, p := range places {
		if p.Place != EmbeddedPlace || p.Outcome == Left || p.Kind != "ConfigMap" && p.Kind != "Secret" {
			continue
		}
		i, ok := index[p.object]
		if !ok {
			i = len(all)
			index[p.object] = i
			all = append(all, embedded{object: p.object})
		}
		all[i].components = append(all[i].components, p.Component)
		all[i].changed = all[i].changed || p.Outcome == Changed
	}
	return all
}

// searchNames returns only the names of changed objects: documents that contain the name
// of a service account were read before.
func (r Restarts) searchNames() []string {
	var texts []string
	for _, e := range r.embedded {
		if e.changed {
			texts = append(texts, e.name)
		}
	}
	return texts
}

func (r Restarts) find(o *object) found {
	var all found
	for _, t := range o.podTemplates() {
		all.edits = append(all.edits, r.restart(o, t)...)
	}
	return all
}

// restart returns the edit of a pod template whose pods must restart.
func (r Restarts) restart(o *object, t podTemplate) []edit {
	var read []string
	changed := false
	for _, e := range r.embedded {
		if o.sharesNamespace(e.object) && e.isReadBy(t.spec) {
			read = append(read, e.components...)
			changed = changed || e.changed
		}
	}
	own, runs := r.state.ComponentOf(t.serviceAccount())
	if !runs && !changed {
		return nil
	}
	depends := slices.DeleteFunc(slices.Clone(r.state.Components), func(c desired.Component) bool {
		return c.Name != own.Name && !slices.Contains(read, c.Name)
	})
	kind, component := PodTemplatePlace, own.Name
	if !runs {
		kind, component = DependentPlace, depends[0].Name
	}
	return []edit{{t.site(o, "annotations", kind, component), desired.RestartAnnotation, desired.RestartValue(depends...)}}
}

// isReadBy reports whether the spec of pods, or anything below it, refers to the ConfigMap
// or Secret: as a volume, as a part of one, or for environment variables.
func (e embedded) isReadBy(spec *manifest.Node) bool {
	for key, child := range spec.Fields {
		reference := strings.TrimSuffix(strings.TrimSuffix(key.Resolve().Value, "Ref"), "Key")
		if strings.EqualFold(reference, e.kind) && (child.Text("name") == e.name || e.kind == "Secret" && child.Text("secretName") == e.name) || e.isReadBy(child) {
			return true
		}
	}
	return slices.ContainsFunc(spec.Items(), e.isReadBy)
}
