package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// planAssociations compares the associations of a role's components in each cluster. It
// skips clusters without a name or region, which only mode irsa allows. It lists all
// associations first, because the record covers the whole role.
func (r *Reconciler) planAssociations(ctx context.Context, p *Plan, state desired.State, role desired.Role, tags map[string]string) error {
	m := &associationRecord{role: role.ARN, before: tags[recordTag]}
	p.records = append(p.records, m)
	if m.before == "" && len(tags) >= maxRoleTags && len(role.Associations) > 0 {
		p.warn("", "role %s has %d tags, the most that IAM allows: without room for the tag %s, every run reads all associations", role.ARN, len(tags), recordTag)
	}
	var all []associationPlan
	for _, component := range role.Components {
		for _, cluster := range state.Clusters {
			if cluster.Name == "" || cluster.Region == "" {
				continue
			}
			// Under the other names there may be associations of an earlier config.
			for _, name := range slices.Concat(component.Accounts, component.OtherHostAccounts()) {
				a := associationPlan{Reconciler: r, plan: p, state: state, record: m, cluster: cluster, component: component, account: name,
					wanted: wantedIn(role, cluster, component, name)}
				if err := a.list(ctx); err != nil {
					return err
				}
				all = append(all, a)
			}
		}
	}
	for _, a := range all {
		if err := a.compareAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// wantedIn returns the desired associations of a component's service account in a cluster,
// by namespace.
func wantedIn(role desired.Role, cluster identity.Cluster, component desired.Component, name string) map[string]desired.Association {
	wanted := map[string]desired.Association{}
	for _, w := range role.Associations {
		if w.Region == cluster.Region && w.ClusterName == cluster.Name && w.ServiceAccount == name && w.Component == component.Name {
			wanted[w.Namespace] = w
		}
	}
	return wanted
}

// associationPlan compares the associations of one component in one cluster, under one name
// of its service account.
type associationPlan struct {
	*Reconciler
	plan      *Plan
	state     desired.State
	record    *associationRecord
	cluster   identity.Cluster
	component desired.Component
	account   string                         // name of the service account
	wanted    map[string]desired.Association // by namespace
	listed    []account.Listed
}

func (a *associationPlan) region() Region { return a.Region(a.cluster.Region) }

// list lists the associations. A cluster that is not in the account has none.
func (a *associationPlan) list(ctx context.Context) error {
	listed, err := a.region().Associations(ctx, a.cluster.Name, a.account)
	if account.IsMissing(err) && !a.component.Mode.UsesPodIdentity() {
		return nil
	}
	if !a.component.Mode.UsesPodIdentity() && account.IsRefused(err) {
		a.plan.warn("", "associations that override the annotation of %s would not be seen: %v", a.account, err)
		return nil
	}
	a.listed = slices.DeleteFunc(listed, func(l account.Listed) bool { return !a.isOwn(l.Namespace) })
	slices.SortFunc(a.listed, func(x, y account.Listed) int { return strings.Compare(x.Namespace, y.Namespace) })
	for _, l := range a.listed {
		if w, ok := a.wanted[l.Namespace]; ok {
			a.record.listed.named.add(l.ID, w)
		} else {
			a.record.listed.others.add(l.ID, a.other(l))
		}
	}
	return err
}

// isOwn reports whether the service account of a namespace is the component's, and not that
// of another component of the config.
func (a *associationPlan) isOwn(namespace string) bool {
	_, wanted := a.wanted[namespace]
	return wanted || !slices.ContainsFunc(a.state.ComponentsOf(namespace, a.account), func(c desired.Component) bool { return c.Name != a.component.Name })
}

// other returns what the record has of an association that the config does not name.
func (a *associationPlan) other(l account.Listed) desired.Association {
	return desired.Association{Region: a.cluster.Region, ClusterName: a.cluster.Name, Namespace: l.Namespace, ServiceAccount: l.ServiceAccount}
}

// unchanged reports whether the record says that there is nothing to plan for an
// association. Adoption looks for foreign associations, so it reads all.
func (a *associationPlan) unchanged(l account.Listed) bool {
	if !a.SkipUnchanged || a.Adopt {
		return false
	}
	if w, ok := a.wanted[l.Namespace]; ok {
		return a.record.knows(w)
	}
	return a.record.knowsOther(a.other(l))
}

// compareAll reads the associations that may have changed, and plans those that are
// missing.
func (a *associationPlan) compareAll(ctx context.Context) error {
	there := map[string]bool{}
	var unread []account.Listed
	for _, l := range a.listed {
		there[l.Namespace] = true
		if a.unchanged(l) {
			a.plan.Skipped++
			a.settled(l)
			continue
		}
		unread = append(unread, l)
	}
	if err := a.compareRead(ctx, unread); err != nil {
		return err
	}
	for _, ns := range sortedKeys(a.wanted) {
		if w := a.wanted[ns]; !there[ns] {
			a.add(AssociationChange{Action: Create, Namespace: ns, Role: w.RoleARN, wanted: true})
			a.then(w, func(ctx context.Context) (string, error) { return a.create(ctx, w) })
		}
	}
	return nil
}

// compareRead reads associations and compares them.
func (a *associationPlan) compareRead(ctx context.Context, listed []account.Listed) error {
	live, err := a.region().ReadAssociations(ctx, a.cluster.Name, listed, a.progress)
	if err != nil {
		return err
	}
	for _, l := range listed {
		if found, ok := live[l.ID]; ok {
			a.compare(l, found)
		}
	}
	return nil
}

// settled adds an association to the record: there is nothing to plan for it.
func (a *associationPlan) settled(l account.Listed) {
	w, named := a.wanted[l.Namespace]
	if !named {
		a.record.now.others.add(l.ID, a.other(l))
		return
	}
	a.plan.UpToDate++
	a.record.now.named.add(l.ID, w)
}

// compare plans what to do with an association. EKS allows one association for each
// service account, so a foreign one can block the desired one.
func (a *associationPlan) compare(l account.Listed, live desired.Association) {
	w, named := a.wanted[l.Namespace]
	managed := desired.IsManaged(live.Tags)
	c := AssociationChange{Namespace: l.Namespace, ID: l.ID, Role: live.RoleARN, wanted: named}
	if !named {
		a.unnamed(l, c, managed)
		return
	}
	if !managed {
		live.Tags = w.Tags
	}
	c.Elements = associationElements(live, w)
	switch {
	case managed && len(c.Elements) == 0:
		a.settled(l)
		return
	case managed:
		c.Action = Change
		a.then(w, func(ctx context.Context) (string, error) { return l.ID, a.change(ctx, l.ID, live, w, c.Elements) })
	case len(c.Elements) == 0 && a.Adopt:
		c.Action = Adopt
		a.then(w, func(ctx context.Context) (string, error) { return l.ID, a.change(ctx, l.ID, live, w, []string{"tags"}) })
	case len(c.Elements) == 0:
		c.Action = Foreign
		a.settled(l)
	default:
		c.Action = Foreign
		a.plan.Blocked = append(a.plan.Blocked, fmt.Sprintf("the foreign association %s gives %s the role %s, and differs in %s: its owner must change or remove it",
			l.ID, a.subject(l.Namespace), live.RoleARN, strings.Join(c.Elements, ", ")))
	}
	a.add(c)
}

// unnamed plans for an association whose namespace the config does not name.
func (a *associationPlan) unnamed(l account.Listed, c AssociationChange, managed bool) {
	switch {
	case managed && a.Prune:
		c.Action = Remove
		a.plan.add(phaseDisassociate, func(ctx context.Context) error {
			return a.region().DeleteAssociation(ctx, a.cluster.Name, c.ID)
		})
	case managed:
		c.Action = Keep
	case a.component.Mode.UsesIRSA() && a.component.HasAccount(a.account) && a.component.Subjects.Admits(c.Namespace):
		c.Action = Foreign
		a.plan.warn("", "the foreign association %s gives %s the role %s: EKS uses the association and ignores the annotation", c.ID, a.subject(c.Namespace), c.Role)
	default: // foreign, and for another purpose
		a.settled(l)
		return
	}
	a.add(c)
}

func (a *associationPlan) subject(namespace string) string {
	return fmt.Sprintf("%s/%s in cluster %s (%s)", namespace, a.account, a.cluster.Name, a.cluster.Region)
}

func (a *associationPlan) add(c AssociationChange) {
	c.Cluster, c.Region, c.ServiceAccount = a.cluster.Name, a.cluster.Region, a.account
	a.plan.Associations = append(a.plan.Associations, c)
}

// then adds the step that writes an association and adds it to the record. If write returns
// no ID, the record omits the association, and the next plan compares it.
func (a *associationPlan) then(w desired.Association, write func(context.Context) (id string, err error)) {
	a.plan.add(phaseAssociate, func(ctx context.Context) error {
		id, err := write(ctx)
		if err == nil && id != "" {
			a.record.now.named.add(id, w)
		}
		return err
	})
}

// create creates an association. It retries if EKS cannot see a new role yet. If another
// run has created the association, the next plan compares it.
func (a *associationPlan) create(ctx context.Context, w desired.Association) (id string, err error) {
	err = retry(ctx, visibilityAttempts, account.IsUnseen, func() error {
		id, err = a.region().CreateAssociation(ctx, w)
		return err
	})
	return id, unlessExists(err)
}

// change writes the elements of an association that differ. It retries if EKS cannot see a
// new role yet.
func (a *associationPlan) change(ctx context.Context, id string, live, w desired.Association, elements []string) error {
	if slices.ContainsFunc(elements, func(e string) bool { return e != "tags" }) {
		update := func() error { return a.region().UpdateAssociation(ctx, id, live, w) }
		if err := retry(ctx, visibilityAttempts, account.IsUnseen, update); err != nil {
			return err
		}
	}
	if slices.Contains(elements, "tags") {
		return a.region().TagAssociation(ctx, a.cluster.Name, id, w.Tags)
	}
	return nil
}

// associationElements returns the fields of the EKS API that differ. It ignores tags
// that the config does not name.
func associationElements(live, wanted desired.Association) []string {
	elements := live.Differences(wanted)
	if len(missingTags(live.Tags, wanted.Tags)) > 0 {
		elements = append(elements, "tags")
	}
	return elements
}
