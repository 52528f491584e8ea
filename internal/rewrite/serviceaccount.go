package rewrite

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// serviceAccount puts the annotations on a component's ServiceAccount.
func (r *run) serviceAccount(o object, c identity.Component) {
	if o.kind != "ServiceAccount" || o.group != "" || o.name != c.ServiceAccount {
		return
	}
	r.result.ServiceAccounts = append(r.result.ServiceAccounts, ServiceAccount{c.Name, o.namespace})
	at := site{
		object:  o,
		finding: o.finding(ServiceAccountPlace, c.Name),
		path:    o.path.Field("metadata", "annotations"),
		near:    o.node.Field("metadata"),
		values:  o.node.Get("metadata", "annotations"),
	}
	r.annotate(at, c)
}

// annotate puts a component's annotations into a mapping of them. Where EKS Pod
// Identity alone gives the role, a role annotation that stands is left: the
// association overrides it, and taking it away before there is one would break
// backups.
func (r *run) annotate(at site, c identity.Component) {
	if c.Mode.UsesIRSA() && !c.Role.IsZero() {
		r.put(at, identity.RoleAnnotation, c.Role.String())
	} else if !c.Mode.UsesIRSA() {
		r.leave(at, identity.RoleAnnotation, "in pod-identity mode an association overrides this annotation; `spaces-identity verify` says when it can go")
	}
	for _, key := range slices.Sorted(maps.Keys(c.ExtraAnnotations)) {
		r.put(at, key, c.ExtraAnnotations[key])
	}
	r.seen(at, c)
}

// seen notes that a place is there although nothing is to be written to it, so
// that it does not count as missing.
func (r *run) seen(at site, c identity.Component) {
	if c.Mode.UsesIRSA() && !c.Role.IsZero() || len(c.ExtraAnnotations) > 0 {
		return
	}
	f := at.finding
	f.Path, f.Line = at.path.String(), at.object.line(at.near)
	f.Outcome, f.Reason = Right, "the identity comes by an association; nothing is to be written here"
	r.note(f)
}
