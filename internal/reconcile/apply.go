package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/iam"
)

// ErrBlocked says that something is not as the config says and is a stranger's.
var ErrBlocked = errors.New("not all is as the config says")

// Apply carries out a plan. What narrows comes first, what widens last: at no
// moment is more granted to anyone than before or after. A call that fails ends
// it; a plan made afresh takes up where it ended.
//
// The error is [ErrBlocked] where all was done and strangers' things still stand
// in the way.
func (r *Reconciler) Apply(ctx context.Context, p *Plan) error {
	steps := []func(context.Context, *Plan) error{
		r.applyProviders, r.applyAgents, r.removeAssociations, r.applyRoles, r.applyAssociations, r.remember}
	for _, step := range steps {
		if err := step(ctx, p); err != nil {
			return err
		}
	}
	if len(p.Blocked) > 0 {
		return fmt.Errorf("%w: %s", ErrBlocked, strings.Join(p.Blocked, "; "))
	}
	return nil
}

func (r *Reconciler) applyProviders(ctx context.Context, p *Plan) error {
	for _, c := range p.Providers {
		var err error
		switch c.Action {
		case Create:
			_, issuer, _ := strings.Cut(c.ARN, ":oidc-provider/")
			err = r.IAM.CreateProvider(ctx, c.ARN, "https://"+issuer, iam.Audience, ownerTags())
		case Change:
			err = r.IAM.AddAudience(ctx, c.ARN, iam.Audience)
		}
		if err != nil && !account.IsExists(err) {
			return err
		}
	}
	return nil
}

func (r *Reconciler) applyAgents(ctx context.Context, p *Plan) error {
	for _, c := range p.Agents {
		if c.Action != Create {
			continue
		}
		if err := r.Region(c.Region).AddAgent(ctx, c.Cluster, ownerTags()); err != nil && !account.IsExists(err) {
			return err
		}
	}
	return nil
}

func (r *Reconciler) removeAssociations(ctx context.Context, p *Plan) error {
	for _, c := range p.Associations {
		if c.Action != Remove {
			continue
		}
		if err := r.pace(ctx); err != nil {
			return err
		}
		if err := r.Region(c.Region).DeleteAssociation(ctx, c.Cluster, c.ID); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) applyRoles(ctx context.Context, p *Plan) error {
	for _, c := range p.Roles {
		if err := r.applyRole(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// applyRole makes or changes a role. Where both what it may do and who becomes it
// change, whoever is to leave does so before the permissions change, and whoever
// is to come does so after.
func (r *Reconciler) applyRole(ctx context.Context, c RoleChange) error {
	if c.Action == Create {
		if err := r.createRole(ctx, c); err != nil {
			return err
		}
	}
	t := r.trustWriter(c)
	if c.Action != Create && permissionsChange(c) {
		if err := t.narrow(ctx); err != nil {
			return err
		}
	}
	for _, policy := range c.Policies {
		if !policy.Action.does() {
			continue
		}
		put := func() error {
			return r.IAM.SetInlinePolicy(ctx, c.wanted.arn, policy.Name, string(policy.After.Compact()))
		}
		if err := r.untilSeen(ctx, account.IsMissing, put); err != nil {
			return err
		}
	}
	if c.Trust.Action == Change || c.Action == Create {
		if err := t.write(ctx); err != nil {
			return err
		}
	}
	if c.Action == Adopt {
		return r.IAM.TagRole(ctx, c.wanted.arn, ownerTags())
	}
	return nil
}

// createRole makes a role that grants nothing yet. If another run was quicker,
// its role is brought to what is wanted.
func (r *Reconciler) createRole(ctx context.Context, c RoleChange) error {
	err := r.IAM.CreateRole(ctx, account.NewRole{ARN: c.wanted.arn, TrustPolicy: string(c.Trust.After.Compact()),
		Description: "Workload identity of Upbound Spaces control planes", Tags: ownerTags()})
	if account.IsExists(err) {
		return nil
	}
	return err
}

func permissionsChange(c RoleChange) bool {
	for _, p := range c.Policies {
		if p.Action.does() {
			return true
		}
	}
	return false
}

// untilSeen repeats a call that fails because what was just made cannot be seen
// everywhere yet.
//
// Source: IAM User Guide, "Troubleshoot IAM: Changes that I make are not always
// immediately visible".
func (r *Reconciler) untilSeen(ctx context.Context, unseen func(error) bool, call func() error) error {
	wait := time.Second
	for {
		err := call()
		if err == nil || !unseen(err) || wait > 16*time.Second {
			return err
		}
		if err := r.Clock.Pause(ctx, wait); err != nil {
			return err
		}
		wait *= 2
	}
}
