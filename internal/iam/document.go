// Package iam implements the policy language of AWS IAM. It reads, writes and measures
// policies, decides whether they allow a request, and compares statements. It does not
// know this program's own policies, and does no I/O.
package iam

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// PolicyVersion is the current version of the IAM policy language. Older versions have no
// policy variables.
//
// Source: IAM User Guide, "IAM JSON policy elements: Version".
const PolicyVersion = "2012-10-17"

// Effect is what a statement does when it matches: Allow or Deny.
type Effect string

// The effects of the IAM policy language.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is an IAM policy. Its JSON is deterministic: elements in the order in
// which AWS documents them, condition operators and keys sorted. A nil element is absent. An
// empty list, which IAM accepts, stays in the JSON.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language".
type Document struct {
	Version   string `json:",omitempty"`
	ID        string `json:"Id,omitempty"`
	Statement []Statement
}

// Statement allows or denies some actions to somebody.
type Statement struct {
	Sid          string    `json:",omitempty"`
	Effect       Effect    `json:",omitempty"`
	Principal    Principal `json:",omitzero"`
	NotPrincipal Principal `json:",omitzero"`
	Action       Values    `json:",omitzero"`
	NotAction    Values    `json:",omitzero"`
	Resource     Values    `json:",omitzero"`
	NotResource  Values    `json:",omitzero"`
	Condition    Condition `json:",omitzero"`
}

// Values is a list that AWS writes as a string when it has one member.
type Values []string

// MarshalJSON writes a single value as a string, and any other number of them as a list.
func (v Values) MarshalJSON() ([]byte, error) {
	if len(v) == 1 {
		return compactJSON(v[0]), nil
	}
	return compactJSON(append([]string{}, v...)), nil
}

// Condition is what a request must fulfil. It contains the allowed values by operator, such
// as StringEquals, and by condition key.
type Condition map[string]map[string]Values

// Principal is who may act. Everyone is "Principal": "*", and Nobody is "Principal": {}.
type Principal struct {
	Everyone      bool   `json:"-"`
	Nobody        bool   `json:"-"`
	AWS           Values `json:",omitzero"`
	CanonicalUser Values `json:",omitzero"`
	Federated     Values `json:",omitzero"`
	Service       Values `json:",omitzero"`
}

// IsZero reports whether the element is absent. An element that names nobody is present.
func (p Principal) IsZero() bool {
	return !p.Everyone && !p.Nobody && p.AWS == nil && p.CanonicalUser == nil && p.Federated == nil && p.Service == nil
}

// IncludesEveryone reports whether "*" is among the principals.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal", "All principals".
func (p Principal) IncludesEveryone() bool { return p.Everyone || slices.Contains(p.AWS, "*") }

// String lists the principals with their kinds.
func (p Principal) String() string { return strings.Join(p.list(), ", ") }

// MarshalJSON writes the object of principals, or "*" for everyone.
func (p Principal) MarshalJSON() ([]byte, error) {
	if p.Everyone {
		return []byte(`"*"`), nil
	}
	type plain Principal
	return compactJSON(plain(p)), nil
}

// JSON returns the document indented by two spaces, with a newline at its end. The
// same document always gives the same bytes.
func (d Document) JSON() []byte { return encoded(d, "  ") }

// Compact returns the document on one line without optional white space, the form
// in which IAM counts it.
func (d Document) Compact() []byte { return compactJSON(d) }

// Length returns the number of characters that count towards IAM's quotas: all but the
// white space between elements. It counts white space within a value, so the result may be
// higher than IAM's count, but never lower.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
func Length(d Document) int { return utf8.RuneCount(d.Compact()) }

func compactJSON(v any) []byte { return bytes.TrimSuffix(encoded(v, ""), []byte("\n")) }

// encoded returns JSON without HTML escapes, because IAM would count and show them.
func encoded(v any, indent string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		panic(err) //mutate:equivalent a policy has only strings, whose encoding cannot fail
	}
	return b.Bytes()
}
