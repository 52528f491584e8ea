package rewrite

import (
	"slices"

	"spaces-identity.dev/internal/identity"
)

// immutablePart is a part of an object that an upgrade cannot change.
type immutablePart struct {
	path identity.Path
	what string
}

// immutableParts returns the parts of an object that an upgrade cannot change.
//
// Source: the API references of Kubernetes, Knative Serving, JobSet and Tekton.
func (o *object) immutableParts() []immutablePart {
	part := func(what string, keys ...string) []immutablePart {
		return []immutablePart{{o.path.Field(keys...), what}}
	}
	if o.isCreatedAgain() {
		return nil
	}
	switch (groupKind{o.group, o.kind}) {
	case groupKind{"", "Pod"}:
		return part("a Pod") // a running pod takes no notice of a label or annotation either
	case groupKind{"batch", "Job"}:
		return part("the pod template of a Job that is not a Helm hook", "spec", "template")
	case groupKind{"apps", "StatefulSet"}:
		return part("a volume claim template", "spec", "volumeClaimTemplates")
	case groupKind{"", "ConfigMap"}, groupKind{"", "Secret"}:
		if !o.node.Field("immutable").Resolve().IsTrue() {
			return nil
		}
		what := "the data of an immutable " + o.kind
		return slices.Concat(part(what, "data"), part(what, "stringData"), part(what, "binaryData"))
	case groupKind{"serving.knative.dev", "Service"}:
		if o.node.Text("spec", "template", "metadata", "name") != "" {
			return part("the template of a Knative revision with a name", "spec", "template")
		}
	case groupKind{"serving.knative.dev", "Revision"}, groupKind{"tekton.dev", "TaskRun"}, groupKind{"tekton.dev", "PipelineRun"}:
		return part("the spec of a "+o.kind, "spec")
	case groupKind{"jobset.x-k8s.io", "JobSet"}:
		return part("the template of a JobSet", "spec", "replicatedJobs")
	}
	return nil
}

// isCreatedAgain reports whether an upgrade creates the object instead of changing it.
// Helm does so with hooks. An object with generateName gets another name each time.
//
// Source: Helm documentation, "Chart Hooks".
func (o *object) isCreatedAgain() bool {
	return o.node.Get("metadata", "annotations", "helm.sh/hook") != nil || o.name == "" && o.node.Text("metadata", "generateName") != ""
}

// immutable returns the part of the object that contains the edit and cannot change.
func (e edit) immutable() (immutablePart, bool) {
	for _, part := range e.object.immutableParts() {
		if part.path.Contains(e.path) {
			return part, true
		}
	}
	return immutablePart{}, false
}

// left returns the finding for an edit that is not made. The metadata of a pod template is
// one place.
func (e edit) left(p place, part immutablePart, options Options) place {
	if e.kind == PodTemplatePlace || e.kind == DependentPlace {
		p = e.object.found(e.kind, e.component, e.path[:len(e.path)-1], e.near)
	}
	if options.OnImmutable == ImmutableEdits {
		return p.because(Left, part.what+" cannot change in an upgrade, so it gets no restart annotation")
	}
	return p.because(Left, part.what+" cannot change in an upgrade: to edit it anyway, set SPACES_IDENTITY_ON_IMMUTABLE=edit from the first install on")
}
