package verify

import (
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// judgeGiven judges whether a role has the statements of the permissions policy in the
// config.
func judgeGiven(role Role, given []iam.Statement) Check {
	found := okCheck("the role's policies allow everything that the component needs")
	for _, s := range given {
		judged := judgeStatement("the role's policies do", fixPermissions, s, role.Permissions...)
		if judged.State == OK && role.Boundary != nil && s.Effect == iam.Allow {
			judged = judgeStatement("the role's permissions boundary does", "change the permissions boundary, or the role's", s, *role.Boundary)
		}
		found = worseCheck(found, judged)
	}
	return found
}

// judgeStatement judges whether policies do what a statement does. A Deny must be one of their
// statements. An Allow must be allowed for each action and resource: by one statement, or at
// least as a request without its conditions.
func judgeStatement(who, fix string, want iam.Statement, docs ...iam.Document) Check {
	if want.Effect == iam.Deny {
		if anyStatement(docs, func(s iam.Statement) bool { return len(iam.Differences(s, want)) == 0 }) {
			return okCheck("denied")
		}
		return failedCheck(fix, "%s not contain the statement %s of permissionsPolicy, which denies", who, want.Sid)
	}
	found := okCheck("allowed")
	for _, part := range partsOf(want) {
		covered := anyStatement(docs, func(s iam.Statement) bool { return iam.Covers(s, part) })
		switch {
		case len(part.Action) == 1 && len(part.Resource) == 1:
			request := iam.Request{Action: part.Action[0], Resource: part.Resource[0]}
			judged := judgeRequest(who, fix, request, docs...)
			if covered && judged.State == Warns {
				judged = okCheck("allowed") // the conditions are those of the statement
			}
			found = worseCheck(found, judged)
		case !covered:
			found = worseCheck(found, warningCheck(fix, "%s not contain one statement that allows all of the statement %s of permissionsPolicy", who, want.Sid))
		}
	}
	return found
}

func anyStatement(docs []iam.Document, holds func(iam.Statement) bool) bool {
	return slices.ContainsFunc(docs, func(d iam.Document) bool { return slices.ContainsFunc(d.Statement, holds) })
}

// partsOf splits a statement into one for each action and resource. It does not split
// exceptions (NotAction, NotResource).
func partsOf(s iam.Statement) []iam.Statement {
	if s.NotAction != nil || s.NotResource != nil {
		return []iam.Statement{s}
	}
	var all []iam.Statement
	for _, action := range s.Action {
		for _, resource := range s.Resource {
			part := s
			part.Action, part.Resource = iam.Values{action}, iam.Values{resource}
			all = append(all, part)
		}
	}
	return all
}

// worseCheck returns the check that needs more attention, or the first one.
func worseCheck(a, b Check) Check {
	order := []State{OK, Warns, Unknown, Fails}
	if slices.Index(order, b.State) > slices.Index(order, a.State) {
		return b
	}
	return a
}

// planeName returns the group and name of the control plane's object.
func (f *checkInput) planeName() identity.ControlPlaneName {
	return identity.ControlPlaneName{Group: f.plane.Namespace, Name: f.plane.Name}
}

// judgeSession evaluates the session policy of a live association for requests. Without one,
// the session has all permissions of the role.
func judgeSession(live desired.Association, requests []iam.Request) Check {
	found := okCheck("the session policy allows it")
	if live.Policy == "" {
		return found
	}
	doc, err := iam.Parse([]byte(live.Policy))
	if err != nil {
		return unknownf("", "the session policy of the association could not be read: %v", err)
	}
	for _, request := range requests {
		found = worseCheck(found, judgeRequest("the session policy of the association does", fixAssociation(live), request, doc))
	}
	return found
}

// isNamed reports whether the group and name of the control plane are known.
func (f *checkInput) isNamed() bool {
	return !f.state.Spec().ControlPlanes.Names[f.plane.HostNamespace].IsZero()
}
