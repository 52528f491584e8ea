package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// readRole reads a role and its trust policy; ok is false if there is none.
func (r *Reconciler) readRole(ctx context.Context, arn identity.RoleARN) (trust iam.Document, found account.Role, ok bool, err error) {
	found, ok, err = r.IAM.Role(ctx, arn)
	if err != nil || !ok {
		return trust, found, false, err
	}
	if found.ARN != arn.String() {
		return trust, found, false, identity.WithHint("write roleARN: "+found.ARN, "role %s has the ARN %s in AWS", arn, found.ARN)
	}
	if trust, err = iam.Parse([]byte(found.TrustPolicy)); err != nil {
		return trust, found, false, fmt.Errorf("the trust policy of %s cannot be parsed, so it is not changed: %w", arn, err)
	}
	return trust, found, true, nil
}

// planRole compares a role with the desired one, and returns its tags.
func (r *Reconciler) planRole(ctx context.Context, p *Plan, state desired.State, want desired.Role, quota int) (map[string]string, error) {
	live, found, there, err := r.readRole(ctx, want.ARN)
	if err != nil {
		return nil, err
	}
	change := RoleChange{ARN: want.ARN.String(), Action: Foreign}
	switch {
	case !there:
		change.Action = Create
	case desired.IsManaged(found.Tags):
		change.Action = None
	case r.Adopt:
		change.Action = Adopt
	}
	if err := r.planSettings(ctx, &change, found, want); err != nil {
		return nil, err
	}
	change.Trust = r.planTrust(live, want.TrustPolicy)
	trustJudge{state, want, change.Trust.After}.judge(change.Trust.Statements)
	change.Trust.Budget, err = roleBudget(state, want, change.Trust.After, quota)
	stale := checkPrincipals(want.ARN, change.Trust.After)
	if err = errors.Join(append(stale, err)...); err != nil && change.Trust.Action.writes() {
		return nil, err
	}
	for _, problem := range stale {
		p.warn("", "%v", problem)
	}
	policies, err := r.planPolicies(ctx, want, there)
	if err != nil {
		return nil, err
	}
	change.Policies = policies.changes
	attached, err := r.planAttachments(ctx, p, want, found.Tags, there)
	if err != nil {
		return nil, err
	}
	change.Attached = attached.changes
	p.Roles = append(p.Roles, change)
	p.add(phaseRoles, func(ctx context.Context) error {
		return r.changeRole(ctx, change, want, attached.around(policies.steps()))
	})
	return found.Tags, nil
}

// checkBudgets returns an error for each role whose desired policy alone is too long.
func checkBudgets(state desired.State, roles []desired.Role, quota int) error {
	var problems []error
	for _, role := range roles {
		_, err := roleBudget(state, role, role.TrustPolicy, quota)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// roleBudget compares the length of a trust policy with the account's quota. If it is too
// long, the error lists ways to shorten it.
func roleBudget(state desired.State, role desired.Role, trust iam.Document, quota int) (desired.Budget, error) {
	b, err := state.BudgetOf(role.Components[0], trust, quota)
	if err == nil && b.Err() != nil {
		err = &QuotaError{role.ARN, b}
	}
	return b, err
}

// QuotaError is the error if a trust policy would be longer than the account allows.
type QuotaError struct {
	Role   identity.RoleARN
	Budget desired.Budget
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("role %s, with the account's quota: %v", e.Role, e.Budget.Err())
}

func (r *Reconciler) planTrust(live, want iam.Document) TrustChange {
	m := mergeTrust(live, want, mergeOptions{adopt: r.Adopt, prune: r.Prune})
	t := TrustChange{Action: None, Statements: m.Changes, After: m.After, pruned: m.pruned}
	switch {
	case len(live.Statement) == 0:
		t.Action = Create
	case anyWrites(m.Changes):
		t.Action = Change
	}
	return t
}

// changeRole creates or changes a role. If both permissions and subjects change, it
// removes subjects first, then changes the permissions, then adds subjects.
func (r *Reconciler) changeRole(ctx context.Context, c RoleChange, want desired.Role, policies []planStep) error {
	trust := r.trustWriter(c, want)
	switch {
	case c.Action == Create:
		// The new role has no permissions yet. If another run has created it, it is changed.
		err := r.IAM.CreateRole(ctx, account.NewRole{ARN: want.ARN, TrustPolicy: string(c.Trust.After.Compact()),
			Description: "Workload identity of Upbound Spaces control planes", Tags: want.Tags,
			Boundary: want.Boundary.String(), MaxSession: want.MaxSessionDuration})
		if err := unlessExists(err); err != nil {
			return err
		}
	case len(policies) > 0:
		if err := trust.narrow(ctx); err != nil {
			return err
		}
	}
	if err := r.changeSettings(ctx, c, want); err != nil {
		return err
	}
	for _, run := range policies {
		if err := retry(ctx, visibilityAttempts, account.IsMissing, func() error { return run(ctx) }); err != nil {
			return err
		}
	}
	if c.Trust.Action.writes() {
		if err := trust.write(ctx); err != nil {
			return err
		}
	}
	if c.Action == Adopt || changesTags(c) {
		return r.IAM.TagRole(ctx, want.ARN, want.Tags)
	}
	return nil
}

// policyPlan compares the inline policies of a role.
type policyPlan struct {
	*Reconciler
	role                  identity.RoleARN
	live                  map[string]iam.Document // policies that may be managed and are not compared yet, by name
	changes               []PolicyChange
	removals, puts, moves []planStep
}

// steps returns the steps in order. The last ones remove adopted policies, after other
// steps have written their successors.
func (p *policyPlan) steps() []planStep { return slices.Concat(p.removals, p.puts, p.moves) }

func (r *Reconciler) planPolicies(ctx context.Context, want desired.Role, there bool) (*policyPlan, error) {
	p := &policyPlan{Reconciler: r, role: want.ARN, live: map[string]iam.Document{}}
	if there {
		if err := p.read(ctx, want.Components); err != nil {
			return nil, err
		}
	}
	for _, policy := range want.Policies {
		p.compare(policy)
	}
	for _, c := range want.Components {
		if !c.HasPermissions() {
			p.unasked(desired.PolicyName(c.Name), c.Name, r.Prune)
		}
	}
	delete(p.live, desired.ReadmePolicyName) // not adopted, so it is foreign
	for _, name := range sortedKeys(p.live) {
		p.unasked(name, "", false)
	}
	return p, nil
}

// read reads the policies whose names this version or an earlier one uses.
func (p *policyPlan) read(ctx context.Context, components []desired.Component) error {
	names, err := p.IAM.InlinePolicies(ctx, p.role)
	if err != nil {
		return err
	}
	for _, name := range names {
		former := name == desired.ReadmePolicyName || slices.ContainsFunc(components, func(c desired.Component) bool { return name == desired.FormerPolicyName(c.Name) })
		if !former && !desired.ManagesPolicy(name) {
			continue
		}
		text, ok, err := p.IAM.InlinePolicy(ctx, p.role, name)
		if err != nil {
			return err
		}
		if ok {
			p.live[name], _ = iam.Parse([]byte(text)) // one that cannot be parsed counts as empty, and is replaced
		}
	}
	return nil
}

// compare compares a desired policy with the live one of the same name. It also finds
// policies that earlier versions wrote for the component.
func (p *policyPlan) compare(want desired.Policy) {
	live, there := p.live[want.Name]
	c := PolicyChange{Name: want.Name, Component: want.Component, Action: Create, Statements: comparePolicies(live, want.Document), After: want.Document}
	switch {
	case there && !anyWrites(c.Statements):
		c.Action = None
	case there:
		c.Action = Change
	}
	delete(p.live, want.Name)
	p.changes = append(p.changes, c)
	for _, name := range []string{desired.FormerPolicyName(want.Component), desired.ReadmePolicyName} {
		former, there := p.live[name]
		same := iam.SameStatements(former, want.Document)
		if !there || name == desired.ReadmePolicyName && !(same && former.Version == want.Document.Version) {
			continue
		}
		delete(p.live, name)
		c := PolicyChange{Name: name, Component: want.Component, Action: Keep, Successor: want.Name}
		if p.Adopt {
			c.Action, c.Statements = Adopt, comparePolicies(former, want.Document)
			if !same { // otherwise the role would briefly have both sets of permissions
				p.puts = append(p.puts, p.put(name, want.Document))
			}
			p.moves = append(p.moves, p.remove(name))
		}
		p.changes = append(p.changes, c)
	}
	if c.Action.writes() {
		p.puts = append(p.puts, p.put(want.Name, want.Document))
	}
}

// unasked keeps or removes a policy that the config does not ask for.
func (p *policyPlan) unasked(name, component string, prune bool) {
	live, there := p.live[name]
	if !there {
		return
	}
	delete(p.live, name)
	c := PolicyChange{Name: name, Component: component, Action: Keep, After: live}
	if prune {
		c.Action, c.Statements, c.After = Remove, comparePolicies(live, iam.Document{}), iam.Document{}
		p.removals = append(p.removals, p.remove(name))
	}
	p.changes = append(p.changes, c)
}

func (p *policyPlan) put(name string, doc iam.Document) planStep {
	return func(ctx context.Context) error {
		return p.IAM.SetInlinePolicy(ctx, p.role, name, string(doc.Compact()))
	}
}

func (p *policyPlan) remove(name string) planStep {
	return func(ctx context.Context) error { return p.IAM.DeleteInlinePolicy(ctx, p.role, name) }
}

// comparePolicies returns what changes if one policy replaces another, by Sid.
func comparePolicies(live, want iam.Document) []StatementChange {
	var out []StatementChange
	for i, s := range want.Statement {
		c := StatementChange{Sid: s.Sid, Place: i + 1, Action: Create}
		before, ok := bySid(live, s.Sid)
		c.Gained, c.Lost = subtract(s.Lines(), before.Lines()), subtract(before.Lines(), s.Lines())
		if ok {
			c.Action, c.Elements = None, iam.Differences(before, s)
			if len(c.Elements) > 0 {
				c.Action = Change
			}
		}
		out = append(out, c)
	}
	for i, s := range live.Statement {
		if _, ok := bySid(want, s.Sid); !ok {
			out = append(out, StatementChange{Sid: s.Sid, Place: i + 1, Action: Remove, Lost: s.Lines()})
		}
	}
	return out
}

// anyWrites reports whether a change writes something.
func anyWrites(changes []StatementChange) bool {
	return slices.ContainsFunc(changes, func(c StatementChange) bool { return c.Action.writes() })
}
