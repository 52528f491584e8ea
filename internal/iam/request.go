package iam

import (
	"fmt"
	"slices"
	"strings"
)

// CallerKind is the kind of principal that sends a request, as the Principal element of a
// policy names it.
type CallerKind string

// The kinds of principal that workload identities have.
const (
	Federated CallerKind = "Federated" // an OIDC provider's ARN
	Service   CallerKind = "Service"   // an AWS service, such as pods.eks.amazonaws.com
	Role      CallerKind = "AWS"       // the ARN of a role whose credentials sign the request
)

// Caller is the principal of a request.
type Caller struct {
	Kind CallerKind `json:"kind"`
	ID   string     `json:"id"`
}

// Request is one call to AWS, as far as it is known before it is made. Context has the
// known condition keys. A key that matches Absent, but not Unknown, does not exist. All
// other keys are unknown, and a condition on them cannot be evaluated.
type Request struct {
	Caller   Caller              // zero for permissions policies, which have no Principal
	Action   string              // such as sts:AssumeRoleWithWebIdentity
	Resource string              // an ARN, or a pattern for all that it matches; empty for a trust policy
	Context  map[string][]string // condition keys and their values; keys in any case
	Unknown  []string            // keys that such a request has with values not known here
	Absent   []string            // patterns of keys that such a request never has
}

// String returns the action with the caller or the resource, for a message.
func (r Request) String() string {
	if r.Resource != "" {
		return fmt.Sprintf("%s on %s", r.Action, r.Resource)
	}
	return fmt.Sprintf("%s for %s %s", r.Action, r.Caller.Kind, r.Caller.ID)
}

// With returns the request with one more condition key.
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

// presence says whether a request has a condition key.
type presence int

const (
	unknownKey presence = iota
	absentKey
	presentKey
)

// lookup returns the values of a condition key. Names of keys, also of tags in them, are not
// case-sensitive.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition", "The request
// context"; "Controlling access to AWS resources using tags".
func (r Request) lookup(key string) (presence, []string) {
	same := func(k string) bool { return strings.EqualFold(k, key) }
	for k, values := range r.Context {
		if same(k) {
			return presentKey, values
		}
	}
	absent := func(pattern string) bool { return Like(strings.ToLower(pattern), strings.ToLower(key)) }
	if !slices.ContainsFunc(r.Unknown, same) && slices.ContainsFunc(r.Absent, absent) {
		return absentKey, nil
	}
	return unknownKey, nil
}
