package reconcile

import (
	"maps"
	"path"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// The condition keys of EKS Pod Identity's session tags that say whom a
// statement admits.
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
const (
	tagNamespace      = "aws:RequestTag/kubernetes-namespace"
	tagServiceAccount = "aws:RequestTag/kubernetes-service-account"
	tagCluster        = "aws:RequestTag/eks-cluster-arn"
)

// shape is a statement that grants a role to workloads, taken apart: a frame, and
// the subjects in it.
type shape struct {
	mode            identity.Mode
	provider        string   // IRSA: ARN of the OIDC provider
	serviceAccounts []string // EKS Pod Identity
	clusters        []string // EKS Pod Identity: ARNs
	operator        string   // of the subjects: StringEquals or StringLike
	key             string   // of the subjects
	subjects        []string // tokens' subjects, or namespaces
}

// shapeOf takes a statement apart; ok is false where it is anything but what this
// program writes, or could have written for other settings.
func shapeOf(s iam.Statement) (shape, bool) {
	if s.Effect != iam.Allow || s.Principal.Everyone || len(s.NotAction)+len(s.Resource)+len(s.NotResource) > 0 || !s.NotPrincipal.IsZero() {
		return shape{}, false
	}
	switch principal := s.Principal; {
	case len(principal.AWS)+len(principal.CanonicalUser) > 0:
		return shape{}, false
	case len(principal.Federated) == 1 && len(principal.Service) == 0:
		return irsaShape(s)
	case len(principal.Federated) == 0 && len(principal.Service) == 1 && principal.Service[0] == iam.PodIdentityService:
		return podShape(s)
	}
	return shape{}, false
}

func irsaShape(s iam.Statement) (shape, bool) {
	provider := s.Principal.Federated[0]
	_, host, ok := strings.Cut(provider, ":oidc-provider/")
	if !ok || !sameSet(s.Action, []string{"sts:AssumeRoleWithWebIdentity"}) {
		return shape{}, false
	}
	sh := shape{mode: identity.IRSA, provider: provider, key: host + ":sub"}
	rest := conditions(s)
	audience := rest.take("StringEquals", host+":aud")
	sh.subjects, sh.operator = rest.takeSubjects(sh.key)
	return sh, len(rest) == 0 && sameSet(audience, []string{iam.Audience}) && len(sh.subjects) > 0
}

func podShape(s iam.Statement) (shape, bool) {
	if !sameSet(s.Action, []string{"sts:AssumeRole", "sts:TagSession"}) {
		return shape{}, false
	}
	sh := shape{mode: identity.PodIdentity, key: tagNamespace}
	rest := conditions(s)
	sh.serviceAccounts = rest.take("StringEquals", tagServiceAccount)
	sh.clusters = rest.take("StringEquals", tagCluster)
	sh.subjects, sh.operator = rest.takeSubjects(tagNamespace)
	rest.take("StringEquals", "aws:SourceAccount") // these two only narrow
	rest.take("ArnLike", "aws:SourceArn")
	return sh, len(rest) == 0 && len(sh.serviceAccounts) > 0 && len(sh.clusters) > 0 && len(sh.subjects) > 0
}

// condition is one key of a Condition element.
type condition struct{ operator, key string }

// conditionSet are the conditions of a statement that were not looked at yet.
type conditionSet map[condition]iam.Values

func conditions(s iam.Statement) conditionSet {
	set := conditionSet{}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			set[condition{operator, key}] = values
		}
	}
	return set
}

func (c conditionSet) take(operator, key string) []string {
	values := c[condition{operator, key}]
	delete(c, condition{operator, key})
	return values
}

// takeSubjects takes the values of the key under the one operator that has it.
func (c conditionSet) takeSubjects(key string) (subjects []string, operator string) {
	for _, operator := range []string{"StringEquals", "StringLike"} {
		if _, ok := c[condition{operator, key}]; ok {
			return c.take(operator, key), operator
		}
	}
	return nil, ""
}

// sameFrame reports whether two shapes differ in their subjects alone.
func (a shape) sameFrame(b shape) bool {
	return a.mode == b.mode && a.provider == b.provider && a.operator == b.operator &&
		sameSet(a.serviceAccounts, b.serviceAccounts) && sameSet(a.clusters, b.clusters)
}

// covers reports whether everything that other admits by one of its subjects is
// admitted by a as well.
func (a shape) covers(other shape, subject string) bool {
	if a.mode != other.mode || a.provider != other.provider ||
		!subset(other.serviceAccounts, a.serviceAccounts) || !subset(other.clusters, a.clusters) {
		return false
	}
	pattern := other.operator == "StringLike" && strings.ContainsAny(subject, "*?")
	if a.operator == "StringEquals" {
		return !pattern && slices.Contains(a.subjects, subject)
	}
	return slices.ContainsFunc(a.subjects, func(s string) bool {
		if pattern && strings.Contains(subject, "*") {
			return s == subject
		}
		ok, err := path.Match(s, subject) // no name here has a slash, so it matches as IAM does
		return err == nil && ok
	})
}

// covered reports whether some statement of the document admits all that the
// shape admits by the subject.
func covered(doc iam.Document, s shape, subject string) bool {
	return slices.ContainsFunc(doc.Statement, func(t iam.Statement) bool {
		other, ok := shapeOf(t)
		return ok && other.covers(s, subject)
	})
}

// uncovered are the subjects of the shape that the document does not admit.
func uncovered(doc iam.Document, s shape) []string {
	var out []string
	for _, subject := range s.subjects {
		if !covered(doc, s, subject) {
			out = append(out, subject)
		}
	}
	return out
}

// withSubjects is the statement with other subjects.
func withSubjects(s iam.Statement, sh shape, subjects []string) iam.Statement {
	s.Condition = cloneCondition(s.Condition)
	s.Condition[sh.operator][sh.key] = slices.Compact(slices.Sorted(slices.Values(subjects)))
	return s
}

func cloneCondition(c iam.Condition) iam.Condition {
	out := iam.Condition{}
	for operator, keys := range c {
		out[operator] = maps.Clone(keys)
	}
	return out
}

func sameSet(a, b []string) bool { return subset(a, b) && subset(b, a) }

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
