package reconcile

import (
	"context"
	"fmt"
	"time"

	"spaces-identity.dev/internal/account"
)

// pace waits for the turn of the next call about an association.
func (r *Reconciler) pace(ctx context.Context) error {
	if r.pacer == nil {
		perSecond := r.Pace
		if perSecond <= 0 {
			perSecond = DefaultPace
		}
		r.pacer = &pacer{clock: r.Clock, gap: time.Duration(float64(time.Second) / perSecond)}
	}
	return r.pacer.wait(ctx)
}

func (r *Reconciler) progress(done, total int) {
	if r.Progress != nil {
		r.Progress(done, total)
	}
}

// mostForgotten is how many associations a run that is killed leaves to be read
// one by one.
const mostForgotten = 250

// applyAssociations makes, changes and adopts associations, one after the other.
func (r *Reconciler) applyAssociations(ctx context.Context, p *Plan) error {
	var todo []AssociationChange
	for _, c := range p.Associations {
		if c.Action == Create || c.Action == Change || c.Action == Adopt {
			todo = append(todo, c)
		}
	}
	for i, c := range todo {
		if err := r.pace(ctx); err != nil {
			return err
		}
		id, err := r.applyAssociation(ctx, c)
		if err != nil {
			return fmt.Errorf("%w\n%d of %d associations were done; apply again for the rest", err, i, len(todo))
		}
		p.remember(c, id)
		r.progress(i+1, len(todo))
		if (i+1)%mostForgotten != 0 {
			continue
		}
		if err := r.remember(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) applyAssociation(ctx context.Context, c AssociationChange) (id string, err error) {
	region := r.Region(c.Region)
	switch c.Action {
	case Create:
		return r.createAssociation(ctx, c)
	case Adopt:
		return c.ID, region.TagAssociation(ctx, c.Cluster, c.ID, c.wanted.Tags)
	}
	if !onlyTags(c.Elements) {
		if err := region.UpdateAssociation(ctx, c.ID, c.wanted); err != nil {
			return "", err
		}
	}
	if hasTags(c.Elements) {
		return c.ID, region.TagAssociation(ctx, c.Cluster, c.ID, c.wanted.Tags)
	}
	return c.ID, nil
}

// createAssociation makes an association. EKS may not have heard of a role that
// was just made. Where another run was quicker, what it made is left to the next
// plan to compare.
func (r *Reconciler) createAssociation(ctx context.Context, c AssociationChange) (id string, err error) {
	unseen := func(err error) bool { return account.IsUnseen(err) && !account.IsExists(err) }
	err = r.untilSeen(ctx, unseen, func() (err error) {
		id, err = r.Region(c.Region).CreateAssociation(ctx, c.wanted)
		return err
	})
	if account.IsExists(err) {
		return "", nil
	}
	return id, err
}

func onlyTags(elements []string) bool { return len(elements) == 1 && elements[0] == "tags" }

func hasTags(elements []string) bool { return len(elements) > 0 && elements[len(elements)-1] == "tags" }

// remember notes an association that is as it should be, in its role's books.
func (p *Plan) remember(c AssociationChange, id string) {
	for _, b := range p.books {
		if b.role.String() == c.wanted.RoleARN && id != "" {
			b.keep(id, c.wanted)
		}
	}
}

// remember writes down what was seen of the associations, where that has changed.
func (r *Reconciler) remember(ctx context.Context, p *Plan) error {
	for _, b := range p.books {
		after := b.after()
		if after == b.before || b.before == "" && len(b.now) == 0 {
			continue
		}
		if err := r.untilSeen(ctx, account.IsMissing, func() error { return r.IAM.TagRole(ctx, b.role, map[string]string{tagSeen: after}) }); err != nil {
			return err
		}
		b.before = after
	}
	return nil
}
