// Package restart makes pods anew that run without their identity: credentials
// are injected only when a pod is created. It restarts nothing else, a few at a
// time, and waits for each. What it did before it was interrupted it does not do
// again, because those pods lack nothing any more.
package restart

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/verify"
)

// Options are the choices of a run.
type Options struct {
	MaxUnavailable int                  // workloads that are restarted at once, at least 1
	DryRun         bool                 // change nothing
	Timeout        time.Duration        // for one workload to be rolled out
	Interval       time.Duration        // between two looks at it
	Progress       func(message string) // takes what is being done; may be called by several at once
}

// Outcome is what became of a workload.
type Outcome string

// The outcomes of a workload.
const (
	Restarted    Outcome = "restarted"     // its pods have the identity now
	Annotated    Outcome = "annotated"     // only its service account lacked something
	WouldRestart Outcome = "would-restart" // in a dry run
	Left         Outcome = "left"          // a restart would not help, or must wait; Reason says why
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

// attempts is how often a workload is restarted: an association takes effect a
// moment after it was made, so the first new pod may come too early.
const attempts = 2

// Run restarts the workloads whose pods lack the identity. Where the config
// delivers by admission policy, service accounts that lack their annotations are
// touched first, so that the policy annotates them. After a failure nothing
// further is restarted. The error is of the reading; what failed later stands in
// the steps.
func Run(ctx context.Context, client *space.Client, spec identity.Spec, options Options) ([]Step, error) {
	observed, err := verify.Observe(ctx, client, spec)
	if err != nil {
		return nil, err
	}
	stale := observed.Stale()
	r := runner{client: client, spec: spec, observed: observed, options: options, steps: make([]Step, len(stale))}
	turns := make(chan struct{}, max(1, options.MaxUnavailable))
	var running sync.WaitGroup
	for i, s := range stale {
		turns <- struct{}{}
		running.Go(func() {
			defer func() { <-turns }()
			r.steps[i] = r.step(ctx, s)
			if r.steps[i].Outcome == Failed {
				r.stopped.Store(true)
			}
		})
	}
	running.Wait()
	return r.steps, nil
}

type runner struct {
	client   *space.Client
	spec     identity.Spec
	observed *verify.Observed
	options  Options
	steps    []Step
	stopped  atomic.Bool // something failed
}

func (r *runner) step(ctx context.Context, s verify.Stale) Step {
	step := Step{Namespace: s.Namespace, Component: s.Component.Name, Reason: s.Reason}
	end := func(outcome Outcome, format string, args ...any) Step {
		step.Outcome, step.Reason = outcome, fmt.Sprintf(format, args...)
		return step
	}
	if s.Unreadable != nil {
		return end(Left, "cannot tell: %v", s.Unreadable)
	}
	runs := s.Workload.Meta.Name != ""
	if runs {
		step.Workload = s.Workload.Resource.String() + "/" + s.Workload.Meta.Name
	}
	switch {
	case !s.Restart:
		return end(Left, "%s: a restart would not change it", s.Reason)
	case !s.Annotated && r.spec.AdmissionPolicy == identity.NoAdmissionPolicy:
		return end(Left, "its service account is not annotated as the config says: upgrade the Spaces release through the post-renderer first")
	case r.options.DryRun:
		return end(WouldRestart, "%s", s.Reason)
	case ctx.Err() != nil:
		return end(Left, "interrupted; run it again to go on")
	case r.stopped.Load():
		return end(Left, "not restarted, because another one failed; mend that, then run it again to go on")
	}
	if err := r.annotate(ctx, s); err != nil {
		return end(Failed, "%v", err)
	}
	if !runs {
		return end(Annotated, "%s", s.Reason)
	}
	if err := r.restart(ctx, s); err != nil {
		return end(Failed, "%v", err)
	}
	return end(Restarted, "%s", s.Reason)
}

// annotate touches a service account that lacks its annotations, so that the
// admission policy sees it.
func (r *runner) annotate(ctx context.Context, s verify.Stale) error {
	if s.Annotated {
		return nil
	}
	account, err := space.Patch[space.ServiceAccount](ctx, r.client, space.ServiceAccounts, s.Namespace, s.Component.ServiceAccount, []byte("{}"))
	if err != nil {
		return err
	}
	if !verify.Annotated(account, s.Component) {
		return fmt.Errorf("touching the service account %s did not annotate it: is the admission policy in place? (`spaces-identity verify` tells)", s.Component.ServiceAccount)
	}
	r.progress("%s: service account %s annotated", s.Namespace, s.Component.ServiceAccount)
	return nil
}

// restart rolls the workload out until its pods have the identity.
func (r *runner) restart(ctx context.Context, s verify.Stale) error {
	w := s.Workload
	if !w.RolledOut() {
		r.progress("%s: waiting for a rollout of %s that is under way", s.Namespace, w.Meta.Name)
		lack, err := r.wait(ctx, s)
		if err != nil || lack.Reason == "" {
			return err
		}
	}
	var lack verify.Lack
	for range attempts {
		if err := r.roll(ctx, s); err != nil {
			return err
		}
		var err error
		if lack, err = r.wait(ctx, s); err != nil || lack.Reason == "" {
			return err
		}
	}
	return fmt.Errorf("restarted %d times, and still: %s; run `spaces-identity verify`", attempts, lack.Reason)
}

// restartedAt is the annotation by which `kubectl rollout restart` changes a pod
// template.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

func (r *runner) roll(ctx context.Context, s verify.Stale) error {
	var patch struct {
		Spec struct {
			Template struct {
				Metadata struct {
					Annotations map[string]string `json:"annotations"`
				} `json:"metadata"`
			} `json:"template"`
		} `json:"spec"`
	}
	patch.Spec.Template.Metadata.Annotations = map[string]string{restartedAt: time.Now().UTC().Format(time.RFC3339Nano)}
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	r.progress("%s: restarting %s: %s", s.Namespace, s.Workload.Meta.Name, s.Reason)
	_, err = space.Patch[space.Workload](ctx, r.client, s.Workload.Resource, s.Namespace, s.Workload.Meta.Name, body)
	return err
}

// wait waits until the workload is rolled out, and says what its pods lack then.
func (r *runner) wait(ctx context.Context, s verify.Stale) (verify.Lack, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.options.Timeout, fmt.Errorf("not rolled out after %s: kubectl rollout status %s/%s --namespace %s says why",
		r.options.Timeout, s.Workload.Resource.Plural, s.Workload.Meta.Name, s.Namespace))
	defer cancel()
	poll := time.NewTicker(r.options.Interval)
	defer poll.Stop()
	for {
		w, err := space.Get[space.Workload](ctx, r.client, s.Workload.Resource, s.Namespace, s.Workload.Meta.Name)
		if err != nil && ctx.Err() == nil {
			return verify.Lack{}, err
		}
		if w.Resource = s.Workload.Resource; err == nil && w.RolledOut() {
			return r.lack(ctx, s, w)
		}
		select {
		case <-ctx.Done():
			return verify.Lack{}, context.Cause(ctx)
		case <-poll.C:
		}
	}
}

// lack looks at the pods that the workload has now.
func (r *runner) lack(ctx context.Context, s verify.Stale, w space.Workload) (verify.Lack, error) {
	account, err := space.Get[space.ServiceAccount](ctx, r.client, space.ServiceAccounts, s.Namespace, s.Component.ServiceAccount)
	if err != nil {
		return verify.Lack{}, err
	}
	var pods []space.Pod
	err = space.List(ctx, r.client, space.Pods, space.Query{Namespace: s.Namespace, Fields: "spec.serviceAccountName=" + s.Component.ServiceAccount},
		func(p space.Pod) {
			if !p.Done() {
				pods = append(pods, p)
			}
		})
	return r.observed.LackOfPods(w, s.Component, account, pods), err
}

func (r *runner) progress(format string, args ...any) {
	if r.options.Progress != nil {
		r.options.Progress(fmt.Sprintf(format, args...))
	}
}
