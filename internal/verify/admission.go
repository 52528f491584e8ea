package verify

import (
	"context"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// readPolicies reads the names of the admission policies and bindings, where the
// config asks for them.
func (o *Observed) readPolicies(ctx context.Context, client *space.Client) error {
	if o.spec.AdmissionPolicy == identity.NoAdmissionPolicy {
		return nil
	}
	for kind, resource := range map[string]space.Resource{export.PolicyKind: space.AdmissionPolicies, export.BindingKind: space.AdmissionBindings} {
		err := list(ctx, o, client, resource, space.Query{}, nil, func(p space.Namespace) { o.policies[kind+" "+p.Meta.Name] = true })
		if err != nil {
			return err
		}
	}
	return nil
}

// admission is the check that the cluster has the policies of a component: none
// unless the config asks for them.
func (o *Observed) admission(spec identity.Spec, c identity.Component) []Check {
	if spec.AdmissionPolicy == identity.NoAdmissionPolicy {
		return nil
	}
	if err := o.cannot("", space.AdmissionPolicies, space.AdmissionBindings); err != nil && err.NotServed() {
		return []Check{fails(AdmissionPolicy, "upgrade the cluster to Kubernetes 1.36, or deliver through the chart's values alone (delivery.admissionPolicy: false)",
			"the cluster does not serve %s v1: it is older than Kubernetes 1.36", export.PolicyKind)}
	} else if err != nil {
		return []Check{unknown(AdmissionPolicy, err)}
	}
	spec.Components = []identity.Component{c}
	objects, err := export.AdmissionPolicies(desired.Of(spec))
	if err != nil {
		return []Check{unknown(AdmissionPolicy, err)}
	}
	for _, object := range objects {
		if !o.policies[object.Kind+" "+object.Name] {
			return []Check{fails(AdmissionPolicy, "upgrade the Spaces release through the post-renderer, or run `spaces-identity policy admission | kubectl apply -f -`",
				"the cluster has no %s %s", object.Kind, object.Name)}
		}
	}
	if len(objects) == 0 {
		return nil
	}
	return []Check{ok(AdmissionPolicy, "in place")}
}

// wantedAnnotations are those of a component's ServiceAccounts.
func wantedAnnotations(c identity.Component) map[string]string {
	spec, _ := identity.New(identity.Settings{Components: []identity.Component{c}})
	return desired.Of(spec).Components[0].Annotations
}
