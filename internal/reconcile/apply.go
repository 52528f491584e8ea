package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrBlocked says that something differs from the config and that only its owner can
// change it.
var ErrBlocked = errors.New("AWS differs from the config in what only its owner can change")

// recordInterval is how many associations a run that is killed leaves to be read one
// by one.
const recordInterval = 250

// Apply runs the steps of a plan. The first call that fails ends it; the next plan
// takes up where it ended.
//
// The error is [ErrBlocked] if everything was done and foreign things still differ
// from the config.
func (r *Reconciler) Apply(ctx context.Context, p *Plan) error {
	for phase, steps := range p.steps {
		for done, run := range steps {
			err := run(ctx)
			if phase == int(phaseAssociate) {
				err = r.associated(ctx, p, done, len(steps), err)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := r.remember(ctx, p); err != nil {
		return err
	}
	if len(p.Blocked) > 0 {
		return fmt.Errorf("%w: %s", ErrBlocked, strings.Join(p.Blocked, "; "))
	}
	return nil
}

// associated reports the progress after a step about an association.
func (r *Reconciler) associated(ctx context.Context, p *Plan, done, total int, err error) error {
	if err != nil {
		return fmt.Errorf("%w (%d of %d associations are written)", err, done, total)
	}
	r.progress(done+1, total)
	if (done+1)%recordInterval == 0 {
		return r.remember(ctx, p)
	}
	return nil
}

func (r *Reconciler) progress(done, total int) {
	if r.Progress != nil {
		r.Progress(done, total)
	}
}

// DefaultPace is the number of calls a second about single associations. EKS
// publishes no rates for them, so this is a cautious guess; the SDK slows down if EKS
// throttles.
const DefaultPace = 5

// pace waits for the turn of the next call about an association.
func (r *Reconciler) pace(ctx context.Context) error {
	if r.turns == nil {
		r.turns = time.NewTicker(time.Duration(float64(time.Second) / cmp.Or(r.Pace, DefaultPace)))
		return context.Cause(ctx)
	}
	select {
	case <-ctx.Done():
	case <-r.turns.C:
	}
	return context.Cause(ctx)
}

// pause waits, or returns the error of a context that ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// visibilityAttempts is how often a call is tried that fails because other calls cannot see
// yet what was just created: for half a minute.
//
// Source: IAM User Guide, "Troubleshoot IAM: Changes that I make are not always
// immediately visible".
const visibilityAttempts = 6

// retry tries a call up to a number of times, as long as its error may pass, and waits
// ever longer in between. It is for errors that the SDK does not retry, because the
// thing is really missing as far as AWS can see, or because something must be read
// again first.
func retry(ctx context.Context, times int, passes func(error) bool, call func() error) error {
	for wait := time.Second; ; wait = min(2*wait, 20*time.Second) {
		err := call()
		if times--; err == nil || times == 0 || !passes(err) {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}
