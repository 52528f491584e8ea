package iam

import (
	"bytes"
	"maps"
	"slices"
)

// Canonical returns the statement with sorted lists without duplicates. IAM returns lists
// in any order.
func Canonical(s Statement) Statement {
	s.Action, s.NotAction = sortedValues(s.Action), sortedValues(s.NotAction)
	s.Resource, s.NotResource = sortedValues(s.Resource), sortedValues(s.NotResource)
	s.Principal, s.NotPrincipal = sortedPrincipal(s.Principal), sortedPrincipal(s.NotPrincipal)
	s.Condition = s.Condition.Clone()
	for _, keys := range s.Condition {
		for key, values := range keys {
			keys[key] = sortedValues(values)
		}
	}
	return s
}

func sortedValues(v Values) Values {
	v = slices.Clone(v) // keeps nil and empty apart
	slices.Sort(v)
	return slices.Compact(v)
}

func sortedPrincipal(p Principal) Principal {
	p.AWS, p.CanonicalUser, p.Federated, p.Service = sortedValues(p.AWS), sortedValues(p.CanonicalUser), sortedValues(p.Federated), sortedValues(p.Service)
	return p
}

// Clone returns a copy whose operators and keys can be changed.
func (c Condition) Clone() Condition {
	out := maps.Clone(c)
	for operator, keys := range out {
		out[operator] = maps.Clone(keys)
	}
	return out
}

// With returns a copy in which a key of an operator has these values.
func (c Condition) With(operator, key string, values ...string) Condition {
	out := Condition{}
	maps.Copy(out, c.Clone())
	if out[operator] == nil {
		out[operator] = map[string]Values{}
	}
	out[operator][key] = values
	return out
}

// Same reports whether two statements, Sids included, differ only in the order of lists.
func Same(a, b Statement) bool {
	text := func(s Statement) []byte { return Document{Statement: []Statement{Canonical(s)}}.Compact() }
	return bytes.Equal(text(a), text(b))
}

// SameStatements reports whether two policies have the same statements in the same
// order.
func SameStatements(a, b Document) bool { return slices.EqualFunc(a.Statement, b.Statement, Same) }

// Differences returns the names of the elements in which two statements differ, such as
// Condition. It ignores Sids.
func Differences(a, b Statement) []string {
	var names []string
	differ := func(name string, element func(Statement) Statement) {
		if !Same(element(a), element(b)) {
			names = append(names, name)
		}
	}
	differ("Effect", func(s Statement) Statement { return Statement{Effect: s.Effect} })
	differ("Principal", func(s Statement) Statement { return Statement{Principal: s.Principal, NotPrincipal: s.NotPrincipal} })
	differ("Action", func(s Statement) Statement { return Statement{Action: s.Action, NotAction: s.NotAction} })
	differ("Resource", func(s Statement) Statement { return Statement{Resource: s.Resource, NotResource: s.NotResource} })
	differ("Condition", func(s Statement) Statement { return Statement{Condition: s.Condition} })
	return names
}

// Lines returns each value of a statement with its element, such as "Action s3:GetObject",
// in a fixed order. It omits the Sid.
func (s Statement) Lines() []string {
	s = Canonical(s)
	var lines []string
	add := func(element string, values Values) {
		for _, v := range values {
			lines = append(lines, element+" "+v)
		}
	}
	if s.Effect != "" {
		add("Effect", Values{string(s.Effect)})
	}
	add("Principal", s.Principal.list())
	add("NotPrincipal", s.NotPrincipal.list())
	add("Action", s.Action)
	add("NotAction", s.NotAction)
	add("Resource", s.Resource)
	add("NotResource", s.NotResource)
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			add("Condition "+operator+" "+key, s.Condition[operator][key])
		}
	}
	return lines
}
