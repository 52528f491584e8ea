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

// Request is one call to AWS STS, as far as it is known before it is made. A key
// that Context does not hold and Absent does not cover, or that Unknown names, is
// unknown: a condition on it cannot be evaluated.
type Request struct {
	Caller  Caller
	Action  string              // such as sts:AssumeRoleWithWebIdentity
	Context map[string][]string // condition keys and their values; keys in any case
	Unknown []string            // keys that such a request has with values not known here
	Absent  []string            // keys that such a request never has; * stands for any characters
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

// PodIdentityRequests are the two permissions that EKS Pod Identity needs at once
// when it assumes the role for a pod of that service account.
//
// What aws:SourceArn holds is not documented, so it is unknown; see
// [Request.With].
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
func PodIdentityRequests(cluster identity.Cluster, role identity.RoleARN, namespace, serviceAccount string) []Request {
	tags := map[string]string{
		"eks-cluster-arn":            clusterARN(cluster, role),
		"eks-cluster-name":           cluster.Name,
		"kubernetes-namespace":       namespace,
		"kubernetes-service-account": serviceAccount,
	}
	keys := []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
		"kubernetes-pod-name", "kubernetes-pod-uid", "kubernetes-service-account"}
	context := map[string][]string{
		"aws:SecureTransport":   {"true"},
		"aws:SourceAccount":     {role.Account},
		"aws:TagKeys":           keys,
		"sts:TransitiveTagKeys": keys,
	}
	for tag, value := range tags {
		context["aws:RequestTag/"+tag] = []string{value}
	}
	request := Request{
		Caller:  Caller{Service, PodIdentityService},
		Context: context,
		Unknown: []string{"aws:RequestTag/kubernetes-pod-name", "aws:RequestTag/kubernetes-pod-uid"},
		Absent:  []string{"*:aud", "*:sub", "*:amr", "*:oaud", "aws:RequestTag/*", "sts:ExternalId"},
	}
	assume, tag := request, request
	assume.Action, tag.Action = "sts:AssumeRole", "sts:TagSession"
	return []Request{assume, tag}
}
