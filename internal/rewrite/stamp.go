package rewrite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// stampAnnotation is the annotation on a pod template that changes with the
// identity of its pods, so that an upgrade restarts them: credentials are
// injected only when a pod is created.
const stampAnnotation = "spaces-identity.dev/identity"

// stampOf is a short digest of the components' identities.
func stampOf(components []identity.Component) string {
	digest := sha256.New()
	encoder := json.NewEncoder(digest)
	for _, c := range components {
		// These types always encode, and a hash takes every write.
		_ = encoder.Encode([]any{c.Name, c.Mode, c.Role.String(), c.ExtraAnnotations, c.PodLabels})
	}
	return hex.EncodeToString(digest.Sum(nil))[:16]
}

// stamps puts the annotation on the pod templates that run as a component's
// ServiceAccount, and on those that read a ConfigMap or Secret in which a carrier
// was changed: a chart's own checksum annotations do not change with it, because
// Helm computes them before it runs a post-renderer.
func (r *run) stamps() {
	carriers := r.carrierObjects()
	var looked names
	for _, carrier := range carriers {
		if carrier.changed {
			looked = looked.with(carrier.name)
		}
	}
	r.openNaming(looked)
	for _, doc := range r.docs {
		for _, o := range doc.objects {
			r.stampObject(o, carriers)
		}
	}
}

func (r *run) stampObject(o object, carriers []carrierObject) {
	template, path := o.podTemplate()
	if template == nil {
		return
	}
	var read []string
	changed := false
	for _, carrier := range carriers {
		if o.sameNamespace(carrier.object) && carrier.readBy(template) {
			read = append(read, carrier.components...)
			changed = changed || carrier.changed
		}
	}
	runs, depends := r.dependencies(serviceAccountOf(template), read)
	if len(runs) == 0 && !changed {
		return
	}
	finding := o.finding(ReaderPlace, depends[0].Name)
	if len(runs) > 0 {
		finding = o.finding(PodTemplatePlace, runs[0].Name)
	}
	if o.immutable() {
		r.leaveJob(o, template, path, finding)
		return
	}
	r.stamp(metadataSite(o, template, path, "annotations", finding), stampOf(depends))
}

// dependencies are the components that pods of a ServiceAccount are, and beside
// them those whose carriers the pods read, in the config's order.
func (r *run) dependencies(serviceAccount string, read []string) (runs, depends []identity.Component) {
	for _, c := range r.spec.Components {
		if serviceAccount == c.ServiceAccount {
			runs = append(runs, c)
			depends = append(depends, c)
		} else if slices.Contains(read, c.Name) {
			depends = append(depends, c)
		}
	}
	return runs, depends
}

func (r *run) leaveJob(o object, template *manifest.Node, path manifest.Path, f Finding) {
	f.Path, f.Line = path.Field("metadata").String(), o.line(template)
	f.Outcome, f.Reason = Left, immutableJob
	r.note(f)
}

// carrierObject is a ConfigMap or Secret that holds carriers.
type carrierObject struct {
	object
	components []string // whose carriers they are
	changed    bool
}

// carrierObjects are the ConfigMaps and Secrets in which carriers were found.
func (r *run) carrierObjects() []carrierObject {
	byDocument := map[int][]Finding{}
	for _, f := range r.result.Findings {
		if f.Place == CarrierPlace && (f.Outcome == Changed || f.Outcome == Right) {
			byDocument[f.Document] = append(byDocument[f.Document], f)
		}
	}
	var found []carrierObject
	for _, doc := range r.docs {
		for _, o := range doc.objects {
			if carrier := carriersIn(o, byDocument[doc.Number]); len(carrier.components) > 0 {
				found = append(found, carrier)
			}
		}
	}
	return found
}

func carriersIn(o object, findings []Finding) carrierObject {
	carrier := carrierObject{object: o}
	if o.kind != "ConfigMap" && o.kind != "Secret" {
		return carrier
	}
	for _, f := range findings {
		if f.Kind == o.kind && f.Name == o.name && f.Namespace == o.namespace {
			carrier.components = append(carrier.components, f.Component)
			carrier.changed = carrier.changed || f.Outcome == Changed
		}
	}
	return carrier
}

// readBy reports whether a pod template takes the ConfigMap or Secret as a
// volume or as environment.
func (c carrierObject) readBy(template *manifest.Node) bool {
	spec := template.Field("spec")
	for _, volume := range spec.Field("volumes").Items() {
		if c.isVolume(volume) || slices.ContainsFunc(volume.Get("projected", "sources").Items(), c.isVolume) {
			return true
		}
	}
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		if slices.ContainsFunc(spec.Field(list).Items(), c.isEnvironment) {
			return true
		}
	}
	return false
}

// isVolume reports whether a volume, or a source of a projected one, is the
// object.
func (c carrierObject) isVolume(volume *manifest.Node) bool {
	if c.kind == "ConfigMap" {
		return volume.Text("configMap", "name") == c.name
	}
	return volume.Text("secret", "secretName") == c.name || volume.Text("secret", "name") == c.name
}

func (c carrierObject) isEnvironment(container *manifest.Node) bool {
	from, key := "configMapRef", "configMapKeyRef"
	if c.kind == "Secret" {
		from, key = "secretRef", "secretKeyRef"
	}
	return slices.ContainsFunc(container.Field("envFrom").Items(), func(source *manifest.Node) bool {
		return source.Text(from, "name") == c.name
	}) || slices.ContainsFunc(container.Field("env").Items(), func(variable *manifest.Node) bool {
		return variable.Text("valueFrom", key, "name") == c.name
	})
}
