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

// subjectConditionOf finds the condition. ok is false if the statement admits more than
// this program could admit with any config.
func subjectConditionOf(s iam.Statement) (n subjectCondition, ok bool) {
	widest := iam.Statement{Effect: iam.Allow, Principal: iam.Principal{Service: iam.Values{desired.PodIdentityService}},
		Action: iam.Values{"sts:AssumeRole", "sts:TagSession"}, Condition: iam.Condition{"StringLike": {
			desired.NamespaceTag: {"*"}, desired.ServiceAccountTag: {"*"}, desired.ClusterTag: {"*"}}}}
	n.key = desired.NamespaceTag
	if len(s.Principal.Federated) == 1 {
		_, issuer, _ := strings.Cut(s.Principal.Federated[0], ":oidc-provider/")
		n.key = issuer + ":sub"
		widest = iam.Statement{Effect: iam.Allow, Principal: iam.Principal{Federated: s.Principal.Federated},
			Action:    iam.Values{"sts:AssumeRoleWithWebIdentity"},
			Condition: iam.Condition{"StringEquals": {issuer + ":aud": {identity.Audience}}, "StringLike": {n.key: {"*"}}}}
	}
	_, exact := s.Condition["StringEquals"][n.key]
	_, pattern := s.Condition["StringLike"][n.key]
	n.operator = "StringEquals"
	if pattern {
		n.operator = "StringLike"
	}
	return n, exact != pattern && iam.Covers(widest, s)
}

// subjects returns the subjects of a statement.
func (n subjectCondition) subjects(s iam.Statement) []string { return s.Condition[n.operator][n.key] }

// with returns the statement with other subjects.
func (n subjectCondition) with(s iam.Statement, subjects ...string) iam.Statement {
	s.Condition = s.Condition.Clone()
	if s.Condition == nil {
		s.Condition = iam.Condition{}
	}
	if s.Condition[n.operator] == nil {
		s.Condition[n.operator] = map[string]iam.Values{}
	}
	s.Condition[n.operator][n.key] = sortedUnique(subjects)
	return s
}

// template returns the statement without its subjects and its Sid. Statements with
// the same template admit their subjects in the same way.
func (n subjectCondition) template(s iam.Statement) iam.Statement {
	s = n.with(s, "")
	s.Sid = ""
	return iam.Canonical(s)
}

// uncovered returns the subjects that no statement of the document admits. A statement
// with stricter conditions does not count.
func (n subjectCondition) uncovered(s iam.Statement, doc iam.Document) []string {
	return slices.DeleteFunc(slices.Clone(n.subjects(s)), func(subject string) bool {
		alone := n.with(s, subject)
		return slices.ContainsFunc(doc.Statement, func(t iam.Statement) bool { return iam.Covers(t, alone) })
	})
}

// withoutLimits returns the document without the conditions on aws:SourceAccount and
// aws:SourceArn, which apply to all subjects alike. The merge uses it to compare whom two
// documents admit.
func withoutLimits(doc iam.Document) iam.Document {
	doc.Statement = slices.Clone(doc.Statement)
	for i := range doc.Statement {
		doc.Statement[i].Condition = doc.Statement[i].Condition.Clone()
		delete(doc.Statement[i].Condition["StringEquals"], "aws:SourceAccount")
		delete(doc.Statement[i].Condition["ArnLike"], "aws:SourceArn")
	}
	return doc
}
