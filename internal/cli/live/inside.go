package live

import (
	"context"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/space"
)

// findInside looks for the namespace inside the control planes that has the service account of
// the component, in the copies that vcluster has made on the host. If it finds none, or
// several, the config leaves it open.
func (i *initial) findInside(ctx context.Context) error {
	from := i.Component.SyncedFrom
	if !i.Component.IsSynced() || from.Namespace != "" || i.hostErr != nil {
		return nil
	}
	copies, err := copiedAccounts(ctx, i.host, desired.Of(i.Spec))
	if err != nil {
		i.Note(fmt.Sprintf("the namespace of %s inside the control planes is not known: %v", from.ServiceAccount, err))
		return context.Cause(ctx)
	}
	var found []identity.SyncedFrom
	for _, group := range output.Group(copies, func(c views.Copy) string { return c.ServiceAccount }) {
		if c := group[0]; slices.ContainsFunc(group, func(c views.Copy) bool { return i.covers(c.HostNamespace) }) {
			from.Namespace, from.VCluster = c.Namespace, identity.VClusterOf(c.ServiceAccount, from.ServiceAccount, c.Namespace)
			found = append(found, from)
		}
	}
	switch {
	case len(found) == 1 && found[0].VCluster != "":
		i.Inside = found[0]
	case len(found) > 0:
		i.Note(fmt.Sprintf("the config does not say where %s is inside the control planes, because the cluster does not show it clearly; `spaces-identity discover` shows its names on the host",
			from.ServiceAccount))
	}
	return nil
}

// covers reports whether the config has a host namespace.
func (i *initial) covers(namespace string) bool {
	return slices.ContainsFunc(i.Found, func(p space.ControlPlane) bool { return p.HostNamespace == namespace }) ||
		desired.SubjectsIn(i.Spec.ControlPlanes).Admits(namespace)
}
