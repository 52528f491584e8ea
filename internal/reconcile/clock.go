package reconcile

import (
	"context"
	"time"
)

// Clock is time, which tests let pass as they like.
type Clock interface {
	Now() time.Time
	// Pause waits, or returns the error of a context that ends before.
	Pause(ctx context.Context, d time.Duration) error
}

// WallClock is the real one.
type WallClock struct{}

// Now is the current time.
func (WallClock) Now() time.Time { return time.Now() }

// Pause waits.
func (WallClock) Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// DefaultPace is the number of calls a second about single associations. EKS
// publishes no rates for them; this is a guess on the careful side, and the SDK
// slows down where EKS throttles after all.
const DefaultPace = 5

// pacer spaces calls evenly.
type pacer struct {
	clock Clock
	gap   time.Duration
	next  time.Time
}

func (p *pacer) wait(ctx context.Context) error {
	now := p.clock.Now()
	if ahead := p.next.Sub(now); ahead > 0 {
		if err := p.clock.Pause(ctx, ahead); err != nil {
			return err
		}
		now = p.next
	}
	p.next = now.Add(p.gap)
	return context.Cause(ctx)
}
