package desired

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Explanation says whether a service account would get a role under a trust policy. It has
// a [Way] for each cluster and each mechanism of the mode: IRSA, EKS Pod Identity or both.
type Explanation struct {
	Namespace      string      `json:"namespace"`
	ServiceAccount string      `json:"serviceAccount"`
	Component      string      `json:"component"` // whose role it is
	Role           string      `json:"role"`
	Policy         string      `json:"policy"`  // which document was evaluated, in words
	Verdict        iam.Verdict `json:"verdict"` // the best verdict of the ways, because one way is enough
	Ways           []Way       `json:"ways"`
	Notes          []string    `json:"notes,omitempty"`
}

// Way is one way to the role: a mechanism on a cluster, the action that decides, and the
// policy's decision on it.
type Way struct {
	Mechanism identity.Mode `json:"mechanism"`
	Cluster   string        `json:"cluster"`
	Action    string        `json:"action"`
	iam.Decision
}

// Fact is a condition key whose values the user knows and the program does not, such as
// aws:SourceArn.
type Fact struct {
	Key    string
	Values []string
}

// Explain evaluates any trust policy for a service account, on each cluster of the config
// and by each mechanism of the component's mode. EKS Pod Identity calls sts:AssumeRole
// and, for session tags, sts:TagSession. The first action that is not allowed decides.
//
// The error is a [*MissingError] for a missing setting, or says that Kubernetes does not
// accept the names.
func (s State) Explain(doc iam.Document, c Component, namespace, serviceAccount string, facts ...Fact) (Explanation, error) {
	if err := joinProblems("explain "+namespace+"/"+serviceAccount, s.RequireOf(c.Name, NeedTrust),
		identity.ValidateNamespace(namespace), identity.ValidateServiceAccount(serviceAccount)); err != nil {
		return Explanation{}, err
	}
	e := Explanation{Namespace: namespace, ServiceAccount: serviceAccount, Component: c.Name, Role: c.Role.String(),
		Policy: "the trust policy that the config asks for", Notes: notesOn(c.Mode)}
	for _, cluster := range s.Clusters {
		label := cmp.Or(cluster.Name, cluster.OIDC.HostPath)
		if c.Mode.UsesIRSA() {
			e.Ways = append(e.Ways, wayOf(doc, identity.IRSA, label, facts, IRSARequest(cluster, c.Role, namespace, serviceAccount)))
		}
		if c.Mode.UsesPodIdentity() {
			e.Ways = append(e.Ways, wayOf(doc, identity.PodIdentity, label, facts, PodIdentityRequests(cluster, c, namespace, serviceAccount)...))
		}
	}
	e.Verdict = bestVerdict(e.Ways)
	return e, nil
}

// OnCluster returns the state for only one of its clusters.
func (s State) OnCluster(cluster identity.Cluster) State {
	s.Clusters = []identity.Cluster{cluster}
	return s
}

// wayOf evaluates requests that must all be allowed. The first request that is not allowed
// decides.
func wayOf(doc iam.Document, mechanism identity.Mode, cluster string, facts []Fact, requests ...iam.Request) Way {
	w := Way{Mechanism: mechanism, Cluster: cluster}
	var actions []string
	for _, r := range requests {
		for _, f := range facts {
			r = r.With(f.Key, f.Values...)
		}
		w.Decision, w.Action = iam.Evaluate(r, doc), r.Action
		if w.Verdict != iam.Allowed {
			return w
		}
		actions = append(actions, r.Action)
	}
	w.Action = strings.Join(actions, " and ")
	return w
}

func bestVerdict(ways []Way) iam.Verdict {
	verdict := iam.Denied
	for _, w := range ways {
		switch w.Verdict {
		case iam.Allowed:
			return iam.Allowed
		case iam.CannotEvaluate:
			verdict = iam.CannotEvaluate
		}
	}
	return verdict
}

func notesOn(m identity.Mode) []string {
	var all []string
	if m.UsesPodIdentity() {
		all = append(all, "EKS Pod Identity also needs an association of this namespace and service account; the policy alone gives no access")
	}
	if m == identity.Both {
		all = append(all, OverrideWarning)
	}
	return all
}

// OverrideWarning warns of a role that is used by both mechanisms.
//
// Source: Amazon EKS User Guide, "Learn how EKS Pod Identity grants pods access
// to AWS services".
const OverrideWarning = "if a service account has both an association and a role annotation, EKS silently uses the association"

// IRSARequest returns the request that an AWS SDK sends from a pod of the service account,
// with the pod's token.
//
// Source: IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS
// condition context keys: Available keys for AWS web identity federation".
func IRSARequest(cluster identity.Cluster, role identity.RoleARN, namespace, serviceAccount string) iam.Request {
	provider := cluster.OIDC.HostPath
	return iam.Request{
		Caller: iam.Caller{Kind: iam.Federated, ID: cluster.OIDC.ARN(role)},
		Action: "sts:AssumeRoleWithWebIdentity",
		Context: map[string][]string{
			provider + ":aud":     {identity.Audience},
			provider + ":sub":     {TokenSubject(namespace, serviceAccount)},
			"aws:SecureTransport": {"true"},
		},
		Absent: []string{"*:aud", "*:sub", "*:amr", "*:oaud", "aws:RequestTag/*", "aws:TagKeys",
			"sts:TransitiveTagKeys", "aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths", "sts:ExternalId"},
	}
}

// PodIdentityRequests returns the requests that EKS Pod Identity sends to assume the
// component's role for a pod of the service account. The second one, for session tags, is
// missing if they are disabled. All requests must be allowed.
//
// AWS does not document the value of aws:SourceArn, so it is unknown. A user who knows it
// adds it with [iam.Request.With]. The organization of the account is the one that the config
// names, or unknown.
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
func PodIdentityRequests(cluster identity.Cluster, c Component, namespace, serviceAccount string) []iam.Request {
	assume := iam.Request{
		Caller:  iam.Caller{Kind: iam.Service, ID: PodIdentityService},
		Action:  "sts:AssumeRole",
		Context: map[string][]string{"aws:SecureTransport": {"true"}, "aws:SourceAccount": {c.Role.Account}},
		Absent: []string{"*:aud", "*:sub", "*:amr", "*:oaud", "sts:ExternalId",
			"aws:RequestTag/*", "aws:TagKeys", "sts:TransitiveTagKeys"},
	}
	if id := c.PodIdentity.SourceOrgID; id != "" {
		assume = assume.With(SourceOrgIDKey, id)
	}
	if c.PodIdentity.DisableSessionTags {
		return []iam.Request{assume}
	}
	tags := map[string]string{
		"eks-cluster-arn": ClusterARN(cluster, c.Role), "eks-cluster-name": cluster.Name,
		"kubernetes-namespace": namespace, "kubernetes-service-account": serviceAccount,
	}
	for key, value := range tags {
		assume = assume.With("aws:RequestTag/"+key, value)
	}
	// Every session also has the tags of the pod, with values that are not known here.
	assume.Unknown = []string{"aws:RequestTag/kubernetes-pod-name", "aws:RequestTag/kubernetes-pod-uid"}
	keys := append(slices.Sorted(maps.Keys(tags)), "kubernetes-pod-name", "kubernetes-pod-uid")
	assume = assume.With("aws:TagKeys", keys...).With("sts:TransitiveTagKeys", keys...)
	tag := assume
	tag.Action = "sts:TagSession"
	return []iam.Request{assume, tag}
}

// Review lists common mistakes in any trust policy:
//   - an Allow for everyone, or for everyone else
//   - a web identity without a condition on the audience or the subject
//   - EKS Pod Identity without a condition on the namespace
//   - a wildcard under an operator that takes it literally
func Review(doc iam.Document) []string {
	var all []string
	for i, s := range doc.Statement {
		for _, problem := range append(reviewPrincipal(s), reviewWildcards(s)...) {
			all = append(all, iam.StatementTitle(i+1, s)+": "+problem)
		}
	}
	return all
}

func reviewWildcards(s iam.Statement) []string {
	var all []string
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		if !TakesWildcardsLiterally(operator) {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			if values := s.Condition[operator][key]; strings.ContainsAny(strings.Join(values, ""), "*?") {
				all = append(all, fmt.Sprintf("%s %s takes the * or ? in %q literally: a pattern needs StringLike",
					operator, key, strings.Join(values, ", ")))
			}
		}
	}
	return all
}

// TakesWildcardsLiterally reports whether a condition operator compares * and ? as ordinary
// characters.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
func TakesWildcardsLiterally(operator string) bool {
	return strings.Contains(operator, "Equals") && !strings.Contains(operator, "Arn")
}

func reviewPrincipal(s iam.Statement) []string {
	if s.Effect != iam.Allow {
		return nil
	}
	var all []string
	if s.Principal.IncludesEveryone() {
		all = append(all, "the principal is everyone")
	}
	if !s.NotPrincipal.IsZero() {
		all = append(all, "NotPrincipal admits everyone else, also of other accounts")
	}
	if len(s.Principal.Federated) > 0 {
		if !Restricts(s, ":aud") {
			all = append(all, "no condition on the audience: a token for another service is enough")
		}
		if !Restricts(s, ":sub") {
			all = append(all, "no condition on the subject: it admits every service account of the cluster")
		}
	}
	if slices.Contains(s.Principal.Service, PodIdentityService) && !Restricts(s, NamespaceTag) {
		all = append(all, "no condition on "+NamespaceTag+": any association in the account can use the role")
	}
	return all
}

// Restricts reports whether the statement can exclude a request by a condition on a key
// that ends in ending. A condition that is true for a request without the key does not
// count.
func Restricts(s iam.Statement, ending string) bool {
	for operator, keys := range s.Condition {
		holdsWithout := strings.HasSuffix(operator, "IfExists") || strings.HasPrefix(operator, "ForAllValues:") || operator == "Null"
		for key := range keys {
			if !holdsWithout && strings.HasSuffix(strings.ToLower(key), strings.ToLower(ending)) {
				return true
			}
		}
	}
	return false
}
