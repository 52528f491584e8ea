package iam

import (
	"fmt"
	"slices"
	"strings"
)

// truth is the result of a test, which is unknown if the test cannot be evaluated.
type truth int

const (
	isFalse truth = iota
	isUnknown
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func (t truth) not() truth { return isTrue - t }

// String returns whether a statement applies: yes, no or unknown.
func (t truth) String() string { return [...]string{"no", "unknown", "yes"}[t] }

// operator is a condition operator as a policy writes it.
type operator struct {
	matchFunc
	negated  bool   // true if the values do not match
	set      string // ForAnyValue, ForAllValues or nothing
	ifExists bool
}

// matchFunc compares a value of the request with one of the policy. The error names what
// cannot be evaluated.
type matchFunc func(p pattern, value string) (bool, error)

// operators are the condition operators that policies of workload identities use, without
// qualifiers. Null has a function of its own. Any other operator is not evaluated.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
var operators = map[string]operator{
	"StringEquals":              {matchFunc: stringEquals},
	"StringNotEquals":           {matchFunc: stringEquals, negated: true},
	"StringEqualsIgnoreCase":    {matchFunc: stringEqualsIgnoreCase},
	"StringNotEqualsIgnoreCase": {matchFunc: stringEqualsIgnoreCase, negated: true},
	"StringLike":                {matchFunc: stringLike},
	"StringNotLike":             {matchFunc: stringLike, negated: true},
	"ArnEquals":                 {matchFunc: arnLike}, // the same as ArnLike, says the source
	"ArnNotEquals":              {matchFunc: arnNotLike, negated: true},
	"ArnLike":                   {matchFunc: arnLike},
	"ArnNotLike":                {matchFunc: arnNotLike, negated: true},
	"Bool":                      {matchFunc: stringEqualsIgnoreCase},
}

// parseOperator parses an operator's name. ok is false if the program cannot evaluate it.
func parseOperator(name string) (op operator, ok bool) {
	set, base, found := strings.Cut(name, ":")
	if !found {
		set, base = "", name
	} else if set != "ForAnyValue" && set != "ForAllValues" {
		return op, false
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	op, ok = operators[base]
	op.set, op.ifExists = set, ifExists
	return op, ok
}

func stringEquals(p pattern, value string) (bool, error) { return p.String() == value, nil }

func stringEqualsIgnoreCase(p pattern, value string) (bool, error) {
	return strings.EqualFold(p.String(), value), nil
}

func stringLike(p pattern, value string) (bool, error) { return p.covers(pattern(value)), nil }

// arnLike compares the six parts of an ARN one by one. So a wildcard matches a colon only
// in the resource.
func arnLike(p pattern, value string) (bool, error) {
	parts := splitARN(p)
	if len(parts) != 6 || !parts[0].covers(pattern("arn")) {
		return false, fmt.Errorf("%q, which is not an ARN of six parts,", p)
	}
	values := splitARN(pattern(value))
	return slices.EqualFunc(parts, values, pattern.covers), nil
}

// arnNotLike is arnLike for the negated operators. AWS does not document their result for a
// value that is not an ARN, so such a value cannot be evaluated.
func arnNotLike(p pattern, value string) (bool, error) {
	if strings.Count(value, ":") < 5 {
		return false, fmt.Errorf("%q, which is not an ARN,", value)
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

// expandVariables parses a policy value with wildcards and the policy variables ${*}, ${?}
// and ${$}. For any other variable it returns an error that names it. Policies of the
// older version have no variables.
//
// Source: IAM User Guide, "IAM policy elements: Variables and tags".
func expandVariables(value, version string) (pattern, error) {
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

// matchCondition tests one key of a condition. The values of a key are
// alternatives; keys and operators must all hold.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and
// "Conditions with multiple context keys or values".
func matchCondition(name, key string, values Values, version string, r Request) (truth, Finding) {
	f := Finding{Element: "Condition", Operator: name, Key: key, Expected: values}
	unknown := func(format string, args ...any) (truth, Finding) {
		f.Cannot = fmt.Sprintf(format, args...)
		return isUnknown, f
	}
	op, ok := parseOperator(name)
	if !ok && name != "Null" {
		return unknown("the condition operator %s", name)
	}
	if version == PolicyVersion && hasVariable(key) {
		return unknown("the policy variable in the condition key %s", key)
	}
	known, actual := r.lookup(key)
	if known == unknownKey {
		return unknown("the condition key %s", key)
	}
	f.Actual = actual
	var result truth
	var cannot string
	switch {
	case name == "Null":
		result, cannot = matchNull(values, known == presentKey)
	case known == absentKey:
		result = truthOf(op.holdsWithoutKey())
	case op.set == "" && len(actual) != 1:
		result, cannot = isUnknown, "a key of several values without ForAnyValue or ForAllValues"
	default:
		result, cannot = op.matchAll(values, actual, version)
	}
	if result == isUnknown {
		return unknown("%s in %s %s", cannot, name, key)
	}
	return result, f
}

// holdsWithoutKey returns the result for a request that does not have the key. ForAnyValue
// fails even with IfExists, because no value can match.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "…IfExists"
// and "Set operators for multivalued context keys"; re:Post, "ForAnyValue:StringEqualsIfExists behaving unexpectedly".
func (op operator) holdsWithoutKey() bool {
	switch op.set {
	case "ForAnyValue":
		return false
	case "ForAllValues":
		return true
	}
	return op.ifExists || op.negated
}

// matchAll tests each value of the request: with ForAnyValue one must match,
// otherwise all of them. If the result is unknown, cannot says why.
//
// Source: IAM User Guide, "Set operators for multivalued context keys".
func (op operator) matchAll(expected, actual []string, version string) (result truth, cannot string) {
	combine := func(a, b truth) truth { return min(a, b) }
	result = isTrue
	if op.set == "ForAnyValue" {
		combine = func(a, b truth) truth { return max(a, b) }
		result = isFalse
	}
	for _, value := range actual {
		t, why := op.matchOne(expected, value, version)
		if t == isUnknown {
			cannot = why
		}
		result = combine(result, t)
	}
	return result, cannot
}

// matchOne tests one value of the request against the alternatives of the policy.
func (op operator) matchOne(expected []string, value, version string) (result truth, cannot string) {
	for _, e := range expected {
		p, err := expandVariables(e, version)
		matched := false
		if err == nil {
			matched, err = op.matchFunc(p, value)
		}
		t := truthOf(matched)
		if err != nil {
			t, cannot = isUnknown, err.Error()
		}
		result = max(result, t)
	}
	if op.negated {
		result = result.not()
	}
	return result, cannot
}

// matchNull tests whether a key is present: "true" requires that it is absent.
func matchNull(expected []string, present bool) (result truth, cannot string) {
	for _, e := range expected {
		switch strings.ToLower(e) {
		case "true":
			result = max(result, truthOf(!present))
		case "false":
			result = max(result, truthOf(present))
		default:
			return isUnknown, fmt.Sprintf("%q", e)
		}
	}
	return result, ""
}
