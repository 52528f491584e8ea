package rewrite

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/manifest"
)

// Restarts sets the restart annotation. It sets it in pod templates that run as a
// component's service account, and in those that read a ConfigMap or Secret with changed
// embedded values. A chart's own checksum annotations do not change with these values,
// because Helm computes them before it runs a post-renderer.
type Restarts struct {
	state    desired.State
	embedded embedded
	values   map[string]string // of the restart annotation, by the names of the components
}

func newRestarts(state desired.State, read embedded) Restarts {
	return Restarts{state, read, map[string]string{}}
}

// value returns the restart annotation of pods that depend on some components.
func (r Restarts) value(depends []desired.Component) string {
	var names strings.Builder
	for _, c := range depends {
		names.WriteString(c.Name + " ")
	}
	value, ok := r.values[names.String()]
	if !ok {
		value = desired.RestartValue(depends...)
		r.values[names.String()] = value
	}
	return value
}

// embedded contains the ConfigMaps and Secrets that contain embedded values, by how pods
// refer to them and by their namespace. A pod template asks for its own references, so a
// render with many of both costs only the sum.
type embedded map[reference]map[string]content

// reference is how pods refer to a ConfigMap or Secret in their namespace.
type reference struct{ kind, name string }

// content is what the ConfigMaps or Secrets under one reference contain.
type content struct {
	components []string
	changed    bool
}

// allNamespaces is the key of what all namespaces contain together.
const allNamespaces = "*"

// embeddedIn returns the ConfigMaps and Secrets among the places.
func embeddedIn(places []place) embedded {
	all := embedded{}
	for _, p := range places {
		if p.Place != EmbeddedPlace || p.Outcome == Left || p.Kind != "ConfigMap" && p.Kind != "Secret" || p.Name == "" {
			continue
		}
		to := reference{p.Kind, p.Name}
		if all[to] == nil {
			all[to] = map[string]content{}
		}
		for _, namespace := range []string{p.Namespace, allNamespaces} {
			all[to][namespace] = all[to][namespace].plus(content{[]string{p.Component}, p.Outcome == Changed})
		}
	}
	return all
}

// markChanged treats everything as changed.
func (e embedded) markChanged() {
	for _, in := range e {
		for namespace, c := range in {
			c.changed = true
			in[namespace] = c
		}
	}
}

// plus returns the content with more components, each once.
func (c content) plus(more content) content {
	for _, component := range more.components {
		if !slices.Contains(c.components, component) {
			c.components = append(c.components, component)
		}
	}
	c.changed = c.changed || more.changed
	return c
}

// readBy returns the content of what the spec of pods refers to. An object without a
// namespace is created in that of the release, which may be any.
func (e embedded) readBy(spec *manifest.Node, namespace string) content {
	var read content
	if len(e) == 0 {
		return read
	}
	eachReference(spec, func(to reference) {
		in := e[to]
		if namespace == "" {
			read = read.plus(in[allNamespaces])
		} else {
			read = read.plus(in[namespace]).plus(in[""])
		}
	})
	return read
}

// eachReference calls yield with each ConfigMap and Secret to which the spec of pods, or
// anything below it, refers: as a volume, as a part of one, or for environment variables.
func eachReference(spec *manifest.Node, yield func(reference)) {
	for key, child := range spec.Fields {
		field := strings.TrimSuffix(strings.TrimSuffix(key.Resolve().Value, "Ref"), "Key")
		switch {
		case strings.EqualFold(field, "ConfigMap"):
			yield(reference{"ConfigMap", child.Text("name")})
		case strings.EqualFold(field, "Secret"):
			yield(reference{"Secret", child.Text("name")})
			yield(reference{"Secret", child.Text("secretName")})
		}
		eachReference(child, yield)
	}
	for _, item := range spec.Items() {
		eachReference(item, yield)
	}
}

// searchNames returns only the names of changed objects: documents that contain the name
// of a service account were read before.
func (r Restarts) searchNames() []string {
	var texts []string
	for to, in := range r.embedded {
		if in[allNamespaces].changed {
			texts = append(texts, to.name)
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
	read := r.embedded.readBy(t.spec, o.namespace)
	own := r.state.ComponentsOf(o.namespace, t.serviceAccount())
	if len(own) == 0 && !read.changed {
		return nil
	}
	depends := own
	if len(read.components) > 0 {
		depends = slices.DeleteFunc(slices.Clone(r.state.Components), func(c desired.Component) bool {
			runs := slices.ContainsFunc(own, func(o desired.Component) bool { return o.Name == c.Name })
			return !runs && !slices.Contains(read.components, c.Name)
		})
	}
	kind, component := DependentPlace, depends[0].Name
	if len(own) > 0 {
		kind, component = PodTemplatePlace, own[0].Name
	}
	return []edit{{t.site(o, "annotations", kind, component), desired.RestartAnnotation, r.value(depends)}}
}
