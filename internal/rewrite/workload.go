package rewrite

import (
	"cmp"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// ServiceAccounts annotates the components' ServiceAccount objects.
type ServiceAccounts struct{ state desired.State }

func (r ServiceAccounts) searchNames() []string {
	var texts []string
	for _, c := range r.state.Components {
		texts = append(texts, c.ServiceAccount)
	}
	return texts
}

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
	return r.runningAs(o.name)
}

// runningAs returns the component that runs as a service account.
func (r ServiceAccounts) runningAs(serviceAccount string) (desired.Component, bool) {
	i := slices.IndexFunc(r.state.Components, func(c desired.Component) bool { return c.ServiceAccount == serviceAccount })
	if i < 0 {
		return desired.Component{}, false
	}
	return r.state.Components[i], true
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

// podTemplates are the paths of the pod templates of Kubernetes' workload kinds.
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

// podTemplate returns the pod template of an object, or nil if it has none.
func (o *object) podTemplate() (*manifest.Node, identity.Path) {
	known, ok := podTemplates[o.kind]
	if !ok || o.group != known.group && o.group != "extensions" {
		return nil, nil
	}
	return o.node.Get(known.path...).Resolve(), o.path.Field(known.path...)
}

// serviceAccountOf returns the service account that a pod template runs as. The
// field serviceAccount is the older name of serviceAccountName.
func serviceAccountOf(template *manifest.Node) string {
	return cmp.Or(template.Text("spec", "serviceAccountName"), template.Text("spec", "serviceAccount"))
}

// PodTemplates labels the pod templates that run as a component's service account.
type PodTemplates struct{ state desired.State }

func (r PodTemplates) searchNames() []string { return ServiceAccounts(r).searchNames() }

func (r PodTemplates) find(o *object) found {
	template, path := o.podTemplate()
	if template == nil {
		return found{}
	}
	c, ok := ServiceAccounts(r).runningAs(serviceAccountOf(template))
	if !ok {
		return found{}
	}
	return found{edits: o.templateSite(template, path, "labels", PodTemplatePlace, c.Name).edits(c.PodLabels)}
}

// templateSite returns the labels or the annotations of a pod template.
func (o *object) templateSite(template *manifest.Node, path identity.Path, field string, kind Place, component string) site {
	near := template.Field("metadata")
	if near == nil {
		near = template
	}
	return site{object: o, kind: kind, component: component, labels: field == "labels", path: path.Field("metadata", field),
		values: template.Get("metadata", field), near: near}
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
	template, path := o.podTemplate()
	if template == nil {
		return found{}
	}
	var read []string
	changed := false
	for _, e := range r.embedded {
		if o.sharesNamespace(e.object) && e.isReadBy(template) {
			read = append(read, e.components...)
			changed = changed || e.changed
		}
	}
	own, runs := ServiceAccounts{r.state}.runningAs(serviceAccountOf(template))
	if !runs && !changed {
		return found{}
	}
	depends := slices.DeleteFunc(slices.Clone(r.state.Components), func(c desired.Component) bool {
		return c.Name != own.Name && !slices.Contains(read, c.Name)
	})
	kind, component := PodTemplatePlace, own.Name
	if !runs {
		kind, component = DependentPlace, depends[0].Name
	}
	at := o.templateSite(template, path, "annotations", kind, component)
	return found{edits: []edit{{at, desired.RestartAnnotation, desired.RestartValue(depends...)}}}
}

// isReadBy reports whether a pod template uses the ConfigMap or Secret as a volume or for
// environment variables.
func (e embedded) isReadBy(template *manifest.Node) bool {
	spec := template.Field("spec")
	for _, volume := range spec.Field("volumes").Items() {
		if e.isVolume(volume) || slices.ContainsFunc(volume.Get("projected", "sources").Items(), e.isVolume) {
			return true
		}
	}
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		if slices.ContainsFunc(spec.Field(list).Items(), e.isEnvironment) {
			return true
		}
	}
	return false
}

// isVolume reports whether a volume, or a source of a projected volume, is the object.
func (e embedded) isVolume(volume *manifest.Node) bool {
	if e.kind == "ConfigMap" {
		return volume.Text("configMap", "name") == e.name
	}
	return volume.Text("secret", "secretName") == e.name || volume.Text("secret", "name") == e.name
}

// isEnvironment reports whether environment variables of a container come from the object.
func (e embedded) isEnvironment(container *manifest.Node) bool {
	from, key := "configMapRef", "configMapKeyRef"
	if e.kind == "Secret" {
		from, key = "secretRef", "secretKeyRef"
	}
	return slices.ContainsFunc(container.Field("envFrom").Items(), func(source *manifest.Node) bool {
		return source.Text(from, "name") == e.name
	}) || slices.ContainsFunc(container.Field("env").Items(), func(variable *manifest.Node) bool {
		return variable.Text("valueFrom", key, "name") == e.name
	})
}
