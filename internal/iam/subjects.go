package iam

import (
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Subjects are the host namespaces whose service account may become the role:
// exact names, and a pattern beside them.
type Subjects struct {
	Namespaces []string // exact, sorted, without repetition
	Match      identity.Match
}

// SubjectsOf are the subjects that a config names.
func SubjectsOf(spec identity.Spec) Subjects {
	return Subjects{Namespaces: spec.ControlPlanes.Namespaces, Match: spec.ControlPlanes.Match}
}

// ErrNoSubjects says that nothing tells which control planes a role is for.
var ErrNoSubjects = errors.New("no control plane is known: list the host namespaces in controlPlanes.namespaces " +
	"(or --host-namespace), let a command that has the cluster discover them (controlPlanes.discover: true), " +
	"or admit every namespace that a Space names by itself (match: uuid)")

// initialNamespaces are those that every cluster has and that no control plane
// lives in; a pattern that admits the first two is refused.
//
// Source: Kubernetes documentation, "Namespaces: Initial namespaces".
var initialNamespaces = []string{"kube-system", "default", "kube-public", "kube-node-lease"}

// Check reports what makes the subjects unfit for a policy: none at all, a
// namespace that is no DNS label (a wildcard among exact names, say), or a
// pattern that admits more than control planes.
func (s Subjects) Check() error {
	if len(s.Namespaces) == 0 && s.Match == "" {
		return ErrNoSubjects
	}
	var problems []error
	for _, ns := range s.Namespaces {
		problems = append(problems, checkNamespace(ns))
	}
	return errors.Join(append(problems, CheckMatch(s.Match))...)
}

// CheckMatch refuses a pattern that would admit more than control planes: one
// that [identity.ParseMatch] refuses, or one that admits kube-system or default.
func CheckMatch(m identity.Match) error {
	if m == "" {
		return nil
	}
	if _, err := identity.ParseMatch(string(m)); err != nil {
		return named("match", err)
	}
	for _, ns := range initialNamespaces[:2] {
		if like(m.Pattern(), ns) {
			return fmt.Errorf("match %q admits the namespace %s, where no control plane lives: "+
				"use uuid, or a narrower pattern such as mxp-*-system", m, ns)
		}
	}
	return nil
}

// Admits reports whether a service account of that namespace is among the
// subjects.
func (s Subjects) Admits(namespace string) bool {
	return slices.Contains(s.Namespaces, namespace) || s.covers(namespace)
}

func (s Subjects) covers(namespace string) bool {
	return s.Match != "" && like(s.Match.Pattern(), namespace)
}

// exact are the namespaces that need a line of their own. One that the pattern
// covers is left out: the grant is the same and the policy shorter.
func (s Subjects) exact() []string {
	var names []string
	for _, ns := range s.Namespaces {
		if !s.covers(ns) {
			names = append(names, ns)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// like is Like, for the functions of this package.
func like(pattern, s string) bool { return Like(pattern, s) }
