package reconcile

import (
	"context"
	"fmt"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// planRoles reads the roles and returns their tags, by ARN.
func (r *Reconciler) planRoles(ctx context.Context, p *Plan, spec identity.Spec, quota int) (map[string]map[string]string, error) {
	roles, err := wantedRoles(spec)
	if err != nil {
		return nil, err
	}
	tags := map[string]map[string]string{}
	for _, wanted := range roles {
		live, there, err := r.liveRole(ctx, wanted.arn)
		if err != nil {
			return nil, err
		}
		change, err := r.planRole(ctx, wanted, live, there)
		if err != nil {
			return nil, err
		}
		change.Trust.Budget, err = budget(spec, wanted, change.Trust.After, quota)
		if err != nil {
			return nil, err
		}
		if err := tooLong(wanted.arn, change.Trust.Budget); err != nil && change.Trust.Action.does() {
			return nil, err
		}
		p.Roles = append(p.Roles, change)
		tags[wanted.arn.String()] = live.tags
	}
	return tags, nil
}

// liveRole is a role as it stands, its trust policy read.
type liveRole struct {
	trust iam.Document
	tags  map[string]string
}

func (r *Reconciler) liveRole(ctx context.Context, arn identity.RoleARN) (liveRole, bool, error) {
	found, ok, err := r.IAM.Role(ctx, arn)
	if err != nil || !ok {
		return liveRole{}, false, err
	}
	if found.ARN != arn.String() {
		return liveRole{}, false, fmt.Errorf("role %s has the ARN %s: the config's path or account is another; write roleARN as AWS has it", arn, found.ARN)
	}
	doc, err := iam.Parse([]byte(found.TrustPolicy))
	if err != nil {
		return liveRole{}, false, fmt.Errorf("the trust policy of %s cannot be read, so it is not touched: %w", arn, err)
	}
	return liveRole{doc, found.Tags}, true, nil
}

func (r *Reconciler) planRole(ctx context.Context, wanted wantedRole, live liveRole, there bool) (RoleChange, error) {
	c := RoleChange{ARN: wanted.arn.String(), Action: None, Policies: []PolicyChange{}, wanted: wanted}
	switch {
	case !there:
		c.Action = Create
	case live.tags[TagOwner] == Owner:
	case r.Adopt:
		c.Action = Adopt
	default:
		c.Action = Foreign
	}
	c.Trust = r.planTrust(live.trust, wanted.trust)
	for _, policy := range wanted.policies {
		change, err := r.planPolicy(ctx, wanted.arn, policy, there)
		if err != nil {
			return c, err
		}
		c.Policies = append(c.Policies, change)
	}
	return c, nil
}

func (r *Reconciler) planTrust(live, wanted iam.Document) TrustChange {
	after, changes := merge(live, wanted, merging{adopt: r.Adopt, prune: r.Prune})
	t := TrustChange{Action: None, Statements: changes, After: after}
	switch {
	case len(live.Statement) == 0:
		t.Action = Create
	case differs(changes):
		t.Action = Change
	}
	return t
}

func (r *Reconciler) planPolicy(ctx context.Context, role identity.RoleARN, wanted namedPolicy, there bool) (PolicyChange, error) {
	c := PolicyChange{Name: wanted.name, Action: Create, After: wanted.doc}
	var live iam.Document
	if there {
		text, ok, err := r.IAM.InlinePolicy(ctx, role, wanted.name)
		if err != nil {
			return c, err
		}
		if ok {
			c.Action = Change
			live, _ = iam.Parse([]byte(text)) // one that cannot be read is ours and is replaced
		}
	}
	c.Statements = comparePolicies(live, wanted.doc)
	if c.Action == Change && !differs(c.Statements) {
		c.Action = None
	}
	return c, nil
}

// comparePolicies says what replacing one policy by another does, by Sid.
func comparePolicies(live, wanted iam.Document) []StatementChange {
	var out []StatementChange
	for i, s := range wanted.Statement {
		c := StatementChange{Sid: s.Sid, Place: i + 1, Action: Create}
		before, ok := bySid(live, s.Sid)
		c.Gained, c.Lost = minus(values(s), values(before)), minus(values(before), values(s))
		if ok {
			c.Action, c.Elements = None, elements(before, s)
			if len(c.Elements) > 0 {
				c.Action = Change
			}
		}
		out = append(out, c)
	}
	for i, s := range live.Statement {
		if _, ok := bySid(wanted, s.Sid); !ok {
			out = append(out, StatementChange{Sid: s.Sid, Place: i + 1, Action: Remove, Lost: values(s)})
		}
	}
	return out
}
