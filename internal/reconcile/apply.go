package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrBlocked is the error of an apply that changed all it could. What still differs
// from the config belongs to somebody else.
var ErrBlocked = errors.New("AWS differs from the config in what only its owner can change")

// recordInterval is the number of associations after which apply writes their checksums
// into the tag of the role, see [recordTag]. If a run is killed, the next plan reads at
// most that many associations one by one.
const recordInterval = 250

// Apply runs the steps of a plan. It stops at the first call that fails. A new plan then
// contains what is left to do.
//
// The error is [ErrBlocked] if all steps succeeded, but something foreign still differs
// from the config.
func (r *Reconciler) Apply(ctx context.Context, p *Plan) error {
	for phase, steps := range p.steps {
		for done, run := range steps {
			err := run(ctx)
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx) // the SDK does not say why the context ended
			}
			if phase == int(phaseAssociate) {
				err = r.associated(ctx, p, done, len(steps), err)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := r.writeRecords(ctx, p); err != nil {
		return err
	}
	if len(p.Blocked) > 0 {
		return fmt.Errorf("%w: %s", ErrBlocked, strings.Join(p.Blocked, "; "))
	}
	return nil
}

// associated reports the progress after each association that was written. After every
// recordInterval associations it also writes the record.
func (r *Reconciler) associated(ctx context.Context, p *Plan, done, total int, err error) error {
	if err != nil {
		return fmt.Errorf("%w (%d of %d associations are written)", err, done, total)
	}
	r.progress(done+1, total)
	if (done+1)%recordInterval == 0 {
		return r.writeRecords(ctx, p)
	}
	return nil
}

func (r *Reconciler) progress(done, total int) {
	if r.Progress != nil {
		r.Progress(done, total)
	}
}

// pause waits. If the context ends earlier, pause returns its error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// visibilityAttempts is how often a call is tried if AWS cannot see a new resource yet.
// Together the attempts take half a minute.
//
// Source: IAM User Guide, "Troubleshoot IAM: Changes that I make are not always
// immediately visible".
const visibilityAttempts = 6

// retry repeats a call while passes returns true for its error, up to a number of times.
// The wait doubles each time, up to 20 seconds. The SDK does not retry these errors: AWS
// cannot see a new resource yet, or the caller must read something again first.
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
