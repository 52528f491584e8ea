// Package restart restarts workloads whose pods run without their identity. A restart
// helps because credentials are injected when a pod is created.
//
// It restarts a few workloads at a time and waits for each rollout. Before each restart it
// looks again, so it never restarts a workload whose pods have got the identity meanwhile.
package restart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// Options are the options of a run.
type Options struct {
	MaxUnavailable int                  // number of workloads that are restarted at once; at least 1
	DryRun         bool                 // whether to change nothing
	Exclude        []string             // what is left alone: NAMESPACE or NAMESPACE/WORKLOAD
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
	Healthy      Outcome = "healthy"       // its pods have got the identity meanwhile
	WouldRestart Outcome = "would-restart" // in a dry run
	Left         Outcome = "left"          // still without the identity; Reason says why
	Unknown      Outcome = "unknown"       // could not be read; Reason says why
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

// Result is what was done, and how much was looked at.
type Result struct {
	Steps         []Step               `json:"steps"`
	ControlPlanes int                  `json:"controlPlanes"` // number of those that the config covers
	Namespaces    int                  `json:"namespaces"`    // number of other namespaces in which components run
	Pods          int                  `json:"pods"`          // number of pods there that run as a component
	Deleting      []space.ControlPlane `json:"deleting"`      // control planes that are being deleted, whose pods are left
	OutOfScope    []space.ControlPlane `json:"outOfScope"`    // control planes that the config does not cover
	Problems      []string             `json:"problems"`      // sources of control planes that could not be read
}

// Count returns the number of steps with an outcome.
func (r Result) Count(outcome Outcome) int {
	n := 0
	for _, s := range r.Steps {
		if s.Outcome == outcome {
			n++
		}
	}
	return n
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
// annotates them. It leaves workloads that a restart cannot cure and goes on. If a rollout
// fails, Run restarts no other workload. It returns an error if the cluster cannot be read.
func Run(ctx context.Context, client *space.Client, state desired.State, options Options) (Result, error) {
	observed, err := space.Observe(ctx, client, injection.Selection(state))
	if err != nil {
		return Result{}, err
	}
	if err := checkExclude(options.Exclude, observed, state); err != nil {
		return Result{}, err
	}
	result := resultOf(observed, state)
	r := runner{cluster: client, state: state, options: options}
	result.Steps = r.run(ctx, injection.FindStale(observed, state))
	return result, nil
}

// resultOf returns the result without steps: how much is looked at.
func resultOf(o space.Observed, s desired.State) Result {
	result := Result{Deleting: []space.ControlPlane{}, OutOfScope: o.OutOfScope, Problems: o.Problems()}
	for _, plane := range o.ControlPlanes {
		if plane.Deleting {
			result.Deleting = append(result.Deleting, plane)
		} else {
			result.ControlPlanes++
		}
	}
	elsewhere := map[string]bool{}
	for _, site := range injection.Sites(o, s) {
		result.Pods += len(o.Pods[site.Key()])
		if site.Component.Namespace != "" {
			elsewhere[site.Component.Namespace] = true
		}
	}
	result.Namespaces = len(elsewhere)
	return result
}

// checkExclude returns an error for an exclusion in a namespace in which no component runs.
func checkExclude(exclude []string, o space.Observed, s desired.State) error {
	for _, one := range exclude {
		namespace, _, _ := strings.Cut(one, "/")
		if !slices.ContainsFunc(injection.Sites(o, s), func(site injection.Site) bool { return site.Plane.HostNamespace == namespace }) &&
			!slices.ContainsFunc(o.ControlPlanes, func(p space.ControlPlane) bool { return p.HostNamespace == namespace }) {
			return ExcludeError{one}
		}
	}
	return nil
}

// ExcludeError is the error of an exclusion in a namespace in which no component runs.
type ExcludeError struct{ Value string }

func (ExcludeError) Error() string { return "no component of the config runs in this namespace" }

// Hint returns the next step.
func (ExcludeError) Hint() string {
	return "name a host namespace as `spaces-identity discover` prints it, or NAMESPACE/WORKLOAD"
}

// BadInput marks the error as one of the command line.
func (ExcludeError) BadInput() {}

type runner struct {
	cluster clusterClient
	state   desired.State
	options Options
	stopped atomic.Bool // whether a rollout failed
}

func (r *runner) run(ctx context.Context, all []injection.StaleWorkload) []Step {
	steps := make([]Step, len(all))
	var running errgroup.Group
	running.SetLimit(max(1, r.options.MaxUnavailable))
	for i, stale := range all {
		running.Go(func() error {
			steps[i] = r.step(ctx, stale)
			return nil // the step has the error
		})
	}
	_ = running.Wait()
	return steps
}

// interruptedReason is the reason of workloads that an interruption left out.
const interruptedReason = "interrupted: run `spaces-identity restart` again to continue"

func (r *runner) step(ctx context.Context, s injection.StaleWorkload) Step {
	step := Step{Namespace: s.Namespace, Component: s.Component.Name}
	switch {
	case s.Workload.Meta.Name != "":
		step.Workload = s.Workload.Resource.String() + "/" + s.Workload.Meta.Name
	case s.Pod != nil:
		step.Workload = space.Pods.String() + "/" + s.Pod.Meta.Name
	}
	if step.Outcome, step.Reason = r.planned(ctx, s); step.Outcome != "" {
		return step
	}
	outcome, err := r.cure(ctx, s)
	step.Outcome, step.Reason = outcome, s.Reason
	_, kept := errors.AsType[notCuredError](err)
	switch {
	case err != nil && ctx.Err() != nil:
		step.Outcome, step.Reason = Left, interruptedReason
	case kept:
		step.Outcome, step.Reason = Left, err.Error()
	case err != nil:
		r.stopped.Store(true)
		step.Outcome, step.Reason = Failed, err.Error()
	case outcome == Healthy:
		step.Reason = "its pods have got the identity meanwhile"
	}
	return step
}

// planned returns the outcome and reason of a workload that is not changed, or nothing.
func (r *runner) planned(ctx context.Context, s injection.StaleWorkload) (Outcome, string) {
	if s.Unreadable != nil {
		return Unknown, fmt.Sprintf("could not be checked: %v", s.Unreadable)
	}
	if reason := r.incurable(s); reason != "" {
		return Left, reason
	}
	switch {
	case r.options.DryRun:
		return WouldRestart, s.Reason
	case ctx.Err() != nil:
		return Left, interruptedReason
	case r.stopped.Load():
		return Left, "not restarted, because another rollout failed: fix that one, or exclude it; then run `spaces-identity restart` again to continue"
	}
	return "", ""
}

// cure annotates the service account and restarts the workload, as far as each is needed.
func (r *runner) cure(ctx context.Context, s injection.StaleWorkload) (Outcome, error) {
	if !s.Annotated {
		if err := r.annotate(ctx, s); err != nil {
			return Failed, err
		}
	}
	if s.Workload.Meta.Name == "" {
		return Annotated, nil
	}
	return r.restart(ctx, s)
}

// annotate updates a service account, so that the admission policy annotates it.
func (r *runner) annotate(ctx context.Context, s injection.StaleWorkload) error {
	account, err := r.cluster.Touch(ctx, s.Namespace, s.Account)
	if err != nil {
		return err
	}
	if !injection.Annotated(account, s.Component) {
		return fmt.Errorf("the admission policy did not annotate the service account %s when it was updated: run `spaces-identity verify` to see whether the cluster has the policy of this config (a new policy acts after up to half a second, one of Kyverno after a few seconds)", s.Account)
	}
	r.progress("%s: service account %s annotated", s.Namespace, s.Account)
	return nil
}

// notCuredError says that new pods do not have the identity either, for a reason that
// concerns this workload alone.
type notCuredError struct{ reason string }

func (e notCuredError) Error() string { return e.reason }

// restart restarts the workload until its pods have the identity, but not more often than
// maxRestarts. Before each restart it looks again. If somebody else has started a rollout,
// it waits for that one.
func (r *runner) restart(ctx context.Context, s injection.StaleWorkload) (Outcome, error) {
	done := space.Workload.Replaced // pods that are not ready, perhaps because they lack the identity, do not count as a rollout
	for restarts := 0; ; {
		w, problem, err := r.look(ctx, s, done)
		switch {
		case err != nil:
			return Failed, err
		case problem.Cause == injection.NoProblem && restarts == 0:
			return Healthy, nil
		case problem.Cause == injection.NoProblem:
			return Restarted, nil
		case problem.Cause == injection.Overridden && restarts > 0:
			return Left, notCuredError{"restarted, but an association gives the new pods EKS Pod Identity credentials: run `spaces-identity apply --prune`, which deletes it if this program manages it, or set mode: pod-identity (or both) in the config"}
		case !problem.Curable() || w.Stuck() != "":
			return Left, notCuredError{problem.Reason + "; a restart does not fix this, but `spaces-identity verify` shows what does"}
		case restarts == maxRestarts:
			return Failed, fmt.Errorf("restarted %d times, but the new pods still have a problem: %s; run `spaces-identity verify` to see what to fix", maxRestarts, problem.Reason)
		}
		r.progress("%s: restarting %s: %s", s.Namespace, w.Meta.Name, problem.Reason)
		if err := r.cluster.Restart(ctx, w); space.IsConflict(err) {
			continue // somebody else has changed it: look again
		} else if err != nil {
			return Failed, err
		}
		restarts++
		done = space.Workload.RolledOut
	}
}

// look waits until the rollout of the workload is done and returns the problem of its pods.
func (r *runner) look(ctx context.Context, s injection.StaleWorkload, done func(space.Workload) bool) (space.Workload, injection.Problem, error) {
	w := s.Workload
	ctx, cancel := context.WithTimeoutCause(ctx, r.options.Timeout, fmt.Errorf("the rollout did not finish within %s: run `kubectl rollout status %s/%s -n %s` to see why",
		r.options.Timeout, w.Resource.Plural, w.Meta.Name, s.Namespace))
	defer cancel()
	for waited := false; ; waited = true {
		now, err := r.cluster.Workload(ctx, w)
		if err == nil && done(now) {
			account, pods, err := r.cluster.Pods(ctx, s.Namespace, s.Account)
			return now, injection.WorkloadProblem(now, account, pods, s.Component, r.state), err
		}
		if err != nil && ctx.Err() == nil {
			return now, injection.Problem{}, err
		}
		if !waited && err == nil {
			r.progress("%s: waiting for the rollout of %s", s.Namespace, w.Meta.Name)
		}
		select {
		case <-ctx.Done():
			return now, injection.Problem{}, context.Cause(ctx)
		case <-time.After(r.options.Interval):
		}
	}
}

func (r *runner) progress(format string, args ...any) {
	if r.options.Progress != nil {
		r.options.Progress(fmt.Sprintf(format, args...))
	}
}
