// Package restart restarts workloads whose pods run without their identity. A restart
// helps because credentials are injected when a pod is created.
//
// It restarts a few workloads at a time and waits for each rollout. It never restarts a
// workload whose pods have the identity, so it can run again after an interruption.
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

// Options are the options of a run.
type Options struct {
	MaxUnavailable int                  // number of workloads that are restarted at once; at least 1
	DryRun         bool                 // whether to change nothing
	Timeout        time.Duration        // of the rollout of one workload
	Interval       time.Duration        // between two reads of a workload during its rollout
	Progress       func(message string) // reports progress; several goroutines may call it at once
}

// Outcome is the result for one workload.
type Outcome string

// The outcomes of a workload.
const (
	Restarted    Outcome = "restarted"     // its new pods have the identity
	Annotated    Outcome = "annotated"     // only its service account had to be annotated
	WouldRestart Outcome = "would-restart" // in a dry run
	Left         Outcome = "left"          // not restarted; Reason says why
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

// maxRestarts is how often a workload is restarted. An association takes effect a moment
// after it was created, so the first new pods may not get its credentials.
const maxRestarts = 2

// clusterClient reads and changes the cluster.
type clusterClient interface {
	Workload(ctx context.Context, w space.Workload) (space.Workload, error)
	Pods(ctx context.Context, namespace, serviceAccount string) (space.ServiceAccount, []space.Pod, error)
	Touch(ctx context.Context, namespace, serviceAccount string) (space.ServiceAccount, error)
	Restart(ctx context.Context, w space.Workload) error
}

// Run restarts the workloads whose pods lack the identity. If the config uses an admission
// policy, Run first updates service accounts that lack annotations, so that the policy
// annotates them. If a workload fails, its step says why, and Run restarts no other
// workload. Run returns an error if the cluster cannot be read.
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
	stopped atomic.Bool // whether a workload failed
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

// interruptedReason is the reason of workloads that an interruption left out.
const interruptedReason = "interrupted: run `spaces-identity restart` again to continue"

func (r *runner) step(ctx context.Context, s injection.StaleWorkload) Step {
	step := Step{Namespace: s.Namespace, Component: s.Component.Name}
	if s.Workload.Meta.Name != "" {
		step.Workload = s.Workload.Resource.String() + "/" + s.Workload.Meta.Name
	}
	if step.Outcome, step.Reason = r.planned(ctx, s); step.Outcome != "" {
		return step
	}
	err := r.restartStale(ctx, s)
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

// planned returns the outcome and reason of a workload that is not changed, or nothing.
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

func (r *runner) restartStale(ctx context.Context, s injection.StaleWorkload) error {
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

// annotate updates a service account, so that the admission policy annotates it.
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

// restart restarts the workload until its pods have the identity, but not more often than
// maxRestarts. If a rollout has already started, restart first waits for it.
func (r *runner) restart(ctx context.Context, s injection.StaleWorkload) error {
	w := s.Workload
	if !w.RolledOut() {
		r.progress("%s: waiting for a rollout of %s that has already started", s.Namespace, w.Meta.Name)
		if problem, err := r.wait(ctx, s); err != nil || problem.Cause == injection.NoProblem {
			return err
		}
	}
	problem := s.Problem
	for range maxRestarts {
		r.progress("%s: restarting %s: %s", s.Namespace, w.Meta.Name, problem.Reason)
		if err := r.cluster.Restart(ctx, w); err != nil {
			return err
		}
		var err error
		if problem, err = r.wait(ctx, s); err != nil || problem.Cause == injection.NoProblem {
			return err
		}
	}
	return fmt.Errorf("restarted %d times, but the new pods still have a problem: %s; run `spaces-identity verify` to see what to fix", maxRestarts, problem.Reason)
}

// wait waits until the workload is rolled out and returns the problem of its new pods.
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
