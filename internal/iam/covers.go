package iam

import (
	"slices"
	"strings"
)

// Covers reports whether a admits every request that b admits. Both must allow. It
// returns false if unsure. Sids do not count.
func Covers(a, b Statement) bool {
	return a.Effect == Allow && b.Effect == Allow &&
		principalCovers(a, b) &&
		elementCovers(a.Action, a.NotAction, b.Action, b.NotAction, strings.ToLower) &&
		elementCovers(a.Resource, a.NotResource, b.Resource, b.NotResource, func(s string) string { return s }) &&
		conditionsFollow(a.Condition, b.Condition)
}

// principalCovers compares the principals. A NotPrincipal covers only itself.
func principalCovers(a, b Statement) bool {
	if !a.NotPrincipal.IsZero() || !b.NotPrincipal.IsZero() {
		return samePrincipal(a.NotPrincipal, b.NotPrincipal) && samePrincipal(a.Principal, b.Principal)
	}
	p, q := a.Principal, b.Principal
	return p.Everyone || !q.Everyone && subset(q.AWS, p.AWS) && subset(q.CanonicalUser, p.CanonicalUser) &&
		subset(q.Federated, p.Federated) && subset(q.Service, p.Service)
}

func samePrincipal(p, q Principal) bool {
	return p.Everyone == q.Everyone && sameSet(p.AWS, q.AWS) && sameSet(p.CanonicalUser, q.CanonicalUser) &&
		sameSet(p.Federated, q.Federated) && sameSet(p.Service, q.Service)
}

// elementCovers compares lists of patterns, or of exceptions, which cover only
// the same exceptions.
func elementCovers(a, notA, b, notB Values, fold func(string) string) bool {
	if len(notA)+len(notB) > 0 {
		return sameSet(notA, notB) && sameSet(a, b)
	}
	if len(a) == 0 {
		return len(b) == 0
	}
	return len(b) > 0 && every(b, func(v string) bool { return anyCovers(a, v, fold) })
}

func anyCovers(patterns []string, other string, fold func(string) string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return PatternCovers(fold(p), fold(other)) })
}

// conditionsFollow reports whether whatever fulfils the condition b fulfils a.
func conditionsFollow(a, b Condition) bool {
	for operator, keys := range a {
		for key, values := range keys {
			if !follows(operator, key, values, b) {
				return false
			}
		}
	}
	return true
}

// follows reports whether one of b's conditions on the key implies that the
// operator holds for the values.
func follows(operator, key string, values Values, b Condition) bool {
	for other, keys := range b {
		for k, narrower := range keys {
			if strings.EqualFold(k, key) && implies(other, narrower, operator, values) {
				return true
			}
		}
	}
	return false
}

// implies reports whether a value that fulfils the condition (from, narrower)
// fulfils (to, wider). For other operators than StringEquals and StringLike only
// the same condition implies itself, and policy variables are not compared.
func implies(from string, narrower Values, to string, wider Values) bool {
	if from == to && sameSet(narrower, wider) {
		return true
	}
	if strings.Contains(strings.Join(slices.Concat(narrower, wider), ""), "${") {
		return false
	}
	take := map[string]func(string) pattern{"StringEquals": func(s string) pattern { return pattern(s) }, "StringLike": newPattern}
	narrow, wide := take[from], take[to]
	return narrow != nil && wide != nil && len(narrower) > 0 && every(narrower, func(v string) bool {
		return slices.ContainsFunc(wider, func(w string) bool { return wide(w).covers(narrow(v)) })
	})
}

func every(list []string, holds func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !holds(s) })
}

func sameSet(a, b []string) bool { return subset(a, b) && subset(b, a) }

func subset(a, b []string) bool {
	return every(a, func(s string) bool { return slices.Contains(b, s) })
}
