// Package restart replaces pods that run without their identity: credentials are
// injected only when a pod is created. It restarts no other workload, a few at a time,
// and waits for each. After an interruption it can run again: pods that have been
// replaced lack nothing.
package restart

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// Options are the choices of a run.
type Options struct {
	MaxUnavailable int                  // workloads that are restarted at once, at least 1
	DryRun         bool                 // change nothing
	Timeout        time.Duration        // for the rollout of one workload
	Interval       time.Duration        // between two reads of a workload during its rollout
	Progress       func(message string) // gets what is being done; several goroutines may call it at once
}

// Outcome is the result for one workload.
type Outcome string

// The outcomes of a workload.
const (
	Restarted    Outcome = "restarted"     // its pods have the identity now
	Annotated    Outcome = "annotated"     // only its service account lacked something
	WouldRestart Outcome = "would-restart" // in a dry run
	Left         Outcome = "left"          // a restart would not help, or has to wait; Reason says why
	Failed       Outcome = "failed"        // Reason says why
)

// Step is what was done to one workload.
type Step struct {
	Namespace string  `json:"namespace"`
	Component string  `json:"component"`
	Workload  string  `json:"workload,omitempty"` // such as deployments.apps/mxp-controller
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason"`
}

// maxRestarts is how often a workload is restarted: an association takes effect a moment
// after it was created, so the first new pod may come too early.
const maxRestarts = 2

// clusterClient is what a restart reads and changes.
type clusterClient interface {
	Workload(ctx context.Context, w space.Workload) (space.Workload, error)
	Pods(ctx context.Context, namespace, serviceAccount string) (space.ServiceAccount, []space.Pod, error)
	Touch(ctx context.Context, namespace, serviceAccount string) (space.ServiceAccount, error)
	Restart(ctx context.Context, w space.Workload) error
}

// Run restarts the workloads whose pods lack the identity. If the config delivers by
// admission policy, it first touches service accounts that lack annotations, so that
// the policy annotates them. After a failure it restarts no further workload. The error
// is one of reading the cluster; a later failure is in its step.
func Run(ctx context.Context, client *space.Client, state desired.State, options Options) ([]Step, error) {
	observed, err := space.Observe(ctx, client, injection.Selection(state))
	if err != nil {
		return nil, err
	}
	r := runner{cluster: client, state: state, options: options}
	return r.run(ctx, injection.FindStale(observed, state)), nil
}

type runner struct {
	cluster clusterClient
	state   desired.State
	options Options
	stopped atomic.Bool // a workload failed
}

func (r *runner) run(ctx context.Context, all []injection.StaleWorkload) []Step {
	steps := make([]Step, len(all))
	turns := make(chan struct{}, max(1, r.options.MaxUnavailable))
	var running sync.WaitGroup
	for i, stale := range all {
		turns <- struct{}{}
		running.Go(func() {
			defer func() { <-turns }()
			steps[i] = r.step(ctx, stale)
		})
	}
	running.Wait()
	return steps
}

// interruptedReason is the reason of workloads that were not restarted for it.
const interruptedReason = "interrupted: run `spaces-identity restart` again to continue"

func (r *runner) step(ctx context.Context, s injection.StaleWorkload) Step {
	step := Step{Namespace: s.Namespace, Component: s.Component.Name}
	if s.Workload.Meta.Name != "" {
		step.Workload = s.Workload.Resource.String() + "/" + s.Workload.Meta.Name
	}
	if step.Outcome, step.Reason = r.planned(ctx, s); step.Outcome != "" {
		return step
	}
	err := r.carryOut(ctx, s)
	switch {
	case err != nil && ctx.Err() != nil:
		step.Outcome, step.Reason = Left, interruptedReason
	case err != nil:
		r.stopped.Store(true)
		step.Outcome, step.Reason = Failed, err.Error()
	case step.Workload == "":
		step.Outcome, step.Reason = Annotated, s.Reason
	default:
		step.Outcome, step.Reason = Restarted, s.Reason
	}
	return step
}

// planned returns the outcome of a workload that is not to be changed, and why.
func (r *runner) planned(ctx context.Context, s injection.StaleWorkload) (Outcome, string) {
	switch {
	case s.Unreadable != nil:
		return Left, fmt.Sprintf("could not be checked: %v", s.Unreadable)
	case s.Cause != injection.Outdated:
		return Left, s.Reason + "; a restart does not fix this, but `spaces-identity verify` shows what does"
	case !s.Annotated && r.state.Spec().AdmissionPolicy == identity.NoAdmissionPolicy:
		return Left, "a restart would not help yet, because its service account does not have the config's annotations: upgrade the Spaces release through the post-renderer, then run `spaces-identity restart` again"
	case r.options.DryRun:
		return WouldRestart, s.Reason
	case ctx.Err() != nil:
		return Left, interruptedReason
	case r.stopped.Load():
		return Left, "not restarted, because another workload failed: fix that one, then run `spaces-identity restart` again to continue"
	}
	return "", ""
}

func (r *runner) carryOut(ctx context.Context, s injection.StaleWorkload) error {
	if !s.Annotated {
		if err := r.annotate(ctx, s); err != nil {
			return err
		}
	}
	if s.Workload.Meta.Name == "" {
		return nil
	}
	return r.restart(ctx, s)
}

// annotate touches a service account, so that the admission policy annotates it.
func (r *runner) annotate(ctx context.Context, s injection.StaleWorkload) error {
	account, err := r.cluster.Touch(ctx, s.Namespace, s.Component.ServiceAccount)
	if err != nil {
		return err
	}
	if !injection.Annotated(account, s.Component) {
		return fmt.Errorf("the admission policy did not annotate the service account %s when it was updated: run `spaces-identity verify` to see whether the cluster has the policy", s.Component.ServiceAccount)
	}
	r.progress("%s: service account %s annotated", s.Namespace, s.Component.ServiceAccount)
	return nil
}

// restart restarts the workload until its pods have the identity. It first waits for a
// rollout that has already started.
func (r *runner) restart(ctx context.Context, s injection.StaleWorkload) error {
	w := s.Workload
	if !w.RolledOut() {
		r.progress("%s: waiting for a rollout of %s that has already started", s.Namespace, w.Meta.Name)
		if lack, err := r.wait(ctx, s); err != nil || lack.Cause == injection.NoProblem {
			return err
		}
	}
	lack := s.Problem
	for range maxRestarts {
		r.progress("%s: restarting %s: %s", s.Namespace, w.Meta.Name, lack.Reason)
		if err := r.cluster.Restart(ctx, w); err != nil {
			return err
		}
		var err error
		if lack, err = r.wait(ctx, s); err != nil || lack.Cause == injection.NoProblem {
			return err
		}
	}
	return fmt.Errorf("restarted %d times, but the new pods have the same problem: %s; run `spaces-identity verify` to see what to fix", maxRestarts, lack.Reason)
}

// wait waits until the workload is rolled out and returns what its pods lack then.
func (r *runner) wait(ctx context.Context, s injection.StaleWorkload) (injection.Problem, error) {
	w := s.Workload
	ctx, cancel := context.WithTimeoutCause(ctx, r.options.Timeout, fmt.Errorf("the rollout did not finish within %s: run `kubectl rollout status %s/%s -n %s` to see why",
		r.options.Timeout, w.Resource.Plural, w.Meta.Name, s.Namespace))
	defer cancel()
	for {
		now, err := r.cluster.Workload(ctx, w)
		if err == nil && now.RolledOut() {
			account, pods, err := r.cluster.Pods(ctx, s.Namespace, s.Component.ServiceAccount)
			return injection.WorkloadProblem(now, account, pods, s.Component, r.state), err
		}
		if err != nil && ctx.Err() == nil {
			return injection.Problem{}, err
		}
		select {
		case <-ctx.Done():
			return injection.Problem{}, context.Cause(ctx)
		case <-time.After(r.options.Interval):
		}
	}
}

func (r *runner) progress(format string, args ...any) {
	if r.options.Progress != nil {
		r.options.Progress(fmt.Sprintf(format, args...))
	}
}
