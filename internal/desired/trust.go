package desired

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// PodIdentityService is the principal of EKS Pod Identity in every partition.
//
// Source: Amazon EKS User Guide, "Create IAM role with trust policy required by
// EKS Pod Identity".
const PodIdentityService = "pods.eks.amazonaws.com"

// The session tags on which a trust policy for EKS Pod Identity has conditions.
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
const (
	NamespaceTag      = "aws:RequestTag/kubernetes-namespace"
	ServiceAccountTag = "aws:RequestTag/kubernetes-service-account"
	ClusterTag        = "aws:RequestTag/eks-cluster-arn"
)

// The condition keys that say for whom EKS assumes the role.
//
// Source: IAM User Guide, "AWS global condition context keys".
const (
	SourceAccountKey = "aws:SourceAccount"
	SourceARNKey     = "aws:SourceArn"
	SourceOrgIDKey   = "aws:SourceOrgID" // absent if that account is in no organization
)

// TrustPolicy returns the trust policy of the component's role. On every cluster of the
// config it admits the service accounts of all components that use the role, in the
// namespaces of their subjects. It admits nobody else.
//
// Under IRSA each cluster has a statement for the exact namespaces and one for the
// pattern, because they need different operators. Under EKS Pod Identity one statement
// of each kind lists all clusters. The policy does not list a namespace that the pattern
// covers. Without session tags, that statement admits every association of the clusters.
//
// The error is a [*MissingError] for a missing setting, or [ErrNoSubjects].
func (s State) TrustPolicy(c Component) (iam.Document, error) {
	doc := iam.Document{Version: iam.PolicyVersion}
	for i, sharer := range s.withRole(c.Role) {
		if err := s.checkTrust(sharer); err != nil {
			return iam.Document{}, err
		}
		for _, statement := range s.trustStatements(sharer) {
			if slices.ContainsFunc(doc.Statement, func(t iam.Statement) bool { return len(iam.Differences(t, statement)) == 0 }) {
				continue // without session tags, the statements of two components may be equal
			}
			if i > 0 { // a Sid must be unique in a policy
				statement.Sid += "For" + ShortHash(sharer.Name)
			}
			doc.Statement = append(doc.Statement, statement)
		}
	}
	return doc, nil
}

// checkTrust returns an error if the component's trust policy would admit nobody or lacks a
// setting.
func (s State) checkTrust(c Component) error {
	problems := []error{s.RequireOf(c.Name, NeedTrust)}
	if c.Subjects.Empty() {
		problems = append(problems, ErrNoSubjects)
	}
	return joinProblems("trust policy of "+c.Name, problems...)
}

func (s State) trustStatements(c Component) []iam.Statement {
	var all []iam.Statement
	if c.Mode.UsesIRSA() {
		for i, cluster := range s.Clusters {
			issuer, suffix := cluster.OIDC.HostPath, ""
			if i > 0 { // a hash, not the index: the Sid stays the same if another cluster is removed
				suffix = ShortHash(issuer)
			}
			all = append(all, limitTo(c.Subjects, "IRSA", suffix, irsaStatement(c, cluster),
				issuer+":sub", func(ns string) []string { return c.TokenSubjects(ns) })...)
		}
	}
	switch {
	case !c.Mode.UsesPodIdentity():
	case c.PodIdentity.DisableSessionTags:
		all = append(all, s.tagless(c))
	default:
		all = append(all, limitTo(c.Subjects, "PodIdentity", "", s.podIdentityStatement(c),
			NamespaceTag, func(ns string) []string { return []string{ns} })...)
	}
	return all
}

// limitTo returns copies of a statement that a condition limits to the subjects: one copy
// for the exact namespaces and one for the pattern. The function passed as values returns
// the values of the condition key for a namespace.
func limitTo(s Subjects, sid, suffix string, statement iam.Statement, key string, values func(ns string) []string) []iam.Statement {
	var all []iam.Statement
	add := func(sid, operator string, namespaces ...string) {
		limited := statement
		limited.Sid = SidPrefix + sid + suffix
		var admitted []string
		for _, ns := range namespaces {
			admitted = append(admitted, values(ns)...)
		}
		limited.Condition = limited.Condition.With(operator, key, admitted...)
		all = append(all, limited)
	}
	if names := s.exact(); len(names) > 0 {
		add(sid, "StringEquals", names...)
	}
	if s.Match != "" {
		add(sid+"Match", "StringLike", s.Match.Pattern())
	}
	return all
}

// irsaStatement returns a statement for tokens of the cluster with any subject.
func irsaStatement(c Component, cluster identity.Cluster) iam.Statement {
	return iam.Statement{
		Effect:    iam.Allow,
		Principal: iam.Principal{Federated: iam.Values{cluster.OIDC.ARN(c.Role)}},
		Action:    iam.Values{"sts:AssumeRoleWithWebIdentity"},
		Condition: iam.Condition{"StringEquals": {cluster.OIDC.HostPath + ":aud": {identity.Audience}}},
	}
}

// TokenSubject returns the sub claim of a service account's token.
//
// Source: Kubernetes documentation, "Managing Service Accounts".
func TokenSubject(namespace, serviceAccount string) string {
	return "system:serviceaccount:" + namespace + ":" + serviceAccount
}

// TokenSubjects returns the subjects of the component's service account in a namespace, one
// for each name that it may have.
func (c Component) TokenSubjects(namespace string) []string {
	var all []string
	for _, account := range c.Accounts {
		all = append(all, TokenSubject(namespace, account))
	}
	return all
}

// podIdentityStatement returns a statement for associations of the component's service
// account in all clusters, in any namespace.
func (s State) podIdentityStatement(c Component) iam.Statement {
	var clusters iam.Values
	for _, cluster := range s.Clusters {
		clusters = append(clusters, ClusterARN(cluster, c.Role))
	}
	condition := iam.Condition{"StringEquals": {ServiceAccountTag: slices.Clone(c.Accounts), ClusterTag: clusters}}
	if c.PodIdentity.SourceAccount {
		condition["StringEquals"][SourceAccountKey] = iam.Values{c.Role.Account}
	}
	if id := c.PodIdentity.SourceOrgID; id != "" {
		condition["StringEquals"][SourceOrgIDKey] = iam.Values{id}
	}
	if arns := c.PodIdentity.SourceARNs; len(arns) > 0 {
		condition["ArnLike"] = map[string]iam.Values{SourceARNKey: slices.Clone(arns)}
	}
	return podIdentityAllow(condition)
}

// tagless returns the statement for EKS Pod Identity without session tags. They are the only
// condition on a namespace or service account that AWS offers. So the statement admits all
// associations in the account of the role whose aws:SourceArn matches the setting
// sourceARNs, or is the ARN of a cluster of the config.
//
// AWS does not document the value of aws:SourceArn. Users report that it is the ARN of the
// cluster, not of the association.
//
// Source: terraform-aws-modules/terraform-aws-eks#3743; awslabs/mountpoint-s3-csi-driver#781.
func (s State) tagless(c Component) iam.Statement {
	arns := slices.Clone(c.PodIdentity.SourceARNs)
	if len(arns) == 0 {
		for _, cluster := range s.Clusters {
			arns = append(arns, ClusterARN(cluster, c.Role))
		}
	}
	statement := podIdentityAllow(iam.Condition{
		"StringEquals": {SourceAccountKey: {c.Role.Account}},
		"ArnLike":      {SourceARNKey: arns},
	})
	if id := c.PodIdentity.SourceOrgID; id != "" {
		statement.Condition["StringEquals"][SourceOrgIDKey] = iam.Values{id}
	}
	statement.Sid = SidPrefix + "PodIdentity"
	return statement
}

func podIdentityAllow(condition iam.Condition) iam.Statement {
	return iam.Statement{
		Effect:    iam.Allow,
		Principal: iam.Principal{Service: iam.Values{PodIdentityService}},
		Action:    iam.Values{"sts:AssumeRole", "sts:TagSession"},
		Condition: condition,
	}
}

// ClusterARN returns the ARN of the cluster. EKS Pod Identity requires that it is in the
// account of the role.
func ClusterARN(cluster identity.Cluster, role identity.RoleARN) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", role.Partition, cluster.Region, role.Account, cluster.Name)
}

// NobodyStatement returns a statement that admits nobody, for a trust policy without other
// statements. IAM does not allow an empty policy.
func NobodyStatement() iam.Statement {
	return iam.Statement{Sid: NobodySid, Effect: iam.Deny, Principal: iam.Principal{AWS: iam.Values{"*"}}, Action: iam.Values{"sts:AssumeRole"}}
}
