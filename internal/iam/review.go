package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Review lists what is loose or without effect in a trust policy, ours or any
// other: an Allow for everyone, a web identity without an audience or a subject,
// EKS Pod Identity without a namespace, a wildcard that is no wildcard. An empty
// list says no more than that none of these is there.
func Review(doc Document) []string {
	var out []string
	for i, s := range doc.Statement {
		title := (&StatementResult{Number: i + 1, Sid: s.Sid, Effect: s.Effect}).title()
		for _, problem := range reviewStatement(s) {
			out = append(out, title+": "+problem)
		}
	}
	return out
}

func reviewStatement(s Statement) []string {
	var out []string
	if s.Effect == Allow {
		out = append(out, reviewPrincipal(s)...)
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		if !strings.Contains(operator, "Equals") || strings.Contains(operator, "Arn") {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			if values := s.Condition[operator][key]; anyWildcard(values) {
				out = append(out, fmt.Sprintf("%s %s has a * or ? in %s, which it takes literally: a pattern needs StringLike",
					operator, key, quoted(values)))
			}
		}
	}
	return out
}

func reviewPrincipal(s Statement) []string {
	var out []string
	if s.Principal.Everyone || slices.Contains(s.Principal.AWS, "*") {
		out = append(out, "the principal is everyone")
	}
	if len(s.Principal.Federated) > 0 {
		if !hasKey(s, func(k string) bool { return strings.HasSuffix(strings.ToLower(k), ":aud") }) {
			out = append(out, "no condition on the audience: a token made for another service would do")
		}
		if !hasKey(s, func(k string) bool { return strings.HasSuffix(strings.ToLower(k), ":sub") }) {
			out = append(out, "no condition on the subject: every service account of the cluster is admitted")
		}
	}
	if slices.Contains(s.Principal.Service, PodIdentityService) {
		if !hasKey(s, func(k string) bool { return strings.EqualFold(k, tagNamespace) }) {
			out = append(out, "no condition on "+tagNamespace+": any association in the account can use the role")
		}
	}
	return out
}

// hasKey reports whether some condition that can exclude a request is on such a
// key.
func hasKey(s Statement, is func(key string) bool) bool {
	for operator, keys := range s.Condition {
		if strings.HasSuffix(operator, "IfExists") || strings.HasPrefix(operator, "ForAllValues:") || operator == "Null" {
			continue
		}
		for key := range keys {
			if is(key) {
				return true
			}
		}
	}
	return false
}
