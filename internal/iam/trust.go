package iam

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Audience is the audience of the tokens that EKS projects for AWS, the same in
// every partition.
//
// Source: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service
// accounts".
const Audience = "sts.amazonaws.com"

// PodIdentityService is the principal of EKS Pod Identity in every partition.
//
// Source: Amazon EKS User Guide, "Create IAM role with trust policy required by
// EKS Pod Identity".
const PodIdentityService = "pods.eks.amazonaws.com"

// The session tags that a trust policy for EKS Pod Identity asks for.
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
const (
	tagNamespace      = "aws:RequestTag/kubernetes-namespace"
	tagServiceAccount = "aws:RequestTag/kubernetes-service-account"
	tagClusterARN     = "aws:RequestTag/eks-cluster-arn"
)

// Trust is the trust policy of the component's role: it admits the component's
// service account in the namespaces of subjects, on the cluster of spec and on
// those that share its roles, by the mechanism of the component's mode, and
// nobody else.
//
// Under IRSA each cluster has a statement for the exact namespaces and one for
// the pattern, because they need different operators. Under EKS Pod Identity one
// statement of each kind lists all clusters. A namespace that the pattern covers
// is not listed again.
//
// It is an error where a setting that the mode needs is missing or unfit for a
// policy, where there are no subjects ([ErrNoSubjects]), and where session tags
// are off, because the conditions on them would then admit nobody.
func Trust(spec identity.Spec, c identity.Component, subjects Subjects) (Document, error) {
	if err := checkTrust(spec, c, subjects); err != nil {
		return Document{}, fmt.Errorf("trust policy of %s: %w", c.Name, err)
	}
	doc := Document{Version: PolicyVersion}
	if c.Mode.UsesIRSA() {
		for i, cluster := range spec.AllClusters() {
			doc.Statement = append(doc.Statement, irsaStatements(cluster, i, c, subjects)...)
		}
	}
	if c.Mode.UsesPodIdentity() {
		doc.Statement = append(doc.Statement, podStatements(spec, c, subjects)...)
	}
	return doc, nil
}

func irsaStatements(cluster identity.Cluster, index int, c identity.Component, subjects Subjects) []Statement {
	provider := cluster.OIDC.HostPath
	statement := func(sid, operator string, subs Values) Statement {
		condition := Condition{"StringEquals": {provider + ":aud": {Audience}}}
		if condition[operator] == nil {
			condition[operator] = map[string]Values{}
		}
		condition[operator][provider+":sub"] = subs
		return Statement{
			Sid:       sidPrefix + sid + sidSuffix(index, provider),
			Effect:    Allow,
			Principal: Principal{Federated: Values{cluster.OIDC.ARN(c.Role)}},
			Action:    Values{"sts:AssumeRoleWithWebIdentity"},
			Condition: condition,
		}
	}
	var out []Statement
	if names := subjects.exact(); len(names) > 0 {
		subs := make(Values, len(names))
		for i, ns := range names {
			subs[i] = subject(ns, c.ServiceAccount)
		}
		out = append(out, statement("IRSA", "StringEquals", subs))
	}
	if subjects.Match != "" {
		pattern := subject(subjects.Match.Pattern(), c.ServiceAccount)
		out = append(out, statement("IRSAMatch", "StringLike", Values{pattern}))
	}
	return out
}

// subject is the sub claim of a service account's token.
func subject(namespace, serviceAccount string) string {
	return "system:serviceaccount:" + namespace + ":" + serviceAccount
}

// sidSuffix tells the statements of additional clusters apart by their issuer,
// so that adding or removing one cluster renames no other's statement.
func sidSuffix(index int, provider string) string {
	if index == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(provider))
	return hex.EncodeToString(sum[:4])
}

func podStatements(spec identity.Spec, c identity.Component, subjects Subjects) []Statement {
	var out []Statement
	if names := subjects.exact(); len(names) > 0 {
		s := podStatement(spec, c, "PodIdentity")
		s.Condition["StringEquals"][tagNamespace] = names
		out = append(out, s)
	}
	if subjects.Match != "" {
		s := podStatement(spec, c, "PodIdentityMatch")
		s.Condition["StringLike"] = map[string]Values{tagNamespace: {subjects.Match.Pattern()}}
		out = append(out, s)
	}
	return out
}

func podStatement(spec identity.Spec, c identity.Component, sid string) Statement {
	condition := Condition{"StringEquals": {
		tagServiceAccount: {c.ServiceAccount},
		tagClusterARN:     clusterARNs(spec, c.Role),
	}}
	if c.PodIdentity.SourceAccount {
		condition["StringEquals"]["aws:SourceAccount"] = Values{c.Role.Account}
	}
	if arns := c.PodIdentity.SourceARNs; len(arns) > 0 {
		condition["ArnLike"] = map[string]Values{"aws:SourceArn": slices.Clone(arns)}
	}
	return Statement{
		Sid:       sidPrefix + sid,
		Effect:    Allow,
		Principal: Principal{Service: Values{PodIdentityService}},
		Action:    Values{"sts:AssumeRole", "sts:TagSession"},
		Condition: condition,
	}
}

func clusterARNs(spec identity.Spec, role identity.RoleARN) Values {
	var arns Values
	for _, cluster := range spec.AllClusters() {
		arns = append(arns, clusterARN(cluster, role))
	}
	return arns
}

// clusterARN is the cluster in the account of the role: EKS Pod Identity takes
// no other.
func clusterARN(cluster identity.Cluster, role identity.RoleARN) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", role.Partition, cluster.Region, role.Account, cluster.Name)
}

func checkTrust(spec identity.Spec, c identity.Component, subjects Subjects) error {
	problems := []error{checkMode(c), checkRole(c.Role), checkServiceAccount(c.ServiceAccount), subjects.Check()}
	if c.Mode.UsesIRSA() {
		problems = append(problems, checkProviders(spec, c.Role))
	}
	if c.Mode.UsesPodIdentity() {
		problems = append(problems, checkClusters(spec), checkSessionTags(c), checkSourceARNs(c))
	}
	return errors.Join(problems...)
}
