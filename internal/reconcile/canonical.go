package reconcile

import (
	"maps"
	"slices"

	"spaces-identity.dev/internal/iam"
)

// canonical is the statement as text that is the same for two statements of one
// meaning and one Sid: lists sorted, whatever order IAM gave them in.
func canonical(s iam.Statement) string {
	s.Action, s.NotAction = sorted(s.Action), sorted(s.NotAction)
	s.Resource, s.NotResource = sorted(s.Resource), sorted(s.NotResource)
	s.Principal, s.NotPrincipal = sortedPrincipal(s.Principal), sortedPrincipal(s.NotPrincipal)
	if s.Condition != nil {
		s.Condition = cloneCondition(s.Condition)
		for _, keys := range s.Condition {
			for key, values := range keys {
				keys[key] = sorted(values)
			}
		}
	}
	return string(iam.Document{Statement: []iam.Statement{s}}.Compact())
}

func sorted(v iam.Values) iam.Values { return slices.Compact(slices.Sorted(slices.Values(v))) }

func sortedPrincipal(p iam.Principal) iam.Principal {
	p.AWS, p.CanonicalUser, p.Federated, p.Service = sorted(p.AWS), sorted(p.CanonicalUser), sorted(p.Federated), sorted(p.Service)
	return p
}

// sameDocument compares two policies statement by statement.
func sameDocument(a, b iam.Document) bool {
	return slices.EqualFunc(a.Statement, b.Statement, func(s, t iam.Statement) bool { return canonical(s) == canonical(t) })
}

// elements names what differs between two statements besides the Sid.
func elements(a, b iam.Statement) []string {
	var out []string
	differ := func(name string, pick func(iam.Statement) iam.Statement) {
		if canonical(pick(a)) != canonical(pick(b)) {
			out = append(out, name)
		}
	}
	differ("Effect", func(s iam.Statement) iam.Statement { return iam.Statement{Effect: s.Effect} })
	differ("Principal", func(s iam.Statement) iam.Statement {
		return iam.Statement{Principal: s.Principal, NotPrincipal: s.NotPrincipal}
	})
	differ("Action", func(s iam.Statement) iam.Statement { return iam.Statement{Action: s.Action, NotAction: s.NotAction} })
	differ("Resource", func(s iam.Statement) iam.Statement {
		return iam.Statement{Resource: s.Resource, NotResource: s.NotResource}
	})
	differ("Condition", func(s iam.Statement) iam.Statement { return iam.Statement{Condition: s.Condition} })
	return out
}

// values are what the elements of a statement say, each value on its own.
func values(s iam.Statement) []string {
	var out []string
	add := func(element string, values iam.Values) {
		for _, v := range sorted(values) {
			out = append(out, element+" "+v)
		}
	}
	if s.Effect != "" {
		add("Effect", iam.Values{string(s.Effect)})
	}
	if s.Principal.Everyone {
		add("Principal", iam.Values{"*"})
	}
	add("Principal AWS", s.Principal.AWS)
	add("Principal CanonicalUser", s.Principal.CanonicalUser)
	add("Principal Federated", s.Principal.Federated)
	add("Principal Service", s.Principal.Service)
	add("Action", s.Action)
	add("NotAction", s.NotAction)
	add("Resource", s.Resource)
	add("NotResource", s.NotResource)
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			add("Condition "+operator+" "+key, s.Condition[operator][key])
		}
	}
	return out
}
