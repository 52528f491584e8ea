package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// PlanDelete plans the removal of what the config names and this program manages, with steps
// in the reverse order of an apply: associations, permissions, statements, the
// role, OIDC providers. Pruning also removes what the program admitted on the clusters of the
// config and the config no longer names.
//
// These stay, with a warning that says why:
//   - what somebody else created, or changed so that it has lost its tag or its name
//   - what another config or cluster wrote into a shared role, and the permissions that it needs
//   - a role that is foreign, or in which anything is left
//   - an OIDC provider that is foreign, or that another role uses
func (r *Reconciler) PlanDelete(ctx context.Context, spec identity.Spec) (*Plan, error) {
	p := &Plan{Identity: r.Caller.ARN, Account: r.Caller.Account, Deletes: true}
	if err := r.checkRoles(spec); err != nil {
		return nil, err
	}
	d := &deletion{Reconciler: r, plan: p, gone: map[int]bool{}, removed: map[string]bool{}, after: map[string]iam.Document{}}
	var err error
	if d.quota, err = r.IAM.TrustPolicyQuota(ctx); err != nil {
		return nil, err
	}
	if spec, err = d.readClusters(ctx, spec); err != nil {
		return nil, err
	}
	d.state = desired.Of(spec)
	if !r.Prune && d.state.Components[0].Subjects.Empty() {
		return nil, desired.ErrNoSubjects
	}
	for i, c := range d.state.Components {
		if slices.ContainsFunc(d.state.Components[:i], func(other desired.Component) bool { return other.Role == c.Role }) {
			continue
		}
		if err := d.planRole(ctx, c.Role); err != nil {
			return nil, err
		}
	}
	return p, d.planProviders(ctx)
}

// deletion plans what is deleted.
type deletion struct {
	*Reconciler
	plan    *Plan
	state   desired.State
	quota   int
	gone    map[int]bool            // clusters that the account does not have, by index
	removed map[string]bool         // ARNs of roles that are deleted
	after   map[string]iam.Document // trust policies of the roles that stay, by ARN
}

// readClusters reads the issuers that the config lacks. A cluster that was deleted has no
// associations any more, but the roles still admit its pods.
func (d *deletion) readClusters(ctx context.Context, spec identity.Spec) (identity.Spec, error) {
	for i, c := range spec.AllClusters() {
		if c.Name == "" || c.Region == "" {
			continue
		}
		found, ok, err := d.Region(c.Region).Cluster(ctx, c.Name)
		switch {
		case account.IsRefused(err) && !c.OIDC.IsZero():
			continue
		case err != nil:
			return spec, err
		case !ok:
			d.gone[i] = true
			if c.OIDC.IsZero() {
				d.plan.warn("", "account %s has no cluster %s in %s, so its issuer is not known, and statements for it stay: set %s.oidcProvider", d.plan.Account, c.Name, c.Region, identity.ClusterKey(i))
			}
			continue
		}
		if spec, err = d.plan.withIssuer(spec, i, c, found.Issuer); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

// roleDeletion plans what is deleted of one role.
type roleDeletion struct {
	*deletion
	role       identity.RoleARN
	components []desired.Component
	change     RoleChange
	attached   *attachmentPlan
	inline     []planStep
	left       []string // why the role stays
}

func (d *deletion) planRole(ctx context.Context, role identity.RoleARN) error {
	q := &roleDeletion{deletion: d, role: role, change: RoleChange{ARN: role.String(), Action: None}}
	for _, c := range d.state.Components {
		if c.Role == role {
			q.components = append(q.components, c)
		}
	}
	if err := q.planAssociations(ctx); err != nil {
		return err
	}
	live, found, there, err := d.readRole(ctx, role)
	if err != nil || !there {
		d.removed[role.String()] = err == nil // it is deleted already
		return err
	}
	trust := d.trustOf(role)
	if err := q.planTrust(live, trust); err != nil {
		return err
	}
	if err := q.planPolicies(ctx, found.Tags); err != nil {
		return err
	}
	if err := q.decide(ctx, found.Tags); err != nil {
		return err
	}
	d.plan.Roles = append(d.plan.Roles, q.change)
	d.plan.add(phaseRoles, func(ctx context.Context) error { return q.run(ctx, trust) })
	return nil
}

// planTrust plans the trust policy. A trust policy cannot be empty, so a role that stays with
// no statement gets one that admits nobody.
func (q *roleDeletion) planTrust(live iam.Document, d trustDeletion) error {
	m := d.merge(live)
	after := d.next(live)
	t := TrustChange{Action: None, Statements: m.Changes, After: after, pruned: m.pruned, Budget: desired.Budget{Used: iam.Length(after), Limit: q.quota}}
	if iam.SameStatements(live, after) {
		t.Statements = slices.DeleteFunc(m.Changes, func(c StatementChange) bool { return c.Action.writes() })
	} else {
		t.Action = Change
	}
	if problems := checkPrincipals(q.role, after); len(problems) > 0 && t.Action.writes() {
		return errors.Join(problems...)
	}
	q.change.Trust = t
	trustJudge{q.state, desired.Role{ARN: q.role, Components: q.components}, m.After}.judge(t.Statements)
	if n := len(m.After.Statement); n > 0 {
		q.left = append(q.left, countOf(n, "statement", "statements")+" of its trust policy")
	}
	for _, s := range t.Statements {
		if len(s.Kept) > 0 && !s.Elsewhere {
			q.plan.warn(FixPrune, "role %s: these namespaces keep access, because the config does not name them: %s", q.role, shortList(namespacesOf(s.Kept)))
		}
	}
	return nil
}

// countOf returns a number with one of two nouns.
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// planPolicies plans the permissions. The policies of a component stay while the role still
// admits its service account, on another cluster or for another config.
func (q *roleDeletion) planPolicies(ctx context.Context, tags map[string]string) error {
	names, err := q.IAM.InlinePolicies(ctx, q.role)
	if err != nil {
		return err
	}
	var own []desired.Component
	for _, c := range q.components {
		if !q.admits(c) {
			own = append(own, c)
		}
	}
	others := 0
	for _, name := range names {
		component := ""
		if i := slices.IndexFunc(q.components, func(c desired.Component) bool { return desired.PolicyName(c.Name) == name }); i >= 0 {
			component = q.components[i].Name
		}
		if !slices.ContainsFunc(own, func(c desired.Component) bool { return desired.PolicyName(c.Name) == name }) {
			if others++; desired.ManagesPolicy(name) {
				q.change.Policies = append(q.change.Policies, PolicyChange{Name: name, Component: component, Action: Keep})
			}
			continue
		}
		q.change.Policies = append(q.change.Policies, PolicyChange{Name: name, Component: component, Action: Remove})
		q.inline = append(q.inline, func(ctx context.Context) error { return q.IAM.DeleteInlinePolicy(ctx, q.role, name) })
	}
	if others > 0 {
		q.left = append(q.left, countOf(others, "other inline policy", "other inline policies"))
	}
	return q.planAttached(ctx, tags, own)
}

func (q *roleDeletion) planAttached(ctx context.Context, tags map[string]string, own []desired.Component) (err error) {
	if q.attached, err = q.newAttachmentPlan(ctx, q.role, tags, own, true); err != nil {
		return err
	}
	q.attached.unasked(true)
	for key := range q.attached.own {
		q.attached.after[key] = nil
	}
	q.change.Attached = q.attached.changes
	if others := len(q.attached.live) - len(q.attached.changes); others > 0 {
		q.left = append(q.left, countOf(others, "other managed policy", "other managed policies"))
	}
	return nil
}

// admits reports whether a statement of this program that stays admits a service account
// of a component, or may admit it.
func (q *roleDeletion) admits(c desired.Component) bool {
	return slices.ContainsFunc(q.change.Trust.After.Statement, func(s iam.Statement) bool {
		isOfComponent := func(account string) bool { return slices.Contains(c.Accounts, account) }
		return desired.Manages(s) && s.Effect == iam.Allow && (!isReadable(s) || slices.ContainsFunc(serviceAccountsOf(s), isOfComponent))
	})
}

// decide decides whether the role is deleted.
func (q *roleDeletion) decide(ctx context.Context, tags map[string]string) error {
	managed := desired.IsManaged(tags)
	if managed && !q.KeepRole && len(q.left) == 0 {
		profiles, err := q.IAM.InstanceProfiles(ctx, q.role)
		if err != nil {
			return err
		}
		if len(profiles) > 0 {
			q.left = append(q.left, "the instance profile "+shortList(profiles))
		}
	}
	switch {
	case !managed:
		q.change.Action = Foreign
		q.plan.warn("", "role %s stays: it does not have the tag of this program", q.role)
	case q.KeepRole:
	case len(q.left) > 0:
		q.plan.warn("", "role %s stays: it has %s", q.role, strings.Join(q.left, ", "))
	default:
		q.change.Action, q.change.Trust.Action = Remove, Remove
		q.removed[q.role.String()] = true
		return nil
	}
	q.after[q.role.String()] = q.change.Trust.After
	q.attached.addRecords(q.plan)
	return nil
}

// run deletes what was planned of the role, in the reverse order of an apply. A role that is
// gone by now needs nothing.
func (q *roleDeletion) run(ctx context.Context, d trustDeletion) error {
	if _, _, there, err := q.readRole(ctx, q.role); err != nil || !there {
		return err
	}
	for _, step := range slices.Concat(q.attached.detaches, q.inline) {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if q.change.Trust.Action.writes() {
		if err := q.writeTrust(ctx, d); err != nil {
			return err
		}
	}
	if q.change.Action != Remove {
		return nil
	}
	return q.deleteRole(ctx)
}

func (q *roleDeletion) writeTrust(ctx context.Context, d trustDeletion) error {
	d.planned = plannedParts(q.change.Trust.pruned)
	writer := trustWriter{Reconciler: q.Reconciler, role: q.role, limit: q.quota, next: d.next}
	var err error
	if q.change.Action == Remove { // nobody can use the role from now on, and deleteRole reads it again
		_, _, err = writer.set(ctx, d.next)
	} else {
		err = writer.write(ctx)
	}
	if errors.Is(err, errUnseen) { // another run has deleted it
		return nil
	}
	return err
}

// deleteRole reads the role again before it deletes it, because another run may have written
// into it since the plan. IAM itself refuses to delete a role that has got another policy.
func (q *roleDeletion) deleteRole(ctx context.Context) error {
	live, found, there, err := q.readRole(ctx, q.role)
	if err != nil || !there {
		return err
	}
	changed := identity.WithHint("run `spaces-identity delete` again, which reads it again", "role %s has changed since the plan, so it is not deleted", q.role)
	if !desired.IsManaged(found.Tags) || slices.ContainsFunc(live.Statement, func(s iam.Statement) bool { return !iam.Same(s, desired.NobodyStatement()) }) {
		return changed
	}
	if err := q.IAM.DeleteRole(ctx, q.role); err != nil {
		if account.IsDeleteConflict(err) {
			return fmt.Errorf("%w: %w", changed, err)
		}
		return err
	}
	return nil
}
