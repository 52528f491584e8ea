package rewrite

import (
	"cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// ServiceAccounts annotates the components' ServiceAccount objects.
type ServiceAccounts struct{ state desired.State }

func (r ServiceAccounts) searchNames() []string { return r.state.ServiceAccounts() }

func (r ServiceAccounts) find(o *object) found {
	all := r.elsewhere(o)
	for _, c := range r.components(o) {
		all = all.plus(site{object: o, kind: ServiceAccountPlace, component: c.Name, path: o.path.Field("metadata", "annotations"),
			values: o.node.Get("metadata", "annotations"), near: o.node.Field("metadata")}.annotate(c))
	}
	return all
}

// components returns the components to which a ServiceAccount object belongs. If there are
// several, they contradict each other unless they want the same.
func (r ServiceAccounts) components(o *object) []desired.Component {
	if o.kind != "ServiceAccount" || o.group != "" {
		return nil
	}
	return r.state.ComponentsOf(o.namespace, o.name)
}

// elsewhere warns of a ServiceAccount that has the name of a component's, but is not in its
// namespace.
func (r ServiceAccounts) elsewhere(o *object) found {
	if o.kind != "ServiceAccount" || o.group != "" || len(r.components(o)) > 0 {
		return found{}
	}
	for _, c := range r.state.Components {
		if c.HasAccount(o.name) {
			return warningf("%s does not get the identity, because %s runs in the namespace %s; if that is wrong, correct components[].namespace", o, c.Name, c.Namespace)
		}
	}
	return found{}
}

// in returns the components' ServiceAccounts in documents.
func (r ServiceAccounts) in(docs []*document) []desired.ServiceAccount {
	var all []desired.ServiceAccount
	for _, doc := range docs {
		for _, o := range doc.objects {
			for _, c := range r.components(o) {
				all = append(all, desired.ServiceAccount{Component: c.Name, Name: o.name, Namespace: o.namespace})
			}
		}
	}
	return all
}

// groupKind is a kind in its API group, which is empty for the core.
type groupKind struct{ group, kind string }

// belowSpec is where most kinds have their pod template.
var belowSpec = []string{"spec", "template"}

// templatePaths are the paths of the pod templates in the kinds that the program edits.
// A CronWorkflow has no pod template, but a mapping with the same parts.
//
// Source: the API references of Kubernetes, Argo Rollouts, Argo Workflows, OpenKruise,
// OpenShift and Knative Serving.
var templatePaths = []struct {
	groupKind
	path []string
}{
	{groupKind{"", "Pod"}, nil},
	{groupKind{"", "PodTemplate"}, []string{"template"}},
	{groupKind{"", "ReplicationController"}, belowSpec},
	{groupKind{"apps", "Deployment"}, belowSpec},
	{groupKind{"apps", "StatefulSet"}, belowSpec},
	{groupKind{"apps", "DaemonSet"}, belowSpec},
	{groupKind{"apps", "ReplicaSet"}, belowSpec},
	{groupKind{"extensions", "Deployment"}, belowSpec},
	{groupKind{"extensions", "DaemonSet"}, belowSpec},
	{groupKind{"extensions", "ReplicaSet"}, belowSpec},
	{groupKind{"batch", "Job"}, belowSpec},
	{groupKind{"batch", "CronJob"}, []string{"spec", "jobTemplate", "spec", "template"}},
	{groupKind{"argoproj.io", "Rollout"}, belowSpec},
	{groupKind{"argoproj.io", "CronWorkflow"}, []string{"spec", "workflowSpec"}},
	{groupKind{"apps.kruise.io", "CloneSet"}, belowSpec},
	{groupKind{"apps.kruise.io", "StatefulSet"}, belowSpec},
	{groupKind{"apps.kruise.io", "DaemonSet"}, belowSpec},
	{groupKind{"apps.openshift.io", "DeploymentConfig"}, belowSpec},
	{groupKind{"", "DeploymentConfig"}, belowSpec},
	{groupKind{"serving.knative.dev", "Service"}, belowSpec},
}

// podTemplate is a part of an object from which its pods are created.
type podTemplate struct {
	node     *manifest.Node
	path     identity.Path
	meta     string         // the key of the metadata
	spec     *manifest.Node // has the service account and the volumes
	specPath identity.Path
}

// podTemplates returns the pod templates of an object. Several rules ask for them.
func (o *object) podTemplates() []podTemplate {
	if !o.searched {
		o.searched, o.templates = true, o.findPodTemplates()
	}
	return o.templates
}

// findPodTemplates returns the pod templates of an object. A CronWorkflow has one for all
// pods. Its steps may have metadata and a service account of their own.
func (o *object) findPodTemplates() []podTemplate {
	for _, kind := range templatePaths {
		if kind.groupKind == (groupKind{o.group, o.kind}) {
			return o.podTemplatesAt(kind.path)
		}
	}
	return nil
}

func (o *object) podTemplatesAt(below []string) []podTemplate {
	node, path := o.node.Get(below...).Resolve(), o.path.Field(below...)
	if node == nil {
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
		for _, c := range r.state.ComponentsOf(o.namespace, t.serviceAccount()) {
			all.edits = append(all.edits, t.site(o, "labels", PodTemplatePlace, c.Name).edits(c.PodLabels)...)
		}
	}
	return all
}
