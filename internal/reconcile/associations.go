package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// planAssociations compares the associations of each role's components in each
// cluster. A cluster without a name or a region in the config has none: that is
// mode irsa.
func (r *Reconciler) planAssociations(ctx context.Context, p *Plan, spec identity.Spec, tags map[string]map[string]string) error {
	for _, role := range p.Roles {
		books := &fingerprint{role: role.wanted.arn, before: tags[role.ARN][tagSeen]}
		audits, err := r.audits(ctx, p, spec, role.wanted, books)
		if err != nil {
			return err
		}
		for _, a := range audits {
			if err := a.audit(ctx); err != nil {
				return err
			}
		}
		p.books = append(p.books, books)
	}
	return nil
}

// audits list what is there, for all of a role: its fingerprint is over them all.
func (r *Reconciler) audits(ctx context.Context, p *Plan, spec identity.Spec, role wantedRole, books *fingerprint) ([]auditor, error) {
	var out []auditor
	for _, c := range role.parts {
		wanted, err := wantedAssociations(spec, c)
		if err != nil {
			return nil, err
		}
		for _, cluster := range spec.AllClusters() {
			if cluster.Name == "" || cluster.Region == "" {
				continue
			}
			a := auditor{r: r, plan: p, books: books, cluster: cluster, component: c, subjects: subjectsOf(spec), wanted: map[string]iam.Association{}}
			for _, w := range wanted {
				if w.ClusterName == cluster.Name {
					a.wanted[w.Namespace] = w
				}
			}
			if err := a.list(ctx); err != nil {
				return nil, err
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// auditor compares the associations of one component in one cluster.
type auditor struct {
	r         *Reconciler
	plan      *Plan
	books     *fingerprint
	cluster   identity.Cluster
	component identity.Component
	subjects  iam.Subjects
	wanted    map[string]iam.Association // by namespace
	listed    []account.Listed
}

// list lists the associations; a cluster that is not in the account has none.
func (a *auditor) list(ctx context.Context) error {
	listed, err := a.r.Region(a.cluster.Region).Associations(ctx, a.cluster.Name, a.component.ServiceAccount)
	if account.IsMissing(err) && !a.component.Mode.UsesPodIdentity() {
		return nil
	}
	a.listed = listed
	slices.SortFunc(a.listed, func(x, y account.Listed) int { return strings.Compare(x.Namespace, y.Namespace) })
	for _, l := range a.listed {
		if w, ok := a.wanted[l.Namespace]; ok {
			a.books.expect(l.ID, w)
		}
	}
	return err
}

// audit reads the associations that must be read and adds what is missing.
func (a auditor) audit(ctx context.Context) error {
	there := map[string]bool{}
	var unread []account.Listed
	for _, l := range a.listed {
		there[l.Namespace] = true
		if w, ok := a.wanted[l.Namespace]; ok && !a.r.ReadAll && a.books.known(w) {
			a.plan.InStep++
			a.books.keep(l.ID, w)
			continue
		}
		unread = append(unread, l)
	}
	for done, l := range unread {
		if err := a.compare(ctx, l); err != nil {
			return err
		}
		a.r.progress(done+1, len(unread))
	}
	for _, ns := range slices.Sorted(maps.Keys(a.wanted)) {
		if !there[ns] {
			a.add(AssociationChange{Action: Create, Namespace: ns, wanted: a.wanted[ns]})
		}
	}
	return nil
}

// compare reads an association and says what is to be done with it.
func (a auditor) compare(ctx context.Context, l account.Listed) error {
	if err := a.r.pace(ctx); err != nil {
		return err
	}
	live, ok, err := a.r.Region(a.cluster.Region).Association(ctx, a.cluster.Name, l.ID)
	if err != nil || !ok {
		return err
	}
	w, named := a.wanted[l.Namespace]
	own := live.Tags[TagOwner] == Owner
	c := AssociationChange{Namespace: l.Namespace, ID: l.ID, Role: live.RoleARN, wanted: w}
	switch {
	case !named:
		a.unnamed(c, l, own)
	case own:
		a.ours(c, live)
	default:
		a.strangers(c, live)
	}
	return nil
}

// unnamed is an association whose namespace the config does not name.
func (a auditor) unnamed(c AssociationChange, l account.Listed, own bool) {
	c.Action = Keep
	switch {
	case own && a.r.Prune:
		c.Action = Remove
	case !own && !a.overrides(l):
		return // another's, for another purpose
	case !own:
		c.Action = Foreign
	}
	a.add(c)
}

// overrides reports whether an association wins over the annotation of a service
// account that is to have the role by IRSA.
func (a auditor) overrides(l account.Listed) bool {
	return a.component.Mode.UsesIRSA() && a.subjects.Admits(l.Namespace)
}

func (a auditor) ours(c AssociationChange, live iam.Association) {
	c.Elements = associationElements(live, c.wanted)
	c.Action = Change
	if len(c.Elements) == 0 {
		a.plan.InStep++
		a.books.keep(c.ID, c.wanted)
		return
	}
	a.add(c)
}

// strangers is another's association in a place where ours should be. EKS takes
// one for each service account.
func (a auditor) strangers(c AssociationChange, live iam.Association) {
	live.Tags = c.wanted.Tags
	c.Elements = associationElements(live, c.wanted)
	c.Action = Foreign
	if len(c.Elements) == 0 && a.r.Adopt {
		c.Action = Adopt
	}
	if len(c.Elements) == 0 && !a.r.Adopt {
		a.plan.InStep++
	}
	a.add(c)
}

func (a auditor) add(c AssociationChange) {
	c.Cluster, c.Region, c.ServiceAccount = a.cluster.Name, a.cluster.Region, a.component.ServiceAccount
	if c.Role == "" {
		c.Role = a.component.Role.String()
	}
	a.plan.Associations = append(a.plan.Associations, c)
	where := fmt.Sprintf("%s/%s in cluster %s", c.Namespace, c.ServiceAccount, c.Cluster)
	switch {
	case c.Action == Foreign && c.wanted.Namespace == "":
		a.plan.Warnings = append(a.plan.Warnings, fmt.Sprintf("association %s of %s gives it the role %s and is not this program's: EKS prefers it to the annotation, silently",
			c.ID, where, c.Role))
	case c.Action == Foreign && len(c.Elements) > 0:
		a.plan.Blocked = append(a.plan.Blocked, fmt.Sprintf("association %s of %s is not this program's and gives the role %s: its owner must remove or change it (%s)",
			c.ID, where, c.Role, strings.Join(c.Elements, ", ")))
	}
}

// associationElements names what differs, in the API's words. Tags beside the
// wanted ones are nobody's harm.
func associationElements(live, wanted iam.Association) []string {
	var out []string
	differ := func(name string, differs bool) {
		if differs {
			out = append(out, name)
		}
	}
	differ("roleArn", live.RoleARN != wanted.RoleARN)
	differ("targetRoleArn", live.TargetRoleARN != wanted.TargetRoleARN)
	differ("disableSessionTags", live.DisableSessionTags != wanted.DisableSessionTags)
	differ("policy", live.Policy != wanted.Policy)
	for key, value := range wanted.Tags {
		if live.Tags[key] != value {
			differ("tags", true)
			break
		}
	}
	return out
}
