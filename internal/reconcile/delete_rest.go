package reconcile

import (
	"context"
	"slices"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// planAssociations plans the associations of a role's components. It reads each of them,
// because only EKS knows whether one still has the tag.
func (q *roleDeletion) planAssociations(ctx context.Context) error {
	for _, component := range q.components {
		for i, cluster := range q.state.Clusters {
			if cluster.Name == "" || cluster.Region == "" || q.gone[i] {
				continue
			}
			// Under the other names there may be associations of an earlier config.
			for _, name := range slices.Concat(component.Accounts, component.OtherHostAccounts()) {
				a := associationPlan{Reconciler: q.Reconciler, plan: q.plan, record: &associationRecord{}, cluster: cluster, component: component, account: name}
				if err := q.planAssociationsOf(ctx, a); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// planAssociationsOf plans the associations of one service account name in a cluster.
func (q *roleDeletion) planAssociationsOf(ctx context.Context, a associationPlan) error {
	if err := a.list(ctx); err != nil {
		return err
	}
	live, err := a.region().ReadAssociations(ctx, a.cluster.Name, a.listed, a.progress)
	if err != nil {
		return err
	}
	for _, l := range a.listed {
		if found, ok := live[l.ID]; ok {
			q.planAssociation(a, l, found)
		}
	}
	return nil
}

func (q *roleDeletion) planAssociation(a associationPlan, l account.Listed, live desired.Association) {
	c := AssociationChange{Namespace: l.Namespace, ID: l.ID, Role: live.RoleARN}
	managed, same := desired.IsManaged(live.Tags), live.RoleARN == q.role.String()
	named := a.component.Subjects.Names(l.Namespace)
	switch {
	case managed && same && (named || q.Prune):
		c.Action = Remove
		q.plan.add(phaseDisassociate, func(ctx context.Context) error {
			return a.region().DeleteAssociation(ctx, a.cluster.Name, c.ID)
		})
	case managed && same:
		c.Action = Keep
		q.plan.warn(FixPrune, "the association of %s stays, because the config does not name its namespace", a.subject(l.Namespace))
	case named && managed:
		c.Action = Keep
		q.plan.warn("", "the association of %s stays, because it gives another role: %s", a.subject(l.Namespace), live.RoleARN)
	case named || same:
		c.Action = Foreign
		q.plan.warn("", "the association %s of %s stays, because it does not have the tag of this program", l.ID, a.subject(l.Namespace))
	default:
		return // of somebody else, for another role
	}
	if same && c.Action != Remove {
		q.left = append(q.left, "the association of "+a.subject(l.Namespace))
	}
	a.add(c)
}

// planProviders plans the OIDC providers of the clusters. A provider belongs to its cluster,
// so other roles of the account may use it. One that this program did not create stays.
func (d *deletion) planProviders(ctx context.Context) error {
	done := map[string]bool{}
	for _, c := range d.state.Components {
		for _, provider := range d.state.AllProviders(c.Role) {
			if done[provider.ARN] {
				continue
			}
			done[provider.ARN] = true
			if err := d.planProvider(ctx, provider.ARN); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *deletion) planProvider(ctx context.Context, arn string) error {
	live, ok, err := d.IAM.Provider(ctx, arn)
	if account.IsRefused(err) && !d.state.UsesIRSA() { // one that another mode may have left
		return nil
	}
	if err != nil || !ok {
		return err
	}
	change := ProviderChange{ARN: arn, Action: Foreign}
	if desired.IsManaged(live.Tags) {
		users, err := d.usersOf(ctx, arn)
		switch {
		case account.IsRefused(err):
			change.Action = Keep
			d.plan.warn("", "the OIDC provider %s stays, because nothing shows that no other role uses it: %v", arn, err)
		case err != nil:
			return err
		case len(users) > 0:
			change.Action = Keep
			d.plan.warn("", "the OIDC provider %s stays, because these roles use it: %s", arn, shortList(users))
		default:
			change.Action = Remove
			d.plan.add(phaseProviders, func(ctx context.Context) error { return d.deleteProvider(ctx, arn) })
		}
	} else {
		d.plan.warn("", "the OIDC provider %s stays, because it does not have the tag of this program", arn)
	}
	d.plan.Providers = append(d.plan.Providers, change)
	return nil
}

// usersOf returns the roles whose trust policies name a provider after the deletion.
func (d *deletion) usersOf(ctx context.Context, provider string) (users []string, err error) {
	policies, err := d.IAM.TrustPolicies(ctx)
	if err != nil {
		return nil, err
	}
	for role, doc := range d.after {
		policies[role] = string(doc.Compact())
	}
	for _, role := range sortedKeys(policies) {
		if !d.removed[role] && strings.Contains(policies[role], `"`+provider+`"`) {
			users = append(users, role)
		}
	}
	return users, nil
}

// deleteProvider looks for users again, because a role may have been created since the plan.
func (d *deletion) deleteProvider(ctx context.Context, arn string) error {
	users, err := d.usersOf(ctx, arn)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return identity.WithHint("run `spaces-identity delete` again", "the OIDC provider %s is not deleted, because these roles use it by now: %s", arn, shortList(users))
	}
	return d.IAM.DeleteProvider(ctx, arn)
}
