package iam

import (
	"errors"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// Explanation says whether a service account would get a role under a trust
// policy, by each way that the mode gives it.
type Explanation struct {
	Namespace      string   `json:"namespace"`
	ServiceAccount string   `json:"serviceAccount"`
	Role           string   `json:"role"`
	Verdict        Verdict  `json:"verdict"` // the best of the ways
	Ways           []Way    `json:"ways"`
	Notes          []string `json:"notes,omitempty"`
}

// Way is one way to the role: a mechanism on a cluster, and what the policy says
// to the action that decides it.
type Way struct {
	Mechanism identity.Mode `json:"mechanism"`
	Cluster   string        `json:"cluster"`
	Action    string        `json:"action"`
	Decision
}

// Fact is a condition key that the user knows and the program does not, such as
// aws:SourceArn.
type Fact struct {
	Key    string
	Values []string
}

// Explain evaluates a trust policy, ours or any other, for a service account: on
// each cluster of spec, by each mechanism of the component's mode. EKS Pod
// Identity needs sts:AssumeRole and, for session tags, sts:TagSession, so the one
// that is refused decides. It is an error where a setting is missing that the request is made
// of, or a name is none that Kubernetes has: a token for it cannot exist.
func Explain(doc Document, spec identity.Spec, c identity.Component, namespace, serviceAccount string, facts ...Fact) (Explanation, error) {
	if err := errors.Join(checkRequest(spec, c), checkNamespace(namespace), checkServiceAccount(serviceAccount)); err != nil {
		return Explanation{}, fmt.Errorf("explain %s/%s: %w", namespace, serviceAccount, err)
	}
	e := Explanation{Namespace: namespace, ServiceAccount: serviceAccount, Role: c.Role.String()}
	for _, cluster := range spec.AllClusters() {
		if c.Mode.UsesIRSA() {
			request := IRSARequest(cluster, c.Role, namespace, serviceAccount)
			e.Ways = append(e.Ways, way(doc, identity.IRSA, clusterLabel(cluster), withFacts([]Request{request}, facts)...))
		}
		if c.Mode.UsesPodIdentity() {
			requests := PodIdentityRequests(cluster, c, namespace, serviceAccount)
			e.Ways = append(e.Ways, way(doc, identity.PodIdentity, clusterLabel(cluster), withFacts(requests, facts)...))
		}
	}
	e.Verdict = best(e.Ways)
	e.Notes = notes(c.Mode)
	return e, nil
}

func checkRequest(spec identity.Spec, c identity.Component) error {
	for _, cluster := range spec.AllClusters() {
		if c.Mode.UsesIRSA() {
			if err := checkProvider(cluster, c.Role); err != nil {
				return err
			}
		}
		if c.Mode.UsesPodIdentity() {
			if err := checkCluster(cluster); err != nil {
				return err
			}
		}
	}
	if err := checkMode(c); err != nil {
		return err
	}
	return checkRole(c.Role)
}

func clusterLabel(cluster identity.Cluster) string {
	if cluster.Name != "" {
		return cluster.Name
	}
	return cluster.OIDC.HostPath
}

func withFacts(requests []Request, facts []Fact) []Request {
	for i := range requests {
		for _, f := range facts {
			requests[i] = requests[i].With(f.Key, f.Values...)
		}
	}
	return requests
}

// way evaluates the requests that must all be allowed; the first that is not
// decides.
func way(doc Document, mechanism identity.Mode, cluster string, requests ...Request) Way {
	w := Way{Mechanism: mechanism, Cluster: cluster}
	var actions []string
	for _, r := range requests {
		w.Decision, w.Action = Evaluate(r, doc), r.Action
		if w.Verdict != Allowed {
			return w
		}
		actions = append(actions, r.Action)
	}
	w.Action = strings.Join(actions, " and ")
	return w
}

func best(ways []Way) Verdict {
	verdict := Denied
	for _, w := range ways {
		switch {
		case w.Verdict == Allowed:
			return Allowed
		case w.Verdict == CannotEvaluate:
			verdict = CannotEvaluate
		}
	}
	return verdict
}

func notes(m identity.Mode) []string {
	var out []string
	if m.UsesPodIdentity() {
		out = append(out, "EKS Pod Identity also needs an association of this namespace and service account; the policy alone gives nothing")
	}
	if m == identity.Both {
		out = append(out, OverrideWarning)
	}
	return out
}

// OverrideWarning is what a user should know while a role serves both
// mechanisms.
//
// Source: Amazon EKS User Guide, "Learn how EKS Pod Identity grants pods access
// to AWS services".
const OverrideWarning = "where a service account has an association and a role annotation, EKS uses the association, silently"

// Text is the explanation for a person: the verdict, and for each way the
// statement or condition that decides.
func (e Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: service account %s in namespace %s, role %s\n", e.Verdict, e.ServiceAccount, e.Namespace, e.Role)
	for _, w := range e.Ways {
		fmt.Fprintf(&b, "\n%s on cluster %s (%s): %s\n  %s\n", w.Mechanism, w.Cluster, w.Action, w.Verdict, w.Reason)
		if len(w.Changes) > 0 {
			fmt.Fprintf(&b, "  it would be allowed if:\n    %s\n", strings.Join(w.Changes, "\n    "))
		}
	}
	for _, note := range e.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", note)
	}
	return b.String()
}
