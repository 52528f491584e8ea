package account

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"
)

const (
	// maxAttempts is how often a call is tried. Even if AWS throttles a third of all
	// calls, only one call in 500,000 fails every attempt.
	maxAttempts = 12

	// firstAttempts is how often a call is tried if the service has never answered. Then
	// a setting is probably wrong, so that waiting does not help.
	firstAttempts = 3

	// callTimeout is the time for one attempt.
	callTimeout = 20 * time.Second

	// tokenInterval is the time between two questions for a token of the adaptive mode. Its
	// own wait can be rounded down to nothing, and then it keeps a processor busy.
	tokenInterval = 10 * time.Millisecond

	// reportInterval is the least time between two reports of a retry.
	reportInterval = 5 * time.Second
)

// DefaultRate is the most calls per second to one service in one region. AWS publishes no
// rate for most of these calls, and all programs of an account share it. Below this ceiling
// the SDK's adaptive mode finds the rate: it slows down after each throttled call.
//
// Source: AWS SDKs and Tools Reference Guide, "Retry behavior".
const DefaultRate = 20

// retryer retries the calls of one client long enough for unattended runs, in the SDK's
// adaptive mode with a ceiling. It switches off the SDK's quota for retries, which is meant
// for servers with many parallel calls. Only the number of attempts limits the retries.
type retryer struct {
	*retry.AdaptiveMode

	service  string
	ceiling  *rate.Limiter
	reports  *reports
	answered atomic.Bool // whether the service has answered a call
}

func newRetryer(service string, perSecond float64, r *reports) aws.Retryer {
	standard := func(s *retry.StandardOptions) {
		s.MaxAttempts = maxAttempts
		s.RateLimiter = ratelimit.None
		s.Retryables = append(s.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{concurrentModification: {}}})
	}
	adaptive := retry.NewAdaptiveMode(func(a *retry.AdaptiveModeOptions) {
		a.StandardOptions = append(a.StandardOptions, standard)
		a.FailOnNoAttemptTokens = true
	})
	return &retryer{AdaptiveMode: adaptive, service: service, ceiling: rate.NewLimiter(rate.Limit(cmp.Or(perSecond, DefaultRate)), readsAtOnce), reports: r}
}

// GetAttemptToken waits until the rate allows another attempt. Then it notes whether the
// service answers.
func (r *retryer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	if err := r.ceiling.Wait(ctx); err != nil {
		return nil, context.Cause(ctx)
	}
	release, err := r.AdaptiveMode.GetAttemptToken(ctx)
	for err != nil { // AWS throttles, and the adaptive mode has no token yet
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(tokenInterval):
			release, err = r.AdaptiveMode.GetAttemptToken(ctx)
		}
	}
	return func(err error) error {
		if _, ok := errors.AsType[smithy.APIError](err); err == nil || ok && strangeAnswer(err) == nil {
			r.answered.Store(true)
		}
		return release(err)
	}, nil
}

// RetryDelay returns the delay before the next attempt, and reports the retry. It returns
// the error of the call if there should be no other attempt.
func (r *retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	delay, failure := r.AdaptiveMode.RetryDelay(attempt, err)
	reason := shortError(err)
	if unreachable := asUnreachable(r.service, err); unreachable != nil {
		reason = unreachable
		if !r.answered.Load() {
			if attempt >= firstAttempts || isTimeout(err) && attempt >= firstAttempts-1 {
				return 0, err
			}
			delay = time.Second
		}
	} else if attempt == 1 {
		return delay, failure // AWS throttles and fails often enough that one retry is not worth a line
	}
	r.reports.retrying(r.service, reason)
	return delay, failure
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// reports tells the user of retries, but not of each one.
type reports struct {
	report func(text string)
	mutex  sync.Mutex
	last   time.Time
}

func (r *reports) retrying(service string, reason error) {
	if r.report == nil {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !r.last.IsZero() && time.Since(r.last) < reportInterval {
		return
	}
	r.last = time.Now()
	text := reason.Error()
	if _, unreachable := errors.AsType[*UnreachableError](reason); !unreachable {
		text = service + " answers " + text
	}
	r.report(text + "; trying again")
}
