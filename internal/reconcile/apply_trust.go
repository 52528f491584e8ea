package reconcile

import (
	"context"
	"fmt"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/iam"
)

// settle is the time after a write before it is read again: longer than another
// run takes between its own read and its write, so that what it overwrote is
// noticed.
const settle = 2 * time.Second

// rounds is how often a trust policy is written before giving up on whoever
// keeps writing it too.
const rounds = 6

// mostTries is how often one write is tried while AWS throttles or fails.
const mostTries = 12

// trustWriter changes the trust policy of a role that others may change as well.
// IAM has no lock and no condition for that: it reads again before writing and
// after.
type trustWriter struct {
	*Reconciler
	change RoleChange
	merging
}

func (r *Reconciler) trustWriter(c RoleChange) trustWriter {
	removed := map[string]bool{}
	for _, s := range c.Trust.Statements {
		for _, subject := range s.Removed {
			removed[subject] = true
		}
	}
	// Only what the plan showed is removed, whatever stands there by now.
	return trustWriter{r, c, merging{adopt: r.Adopt, prune: r.Prune, remove: func(s string) bool { return removed[s] }}}
}

// merged is what the policy should become.
func (t trustWriter) merged(live iam.Document) iam.Document {
	after, changes := merge(live, t.change.wanted.trust, t.merging)
	if !differs(changes) {
		return live
	}
	return after
}

// narrow takes away what is to go, and adds nothing.
func (t trustWriter) narrow(ctx context.Context) error {
	_, _, err := t.set(ctx, func(live iam.Document) iam.Document { return narrow(live, t.merged(live)) })
	return err
}

// write brings the policy to what it should be, and sees that it stays so.
func (t trustWriter) write(ctx context.Context) error {
	for range rounds {
		before, written, err := t.set(ctx, t.merged)
		if err != nil || !written {
			return err
		}
		stands, err := t.stands(ctx, before)
		if err != nil || stands {
			return err
		}
	}
	return fmt.Errorf("somebody else keeps changing the trust policy of %s: it was written %d times and is not as it should be; find out who (CloudTrail: UpdateAssumeRolePolicy), then apply again",
		t.change.ARN, rounds)
}

// set reads the policy, makes another of it and writes that, unless it is the
// same. After a failure that may pass it starts with reading again, so that
// nobody's change of the meantime is lost.
func (t trustWriter) set(ctx context.Context, next func(iam.Document) iam.Document) (before iam.Document, written bool, err error) {
	wait := time.Second
	for tries := 1; ; tries++ {
		live, err := t.read(ctx)
		if err != nil {
			return live, written, err
		}
		after := next(live)
		if sameDocument(after, live) {
			return live, written, nil
		}
		if n := iam.Length(after); n > t.change.Trust.Budget.Limit {
			return live, written, fmt.Errorf("the trust policy of %s has changed since the plan and would have %d characters, more than the %d of the account: plan again",
				t.change.ARN, n, t.change.Trust.Budget.Limit)
		}
		written = true // also where only the answer is lost
		err = t.IAM.SetTrustPolicy(ctx, t.change.wanted.arn, string(after.Compact()))
		if !account.IsTransient(err) && !account.IsMissing(err) || tries == mostTries {
			return live, written, err
		}
		if err := t.Clock.Pause(ctx, wait); err != nil {
			return live, written, err
		}
		wait = min(2*wait, 20*time.Second)
	}
}

// stands reports whether the policy is what it should be after a write. A read
// may still show what was there before.
func (t trustWriter) stands(ctx context.Context, before iam.Document) (bool, error) {
	wait := settle
	for range 4 {
		if err := t.Clock.Pause(ctx, wait); err != nil {
			return false, err
		}
		live, err := t.read(ctx)
		if err != nil {
			return false, err
		}
		if sameDocument(t.merged(live), live) {
			return true, nil
		}
		if !sameDocument(live, before) {
			return false, nil // somebody else has written
		}
		wait *= 2
	}
	return false, nil
}

// read reads the policy; a role that was just made may not be seen yet.
func (t trustWriter) read(ctx context.Context) (iam.Document, error) {
	for wait := time.Second; ; wait *= 2 {
		live, ok, err := t.liveRole(ctx, t.change.wanted.arn)
		if err != nil || ok {
			return live.trust, err
		}
		if wait > 16*time.Second {
			return iam.Document{}, fmt.Errorf("role %s is gone: it was there when the plan was made; plan again", t.change.ARN)
		}
		if err := t.Clock.Pause(ctx, wait); err != nil {
			return iam.Document{}, err
		}
	}
}
