package iam

import (
	"fmt"
	"slices"
	"strings"
)

// CallerKind is the kind of principal that asks for a role, by the name that a
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
// that Context does not have and Absent does not match, or that Unknown names, is
// unknown: a condition on it cannot be evaluated.
type Request struct {
	Caller   Caller              // the zero Caller for a role's permissions policies, which name none
	Action   string              // such as sts:AssumeRoleWithWebIdentity
	Resource string              // an ARN, or a pattern for all that it matches; empty for a trust policy
	Context  map[string][]string // condition keys and their values; keys in any case
	Unknown  []string            // keys that such a request has with values not known here
	Absent   []string            // patterns of keys that such a request never has
}

// String is the action with the caller or the resource, for a message.
func (r Request) String() string {
	if r.Resource != "" {
		return fmt.Sprintf("%s on %s", r.Action, r.Resource)
	}
	return fmt.Sprintf("%s for %s %s", r.Action, r.Caller.Kind, r.Caller.ID)
}

// With returns the request with one more condition key, for what only the user knows.
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
