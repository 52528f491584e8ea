package verify

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// permissions compares the role's policies with what the component needs. A
// statement with conditions of its own allows under them, which cannot be told
// from here.
func permissions(role Role, c identity.Component) Check {
	needed, err := iam.Permissions(c)
	if err != nil {
		return unknown(Permissions, err)
	}
	conditional := false
	for _, statement := range needed.Statement {
		for _, action := range statement.Action {
			for _, resource := range statement.Resource {
				switch grantOf(role, action, resource) {
				case refused:
					return fails(Permissions, "run `spaces-identity apply`, or attach the document of `spaces-identity policy permissions`",
						"the role's policies do not allow %s on %s", action, resource)
				case underConditions:
					conditional = true
				}
			}
		}
	}
	if conditional && !ownConditionsOnly(role, needed) {
		return Check{Name: Permissions, State: Warns, Detail: "the role's policies allow what is needed under conditions that are not the program's own",
			Fix: "compare them with `spaces-identity policy permissions`"}
	}
	return ok(Permissions, "cover the bucket")
}

// given is what policies say to an action.
type given int

const (
	refused given = iota
	underConditions
	allowed
)

// grantOf is the answer of identity-based policies: a deny wins.
//
// Source: IAM User Guide, "Policy evaluation logic".
func grantOf(role Role, action, resource string) given {
	best := refused
	for _, document := range role.Permissions {
		for _, s := range document.Statement {
			if !speaksOf(s, action, resource) {
				continue
			}
			switch {
			case s.Effect == iam.Deny && len(s.Condition) == 0:
				return refused
			case s.Effect == iam.Allow && len(s.Condition) == 0:
				best = allowed
			case s.Effect == iam.Allow:
				best = max(best, underConditions)
			}
		}
	}
	return best
}

func speaksOf(s iam.Statement, action, resource string) bool {
	return covers(s.Action, s.NotAction, strings.ToLower(action), strings.ToLower) &&
		covers(s.Resource, s.NotResource, resource, func(s string) string { return s })
}

// covers reports whether one of the patterns matches, or, where the list is of
// exceptions, none.
func covers(patterns, exceptions []string, value string, fold func(string) string) bool {
	matches := func(pattern string) bool { return iam.Like(fold(pattern), value) }
	if len(exceptions) > 0 {
		return !slices.ContainsFunc(exceptions, matches)
	}
	return slices.ContainsFunc(patterns, matches)
}

// ownConditionsOnly reports whether every conditional statement is one of those
// that the program would write.
func ownConditionsOnly(role Role, needed iam.Document) bool {
	own := map[string]bool{}
	for _, s := range needed.Statement {
		own[string(iam.Document{Statement: []iam.Statement{s}}.Compact())] = true
	}
	for _, document := range role.Permissions {
		for _, s := range document.Statement {
			if len(s.Condition) > 0 && !own[string(iam.Document{Statement: []iam.Statement{s}}.Compact())] {
				return false
			}
		}
	}
	return true
}
