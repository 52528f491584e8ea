package iam

import (
	"slices"
	"strings"
)

// Covers reports whether both statements allow and a allows every request that b allows. It
// returns false if unsure. Both must be of policies of the same version. It ignores Sids.
func Covers(a, b Statement) bool {
	return a.Effect == Allow && b.Effect == Allow &&
		principalCovers(a, b) &&
		elementCovers(a.Action, a.NotAction, b.Action, b.NotAction, actionCovers) &&
		elementCovers(a.Resource, a.NotResource, b.Resource, b.NotResource, resourceCovers) &&
		conditionCovers(a.Condition, b.Condition)
}

// principalCovers compares the principals. A NotPrincipal covers only itself.
func principalCovers(a, b Statement) bool {
	p, q := a.Principal, b.Principal
	if !a.NotPrincipal.IsZero() || !b.NotPrincipal.IsZero() || p.IsZero() || q.IsZero() {
		return samePrincipal(a.NotPrincipal, b.NotPrincipal) && samePrincipal(p, q)
	}
	return p.Everyone || !q.Everyone && isSubset(q.AWS, p.AWS) && isSubset(q.CanonicalUser, p.CanonicalUser) &&
		isSubset(q.Federated, p.Federated) && isSubset(q.Service, p.Service)
}

func samePrincipal(p, q Principal) bool {
	return p.Everyone == q.Everyone && p.Nobody == q.Nobody && sameSet(p.AWS, q.AWS) && sameSet(p.CanonicalUser, q.CanonicalUser) &&
		sameSet(p.Federated, q.Federated) && sameSet(p.Service, q.Service)
}

// elementCovers compares lists of patterns, or of exceptions (NotAction, NotResource).
// Exceptions cover only the same exceptions.
func elementCovers(a, notA, b, notB Values, covers func(wide, narrow string) bool) bool {
	if notA != nil || notB != nil || a == nil || b == nil {
		return sameSet(notA, notB) && sameSet(a, b)
	}
	return everyValue(b, func(narrow string) bool {
		return slices.ContainsFunc(a, func(wide string) bool { return wide == narrow || covers(wide, narrow) })
	})
}

func actionCovers(wide, narrow string) bool {
	return isAction(wide) && PatternCovers(strings.ToLower(wide), strings.ToLower(narrow))
}

// resourceCovers compares two resources. A policy variable covers only itself.
func resourceCovers(wide, narrow string) bool {
	return !hasVariable(wide, narrow) && PatternCovers(wide, narrow)
}

// conditionCovers reports whether every request that fulfils b fulfils a. Each condition of
// a must follow from one of b.
func conditionCovers(a, b Condition) bool {
	for operator, keys := range a {
		for key, values := range keys {
			if isRepeated(key, keys) || !impliesKey(operator, key, values, b) {
				return false
			}
		}
	}
	return true
}

// impliesKey reports whether one of b's conditions on the key implies that the
// operator holds for the values.
func impliesKey(operator, key string, values Values, b Condition) bool {
	for other, keys := range b {
		for k, narrower := range keys {
			if strings.EqualFold(k, key) && implies(other, narrower, operator, values) {
				return true
			}
		}
	}
	return false
}

// implies reports whether a value that fulfils the condition (from, narrower) fulfils
// (to, wider). It compares values only for StringEquals and StringLike, and only without
// policy variables. ArnLike implies itself with more values. Otherwise a condition implies
// only itself.
func implies(from string, narrower Values, to string, wider Values) bool {
	if from == to && (sameSet(narrower, wider) || from == "ArnLike" && len(narrower) > 0 && isSubset(narrower, wider)) {
		return true
	}
	read := map[string]func(string) pattern{"StringEquals": literalPattern, "StringLike": newPattern}
	narrow, wide := read[from], read[to]
	if narrow == nil || wide == nil || len(narrower) == 0 || hasVariable(narrower...) || hasVariable(wider...) {
		return false
	}
	return everyValue(narrower, func(n string) bool {
		return slices.ContainsFunc(wider, func(w string) bool { return wide(w).covers(narrow(n)) })
	})
}

func literalPattern(text string) pattern { return pattern(text) }

func hasVariable(values ...string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "${") })
}

func everyValue(list []string, holds func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !holds(s) })
}

// sameSet also reports false if only one of the lists is absent.
func sameSet(a, b []string) bool {
	return (a == nil) == (b == nil) && isSubset(a, b) && isSubset(b, a)
}

func isSubset(a, b []string) bool {
	return everyValue(a, func(s string) bool { return slices.Contains(b, s) })
}
