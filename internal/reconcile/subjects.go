package reconcile

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// subjectCondition is the condition in which a statement lists its subjects. Subjects are
// token subjects for IRSA, and namespaces for EKS Pod Identity.
type subjectCondition struct{ operator, key string }

// issuerOf returns the issuer whose tokens a statement is about. It returns "" for EKS Pod
// Identity.
func issuerOf(s iam.Statement) string {
	if len(s.Principal.Federated) != 1 {
		return ""
	}
	_, issuer, _ := strings.Cut(s.Principal.Federated[0], ":oidc-provider/")
	return issuer
}

// subjectConditionOf finds the condition. ok is false if the statement has none, or one
// with each operator.
func subjectConditionOf(s iam.Statement) (n subjectCondition, ok bool) {
	n = subjectCondition{"StringEquals", desired.NamespaceTag}
	if issuer := issuerOf(s); issuer != "" {
		n.key = issuer + ":sub"
	}
	_, exact := s.Condition["StringEquals"][n.key]
	_, pattern := s.Condition["StringLike"][n.key]
	if pattern {
		n.operator = "StringLike"
	}
	return n, exact != pattern
}

// isReadable reports whether a statement only admits subjects that it lists, as this program
// could admit them with some config. A managed statement that is not readable is edited.
func isReadable(s iam.Statement) bool {
	_, ok := subjectConditionOf(s)
	widest := iam.Statement{Effect: iam.Allow, Principal: iam.Principal{Service: iam.Values{desired.PodIdentityService}}, Condition: iam.Condition{"StringLike": {
		desired.NamespaceTag: {"*"}, desired.ServiceAccountTag: {"*"}, desired.ClusterTag: {"*"}}}}
	if issuer := issuerOf(s); issuer != "" {
		widest.Principal = iam.Principal{Federated: s.Principal.Federated}
		widest.Condition = iam.Condition{"StringLike": {issuer + ":sub": {"*"}}}
	}
	return ok && iam.Covers(repaired(widest), s)
}

// repaired returns a statement with the actions and the audience that this program writes.
func repaired(s iam.Statement) iam.Statement {
	s.Action, s.NotAction = iam.Values{"sts:AssumeRole", "sts:TagSession"}, nil
	if issuer := issuerOf(s); issuer != "" {
		s.Action = iam.Values{"sts:AssumeRoleWithWebIdentity"}
		s = subjectCondition{"StringEquals", issuer + ":aud"}.with(s, identity.Audience)
	}
	return s
}

// subjectsOf returns the subjects that a statement lists.
func subjectsOf(s iam.Statement) []string {
	n, ok := subjectConditionOf(s)
	if !ok {
		return nil
	}
	return s.Condition[n.operator][n.key]
}

// with returns the statement with other values of the condition.
func (n subjectCondition) with(s iam.Statement, values ...string) iam.Statement {
	s.Condition = s.Condition.With(n.operator, n.key, sortedUnique(values)...)
	return s
}

// withSubjects returns a statement that lists subjects, with other subjects.
func withSubjects(s iam.Statement, subjects ...string) iam.Statement {
	n, _ := subjectConditionOf(s)
	return n.with(s, subjects...)
}

// termsOf returns a statement without the condition that lists whom it admits.
func termsOf(s iam.Statement) iam.Statement {
	n, ok := subjectConditionOf(s)
	if ok && s.Effect == iam.Allow {
		s.Condition = s.Condition.Clone()
		delete(s.Condition[n.operator], n.key)
		if len(s.Condition[n.operator]) == 0 {
			delete(s.Condition, n.operator)
		}
	}
	return s
}

// sameTerms reports whether two statements admit their subjects under the same conditions,
// so that one statement can list the subjects of both. An edited statement has the terms of
// only those that equal it in all but the Sid.
func sameTerms(a, b iam.Statement) bool {
	a.Sid, b.Sid = "", ""
	if isReadable(a) && isReadable(b) {
		a, b = withSubjects(a), withSubjects(b)
	}
	return iam.Same(a, b)
}

// split returns one statement for each subject, which together admit what the statement
// admits. A statement that lists no subjects stays whole.
func split(s iam.Statement) []iam.Statement {
	subjects := subjectsOf(s)
	if len(subjects) == 0 {
		return []iam.Statement{s}
	}
	var parts []iam.Statement
	for _, subject := range subjects {
		parts = append(parts, withSubjects(s, subject))
	}
	return parts
}

// isCovered reports whether one statement of the document admits all that a part admits.
func isCovered(part iam.Statement, doc iam.Document) bool {
	return slices.ContainsFunc(doc.Statement, func(t iam.Statement) bool { return iam.Covers(t, part) })
}

// uncovered returns the parts of a statement that the document does not cover.
func uncovered(s iam.Statement, doc iam.Document) []iam.Statement {
	return slices.DeleteFunc(split(s), func(part iam.Statement) bool { return isCovered(part, doc) })
}

// withoutLimits returns the document without the conditions on aws:SourceAccount,
// aws:SourceOrgID and aws:SourceArn, which apply to all subjects alike. The merge uses it to compare whom two
// documents admit.
//
// Without session tags, aws:SourceArn is all that names the clusters. There it becomes a
// condition on the cluster's tag, which live statements may have.
func withoutLimits(doc iam.Document) iam.Document {
	doc.Statement = slices.Clone(doc.Statement)
	for i, s := range doc.Statement {
		clusters := s.Condition["ArnLike"][desired.SourceARNKey]
		s.Condition = s.Condition.Clone()
		delete(s.Condition["StringEquals"], desired.SourceAccountKey)
		delete(s.Condition["StringEquals"], desired.SourceOrgIDKey)
		delete(s.Condition["ArnLike"], desired.SourceARNKey)
		if _, lists := subjectConditionOf(s); !lists && len(clusters) > 0 {
			s.Condition["StringLike"] = map[string]iam.Values{desired.ClusterTag: clusters}
		}
		doc.Statement[i] = s
	}
	return doc
}
