package iam

import (
	"fmt"
	"slices"
	"strings"
)

// truth is what is known of a test: three values, because a test that cannot be
// evaluated is neither passed nor failed.
type truth int

const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth { return yes - t }

// operator is one of IAM's condition operators without its qualifiers.
type operator struct {
	matches func(p pattern, value string) (bool, error)
	negated bool // holds where matches does not
}

// operators are those that trust policies of workload identities use. Any other
// is not evaluated.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
var operators = map[string]operator{
	"StringEquals":              {equals, false},
	"StringNotEquals":           {equals, true},
	"StringEqualsIgnoreCase":    {equalsIgnoreCase, false},
	"StringNotEqualsIgnoreCase": {equalsIgnoreCase, true},
	"StringLike":                {stringLike, false},
	"StringNotLike":             {stringLike, true},
	"ArnEquals":                 {arnLike, false}, // the same as ArnLike, says the source
	"ArnNotEquals":              {arnNotLike, true},
	"ArnLike":                   {arnLike, false},
	"ArnNotLike":                {arnNotLike, true},
	"Bool":                      {equalsIgnoreCase, false},
}

func equals(p pattern, value string) (bool, error) { return p.String() == value, nil }

func equalsIgnoreCase(p pattern, value string) (bool, error) {
	return strings.EqualFold(p.String(), value), nil
}

func stringLike(p pattern, value string) (bool, error) { return p.covers(pattern(value)), nil }

// arnLike compares the six parts of an ARN one by one, so that no wildcard
// reaches across a colon, except within the resource.
func arnLike(p pattern, value string) (bool, error) {
	parts := splitARN(p)
	if len(parts) != 6 || !parts[0].covers(pattern("arn")) {
		return false, fmt.Errorf("%q, which is no ARN of six parts", p)
	}
	values := splitARN(pattern(value))
	if len(values) != 6 {
		return false, nil
	}
	for i, part := range parts {
		if !part.covers(values[i]) {
			return false, nil
		}
	}
	return true, nil
}

// arnNotLike is arnLike for the negated operators. AWS does not document whether
// they hold for a value that is no ARN, so such a value is not judged.
func arnNotLike(p pattern, value string) (bool, error) {
	if strings.Count(value, ":") < 5 {
		return false, fmt.Errorf("%q, which is no ARN,", value)
	}
	return arnLike(p, value)
}

// splitARN returns the parts of an ARN: at most six, because the resource may have
// colons of its own.
func splitARN(p pattern) []pattern {
	var parts []pattern
	for len(parts) < 5 {
		i := slices.Index(p, ':')
		if i < 0 {
			break
		}
		parts, p = append(parts, p[:i]), p[i+1:]
	}
	return append(parts, p)
}

// expand reads a policy value: wildcards, and the three policy variables that
// stand for a character. Any other variable is an error that names it. Policies
// of the older version have no variables.
//
// Source: IAM User Guide, "IAM policy elements: Variables and tags".
func expand(value, version string) (pattern, error) {
	if version != PolicyVersion {
		return newPattern(value), nil
	}
	var out pattern
	for {
		before, rest, found := strings.Cut(value, "${")
		out = append(out, newPattern(before)...)
		if !found {
			return out, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name != "*" && name != "?" && name != "$" {
			return nil, fmt.Errorf("the policy variable ${%s}", name)
		}
		out, value = append(out, rune(name[0])), after
	}
}

// qualified is a condition operator as a policy writes it.
type qualified struct {
	operator
	name     string
	set      string // ForAnyValue, ForAllValues or nothing
	ifExists bool
	null     bool
}

// parseOperator takes an operator's name apart; ok is false for one that is not
// evaluated.
func parseOperator(name string) (q qualified, ok bool) {
	q.name = name
	base := name
	if set, rest, found := strings.Cut(name, ":"); found {
		if set != "ForAnyValue" && set != "ForAllValues" {
			return q, false
		}
		q.set, base = set, rest
	}
	if base == "Null" && q.set == "" {
		q.null = true
		return q, true
	}
	base, q.ifExists = strings.CutSuffix(base, "IfExists")
	q.operator, ok = operators[base]
	return q, ok
}
