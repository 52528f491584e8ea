package reconcile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

const (
	// settleDelay is the time between a write and the read that checks it. It is longer
	// than the time between read and write of another run, so that the check notices if
	// that run overwrote the change.
	settleDelay = 2 * time.Second

	maxRounds        = 6  // writes of a trust policy that somebody else keeps overwriting
	maxWriteAttempts = 12 // attempts of one write if AWS throttles or fails
)

// trustWriter changes the trust policy of a role that others may change at the same
// time. IAM has no locks and no conditional writes. So trustWriter reads the policy again
// before and after each write.
type trustWriter struct {
	*Reconciler
	mergeOptions
	role  identity.RoleARN
	want  iam.Document
	limit int                                  // characters
	next  func(live iam.Document) iam.Document // what a deletion leaves of the live policy; nil for a merge
}

func (r *Reconciler) trustWriter(c RoleChange, want desired.Role) trustWriter {
	m := mergeOptions{adopt: r.Adopt, prune: r.Prune, remove: plannedParts(c.Trust.pruned)}
	return trustWriter{r, m, want.ARN, want.TrustPolicy, c.Trust.Budget.Limit, nil}
}

// plannedParts limits pruning to the parts that a plan showed, even if there are more by
// now.
func plannedParts(pruned []iam.Statement) func(iam.Statement) bool {
	return func(part iam.Statement) bool {
		return slices.ContainsFunc(pruned, func(p iam.Statement) bool {
			p.Sid = part.Sid
			return iam.Same(p, part)
		})
	}
}

// merged returns the live policy with the desired statements.
func (t trustWriter) merged(live iam.Document) iam.Document {
	if t.next != nil {
		return t.next(live)
	}
	m := mergeTrust(live, t.want, t.mergeOptions)
	if !anyWrites(m.Changes) {
		return live
	}
	return m.After
}

// narrow removes the subjects that the merged policy does not admit. It adds none.
func (t trustWriter) narrow(ctx context.Context) error {
	_, _, err := t.set(ctx, func(live iam.Document) iam.Document { return narrow(live, t.merged(live)) })
	return err
}

// write writes the merged policy, and writes it again if somebody else overwrites it.
func (t trustWriter) write(ctx context.Context) error {
	for range maxRounds {
		before, written, err := t.set(ctx, t.merged)
		if err != nil || !written {
			return err
		}
		settled, err := t.settled(ctx, before)
		if err != nil || settled {
			return err
		}
	}
	return identity.WithHint("find out who changes it (CloudTrail shows UpdateAssumeRolePolicy), then run `spaces-identity apply` again",
		"somebody else keeps changing the trust policy of %s: it was written %d times and still differs from the plan", t.role, maxRounds)
}

// set reads the policy and writes the result of next if it differs. After a
// temporary failure it reads again before it writes, so that it overwrites nobody's
// change.
func (t trustWriter) set(ctx context.Context, next func(iam.Document) iam.Document) (before iam.Document, written bool, err error) {
	passes := func(err error) bool { return account.IsTransient(err) || account.IsMissing(err) }
	var unread error // an error of the read; not retried here, because the SDK has retried it
	err = retry(ctx, maxWriteAttempts, passes, func() error {
		if before, unread = t.read(ctx); unread != nil {
			return nil
		}
		after := next(before)
		if iam.SameStatements(after, before) {
			return nil
		}
		if n := iam.Length(after); n > t.limit {
			return identity.WithHint("run `spaces-identity plan` again",
				"the trust policy of %s has changed since the plan and would now have %d characters, but the account's quota is %d", t.role, n, t.limit)
		}
		written = true // even if the call fails: AWS may have made the change and only the answer was lost
		return t.IAM.SetTrustPolicy(ctx, t.role, string(after.Compact()))
	})
	return before, written, cmp.Or(unread, err)
}

// settled reports whether the policy has all changes after a write. It waits while reads
// still return the policy from before the write.
func (t trustWriter) settled(ctx context.Context, before iam.Document) (bool, error) {
	wait := settleDelay
	for range 4 {
		if err := pause(ctx, wait); err != nil {
			return false, err
		}
		live, err := t.read(ctx)
		if err != nil {
			return false, err
		}
		if iam.SameStatements(t.merged(live), live) {
			return true, nil
		}
		if !iam.SameStatements(live, before) {
			return false, nil // somebody else has written
		}
		wait *= 2
	}
	return false, nil
}

// errUnseen says that IAM does not find a role that the plan found or that apply created.
var errUnseen = errors.New("it existed when the plan was made")

// read reads the policy. It retries, because IAM may not find a new role yet.
func (t trustWriter) read(ctx context.Context) (live iam.Document, err error) {
	unseen := func(err error) bool { return errors.Is(err, errUnseen) }
	err = retry(ctx, visibilityAttempts, unseen, func() error {
		var ok bool
		if live, _, ok, err = t.readRole(ctx, t.role); err == nil && !ok {
			return identity.WithHint("run `spaces-identity plan` again", "role %s no longer exists: %w", t.role, errUnseen)
		}
		return err
	})
	return live, err
}
