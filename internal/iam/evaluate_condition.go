package iam

import (
	"fmt"
	"strings"
)

// conditionOf tests one key of a condition. The values of a key are
// alternatives; keys and operators must all hold.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and
// "Conditions with multiple context keys or values".
func conditionOf(name, key string, values Values, version string, r Request) (truth, Finding) {
	f := Finding{Element: "Condition", Operator: name, Key: key, Expected: values}
	q, ok := parseOperator(name)
	if !ok {
		f.Cannot = fmt.Sprintf("the condition operator %s", name)
		return maybe, f
	}
	if version == PolicyVersion && strings.Contains(key, "${") {
		f.Cannot = fmt.Sprintf("the policy variable in the condition key %s", key)
		return maybe, f
	}
	known, actual := r.lookup(key)
	f.Actual = actual
	if known == unknownKey {
		f.Cannot = fmt.Sprintf("the condition key %s", key)
		return maybe, f
	}
	t, cannot := q.holds(values, actual, known == presentKey, version)
	if t == maybe {
		f.Cannot = cannot + " in " + name + " " + key
	}
	return t, f
}

// holds tests the values of the policy against those of the request; where the
// answer is maybe, it says what cannot be evaluated.
func (q qualified) holds(expected, actual []string, present bool, version string) (truth, string) {
	switch {
	case q.null:
		return null(expected, present)
	case !present:
		return truthOf(q.holdsWithoutKey()), ""
	case q.set == "" && len(actual) != 1:
		return maybe, "a key of several values without ForAnyValue or ForAllValues"
	}
	return q.overSet(expected, actual, version)
}

// holdsWithoutKey is the result where the request does not have the key.
// ForAnyValue fails even with IfExists: there is no value that could pass.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "…IfExists"
// and "Set operators for multivalued context keys"; that the two together fail was
// seen on AWS: re:Post, "ForAnyValue:StringEqualsIfExists behaving unexpectedly".
func (q qualified) holdsWithoutKey() bool {
	switch q.set {
	case "ForAnyValue":
		return false
	case "ForAllValues":
		return true
	}
	return q.ifExists || q.negated
}

// overSet tests each value of the request: with ForAnyValue one must pass,
// otherwise all of them.
//
// Source: IAM User Guide, "Set operators for multivalued context keys".
func (q qualified) overSet(expected, actual []string, version string) (truth, string) {
	result, why := truthOf(q.set != "ForAnyValue"), ""
	for _, value := range actual {
		t, cannot := q.one(expected, value, version)
		if t == maybe {
			why = cannot
		}
		if q.set == "ForAnyValue" {
			result = max(result, t)
		} else {
			result = min(result, t)
		}
	}
	return result, why
}

// one tests one value of the request against the alternatives of the policy.
func (q qualified) one(expected []string, value, version string) (truth, string) {
	result, why := no, ""
	for _, e := range expected {
		matched, err := q.match(e, value, version)
		t := truthOf(matched)
		if err != nil {
			t, why = maybe, err.Error()
		}
		result = max(result, t)
	}
	if q.negated {
		result = result.not()
	}
	return result, why
}

func (q qualified) match(expected, value, version string) (bool, error) {
	pattern, err := expand(expected, version)
	if err != nil {
		return false, err
	}
	return q.matches(pattern, value)
}

// null tests whether a key is there: "true" asks for its absence.
func null(expected []string, present bool) (truth, string) {
	result := no
	for _, e := range expected {
		switch strings.ToLower(e) {
		case "true":
			result = max(result, truthOf(!present))
		case "false":
			result = max(result, truthOf(present))
		default:
			return maybe, fmt.Sprintf("%q", e)
		}
	}
	return result, ""
}
