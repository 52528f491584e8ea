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

// matchCondition tests one key of a condition. The values of a key are
// alternatives; keys and operators must all hold.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and
// "Conditions with multiple context keys or values".
func matchCondition(name, key string, keys map[string]Values, version string, r Request) (truth, Finding) {
	values := keys[key]
	f := Finding{Element: "Condition", Operator: name, Key: key, Expected: values}
	unknown := func(format string, args ...any) (truth, Finding) {
		f.Cannot = fmt.Sprintf(format, args...)
		return isUnknown, f
	}
	op, ok := parseOperator(name)
	known, actual := r.lookup(key)
	switch {
	case !ok:
		return unknown("the condition operator %s", name)
	case version == PolicyVersion && hasVariable(key):
		return unknown("the policy variable in the condition key %s", key)
	case isRepeated(key, keys):
		return unknown("the condition key %s, which %s has twice in different case", key, name)
	case len(values) == 0 && !op.rejectsEmptyLists():
		return unknown("the empty list in %s %s", name, key)
	case len(values) == 0:
		return isFalse, f
	case known == unknownKey:
		return unknown("%s", unknownKeyText(key))
	}
	f.Actual = actual
	result, cannot := op.test(known == presentKey, values, actual, version, r)
	if result == isUnknown {
		return unknown("%s in %s %s", cannot, name, key)
	}
	return result, f
}

func unknownKeyText(key string) string { return "the condition key " + key }

// isRepeated reports whether a condition has the key twice, in different case. AWS does not
// document what that means.
func isRepeated(key string, keys map[string]Values) bool {
	for other := range keys {
		if other != key && strings.EqualFold(other, key) {
			return true
		}
	}
	return false
}

// test compares the values of a policy with those of a request. If the result is unknown,
// cannot says why.
func (op operator) test(present bool, expected Values, actual []string, version string, r Request) (result truth, cannot string) {
	switch {
	case op.null:
		return matchNull(expected, present)
	case !present:
		return truthOf(op.holdsWithoutKey()), ""
	case op.set == "" && len(actual) != 1:
		return isUnknown, "a key of several values without ForAnyValue or ForAllValues"
	}
	return op.matchAll(expected, actual, version, r)
}

// rejectsEmptyLists reports whether the operator never matches if the policy has an empty
// list of values. AWS does not document the results of the other operators in full.
//
// Source: IAM User Guide, "IAM policy validation check reference", empty array conditions.
func (op operator) rejectsEmptyLists() bool {
	return !op.negated && !op.ifExists && !op.null && op.set != "ForAllValues"
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
// otherwise all of them.
//
// Source: IAM User Guide, "Set operators for multivalued context keys".
func (op operator) matchAll(expected, actual []string, version string, r Request) (result truth, cannot string) {
	combine := func(a, b truth) truth { return min(a, b) }
	result = isTrue
	if op.set == "ForAnyValue" {
		combine = func(a, b truth) truth { return max(a, b) }
		result = isFalse
	}
	for _, value := range actual {
		t, why := op.matchOne(expected, value, version, r)
		if t == isUnknown {
			cannot = why
		}
		result = combine(result, t)
	}
	return result, cannot
}

// matchOne tests one value of the request against the alternatives of the policy.
func (op operator) matchOne(expected []string, value, version string, r Request) (result truth, cannot string) {
	for _, e := range expected {
		t, why := op.matchValue(e, value, version, r)
		if t == isUnknown {
			cannot = why
		}
		result = max(result, t)
	}
	if op.negated {
		result = result.not()
	}
	return result, cannot
}

func (op operator) matchValue(expected, value, version string, r Request) (result truth, cannot string) {
	p, err := newPattern(expected), error(nil)
	if op.variables {
		p, err = expandVariables(expected, version, r)
	}
	if err != nil {
		return isUnknown, err.Error()
	}
	return op.match(p, value)
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

// expandVariables parses a policy value with wildcards and policy variables. A variable
// becomes the value that its key has in the request; * and ? in it are ordinary
// characters. An error names a variable whose value is not known, and one of a key
// that the request lacks, if the variable has no default. Policies of the older version have
// no variables.
//
// Source: IAM User Guide, "IAM policy elements: Variables and tags".
func expandVariables(value, version string, r Request) (pattern, error) {
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
		text, ok := r.variable(name)
		if !closed || !ok {
			return nil, fmt.Errorf("the policy variable ${%s}", name)
		}
		out, value = append(out, pattern(text)...), after
	}
}

// variable returns the value of a policy variable, such as *, aws:username or
// aws:PrincipalTag/team, 'none'.
func (r Request) variable(name string) (string, bool) {
	if slices.Contains([]string{"*", "?", "$"}, name) {
		return name, true
	}
	key, standby, hasDefault := strings.Cut(name, ", ")
	known, values := r.lookup(key)
	switch {
	case known == presentKey && len(values) == 1:
		return values[0], true
	case known == absentKey && hasDefault && len(standby) > 2 && standby[0] == '\'' && standby[len(standby)-1] == '\'':
		return standby[1 : len(standby)-1], true
	}
	return "", false
}
