package iam

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// Reach is what a pattern of namespaces admits, set against the control planes
// that are known.
type Reach struct {
	Match    identity.Match `json:"match"`
	Pattern  string         `json:"pattern"` // in IAM's wildcards
	Covers   []string       `json:"covers"`  // known namespaces that it admits
	Misses   []string       `json:"misses"`  // known namespaces that it does not admit
	Beyond   []string       `json:"beyond"`  // examples of what else it admits
	Warnings []string       `json:"warnings,omitempty"`
}

// NewReach shows a pattern's reach. A pattern that [CheckMatch] refuses is an
// error.
func NewReach(m identity.Match, known []string) (Reach, error) {
	if err := CheckMatch(m); err != nil {
		return Reach{}, err
	}
	r := Reach{Match: m, Pattern: m.Pattern()}
	if m == "" {
		return r, nil
	}
	for _, ns := range slices.Compact(slices.Sorted(slices.Values(known))) {
		if like(r.Pattern, ns) {
			r.Covers = append(r.Covers, ns)
		} else {
			r.Misses = append(r.Misses, ns)
		}
	}
	r.Beyond = examples(r.Pattern, known)
	r.Warnings = reachWarnings(r.Pattern)
	return r, nil
}

// examples are up to three namespaces that nobody named and the pattern admits.
func examples(pattern string, known []string) []string {
	var out []string
	for _, fill := range [][2]string{{"someone-else", "0"}, {"x", "x"}, {"prod", "z"}} {
		name := strings.NewReplacer("*", fill[0], "?", fill[1]).Replace(pattern)
		if identity.ValidateNamespace(name) == nil && like(pattern, name) && !slices.Contains(known, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func reachWarnings(pattern string) []string {
	var out []string
	for _, ns := range append(slices.Clone(initialNamespaces), "upbound-system") {
		if like(pattern, ns) {
			out = append(out, fmt.Sprintf("the pattern %s admits the namespace %s, where no control plane lives", pattern, ns))
		}
	}
	const fewest = 4
	if fixed := len(strings.NewReplacer("*", "", "?", "").Replace(pattern)); fixed < fewest {
		out = append(out, fmt.Sprintf("the pattern %s has only %d characters that are no wildcards; "+
			"whoever may make a namespace of that form gets the role", pattern, fixed))
	}
	return out
}

// Text is the reach for a person.
func (r Reach) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "match %s admits every namespace like %s: %d of the known control planes, and any other of that form\n",
		r.Match, r.Pattern, len(r.Covers))
	for _, ns := range r.Misses {
		fmt.Fprintf(&b, "  not admitted: %s\n", ns)
	}
	for _, ns := range r.Beyond {
		fmt.Fprintf(&b, "  also admitted, for example: %s\n", ns)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", w)
	}
	return b.String()
}
