package iam

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// CallerKind is the kind of principal that asks for the role, by the name that a
// policy's Principal element has for it.
type CallerKind string

// The kinds of principal that workload identities have.
const (
	Federated CallerKind = "Federated" // an OIDC provider's ARN
	Service   CallerKind = "Service"   // an AWS service, such as pods.eks.amazonaws.com
)

// Caller is the principal of a request.
type Caller struct {
	Kind CallerKind `json:"kind"`
	ID   string     `json:"id"`
}

// Request is one call to AWS, as far as it is known before it is made. A key
// that Context does not hold and Absent does not cover, or that Unknown names, is
// unknown: a condition on it cannot be evaluated.
type Request struct {
	Caller   Caller              // the zero Caller for a role's permissions policies, which name none
	Action   string              // such as sts:AssumeRoleWithWebIdentity
	Resource string              // an ARN, or a pattern for all that it matches; empty for a trust policy
	Context  map[string][]string // condition keys and their values; keys in any case
	Unknown  []string            // keys that such a request has with values not known here
	Absent   []string            // keys that such a request never has; * stands for any characters
}

// With is the request with one more condition key, for what only the user knows.
func (r Request) With(key string, values ...string) Request {
	context := map[string][]string{}
	for k, v := range r.Context {
		if !strings.EqualFold(k, key) {
			context[k] = v
		}
	}
	context[key] = values
	r.Context = context
	return r
}

// presence says what is known of a condition key.
type presence int

const (
	unknownKey presence = iota
	absentKey
	presentKey
)

// lookup finds a key; the names of condition keys are not case-sensitive, those
// of tags within them included.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition", "The request
// context"; "Controlling access to AWS resources using tags".
func (r Request) lookup(key string) (presence, []string) {
	for k, values := range r.Context {
		if strings.EqualFold(k, key) {
			return presentKey, values
		}
	}
	if slices.ContainsFunc(r.Unknown, func(k string) bool { return strings.EqualFold(k, key) }) {
		return unknownKey, nil
	}
	for _, pattern := range r.Absent {
		if like(strings.ToLower(pattern), strings.ToLower(key)) {
			return absentKey, nil
		}
	}
	return unknownKey, nil
}

// IRSARequest is the call that an AWS SDK makes in a pod of that service account
// with the token that EKS projects.
//
// Source: IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS
// condition context keys: Available keys for AWS web identity federation".
func IRSARequest(cluster identity.Cluster, role identity.RoleARN, namespace, serviceAccount string) Request {
	provider := cluster.OIDC.HostPath
	return Request{
		Caller: Caller{Federated, cluster.OIDC.ARN(role)},
		Action: "sts:AssumeRoleWithWebIdentity",
		Context: map[string][]string{
			provider + ":aud":     {Audience},
			provider + ":sub":     {subject(namespace, serviceAccount)},
			"aws:SecureTransport": {"true"},
		},
		Absent: []string{"*:aud", "*:sub", "*:amr", "*:oaud", "aws:RequestTag/*", "aws:TagKeys",
			"sts:TransitiveTagKeys", "aws:SourceAccount", "aws:SourceArn", "sts:ExternalId"},
	}
}

// PodIdentityRequests are what EKS Pod Identity asks for when it assumes the
// component's role for a pod of that service account: the role and, unless the
// component's session tags are off, the tags. All must be allowed.
//
// What aws:SourceArn holds is not documented, so it is unknown; see
// [Request.With].
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
func PodIdentityRequests(cluster identity.Cluster, c identity.Component, namespace, serviceAccount string) []Request {
	assume := Request{
		Caller:  Caller{Service, PodIdentityService},
		Action:  "sts:AssumeRole",
		Context: map[string][]string{"aws:SecureTransport": {"true"}, "aws:SourceAccount": {c.Role.Account}},
		Absent: []string{"*:aud", "*:sub", "*:amr", "*:oaud", "sts:ExternalId",
			"aws:RequestTag/*", "aws:TagKeys", "sts:TransitiveTagKeys"},
	}
	if c.PodIdentity.DisableSessionTags {
		return []Request{assume}
	}
	assume = assume.withSessionTags(clusterARN(cluster, c.Role), cluster.Name, namespace, serviceAccount)
	tag := assume
	tag.Action = "sts:TagSession"
	return []Request{assume, tag}
}

// withSessionTags adds the tags that EKS gives every session. Those of the pod
// are there, but not known here.
func (r Request) withSessionTags(clusterARN, clusterName, namespace, serviceAccount string) Request {
	r = r.With("aws:RequestTag/eks-cluster-arn", clusterARN).
		With("aws:RequestTag/eks-cluster-name", clusterName).
		With("aws:RequestTag/kubernetes-namespace", namespace).
		With("aws:RequestTag/kubernetes-service-account", serviceAccount)
	keys := []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
		"kubernetes-pod-name", "kubernetes-pod-uid", "kubernetes-service-account"}
	r.Unknown = []string{"aws:RequestTag/kubernetes-pod-name", "aws:RequestTag/kubernetes-pod-uid"}
	return r.With("aws:TagKeys", keys...).With("sts:TransitiveTagKeys", keys...)
}
