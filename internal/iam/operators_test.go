package iam

import (
	"strings"
	"testing"
)

// The user's fact decides, with the operators of every type.
func TestOperatorsCompareFacts(t *testing.T) {
	const unknown = CannotEvaluate
	tests := []struct {
		operator string
		expected string // JSON
		fact     string
		want     Verdict
	}{
		{"IpAddress", `"10.0.0.0/8"`, "10.1.2.3", Allowed},
		{"IpAddress", `"10.0.0.0/8"`, "11.0.0.0", Denied},
		{"IpAddress", `"10.9.9.9/8"`, "10.1.2.3", Allowed}, // bits of the host do not count
		{"IpAddress", `["11.0.0.0/8","10.1.2.3"]`, "10.1.2.3", Allowed},
		{"IpAddress", `"10.1.2.3"`, "10.1.2.4", Denied},
		{"IpAddress", `"0.0.0.0/0"`, "10.1.2.4", Allowed},
		{"IpAddress", `"0.0.0.0/0"`, "2001:db8::1", Denied},
		{"IpAddress", `"::/0"`, "10.1.2.4", Denied},
		{"IpAddress", `"2001:DB8::/32"`, "2001:db8:0::1", Allowed},
		{"IpAddress", `"2001:db8::1"`, "2001:db8::2", Denied},
		{"IpAddress", `"10.0.0.0/8"`, "::ffff:10.0.0.1", unknown},
		{"IpAddress", `"10.0.0.0/8"`, "fe80::1%eth0", unknown},
		{"IpAddress", `"fe80::1%eth0"`, "fe80::1", unknown},
		{"IpAddress", `"10.0.0.0/8"`, "10.0.0.0/8", unknown},
		{"IpAddress", `"10.0.0.0/33"`, "10.0.0.1", unknown},
		{"IpAddress", `"10.*"`, "10.0.0.1", unknown},
		{"IpAddress", `["10.*","10.0.0.1"]`, "10.0.0.1", Allowed},
		{"IpAddress", `"${aws:SourceIp}"`, "10.0.0.1", unknown}, // no variables here
		{"NotIpAddress", `["10.0.0.0/8","11.0.0.0/8"]`, "12.0.0.1", Allowed},
		{"NotIpAddress", `["10.0.0.0/8","11.0.0.0/8"]`, "11.0.0.1", Denied},
		{"NotIpAddress", `"10.0.0.0/8"`, "2001:db8::1", Allowed},
		{"NotIpAddress", `"x"`, "10.0.0.1", unknown},

		{"NumericEquals", `5`, "5.0", Allowed},
		{"NumericEquals", `"5"`, "50", Denied},
		{"NumericEquals", `"9007199254740993"`, "9007199254740992", Denied}, // beyond a float64
		{"NumericNotEquals", `[1,2]`, "3", Allowed},
		{"NumericNotEquals", `[1,2]`, "2", Denied},
		{"NumericLessThan", `"10"`, "9", Allowed}, // not in the order of text
		{"NumericLessThan", `"10"`, "10", Denied},
		{"NumericLessThanEquals", `"10"`, "10", Allowed},
		{"NumericLessThanEquals", `"10"`, "10.1", Denied},
		{"NumericGreaterThan", `"-2"`, "-1", Allowed},
		{"NumericGreaterThan", `"-2"`, "-2", Denied},
		{"NumericGreaterThanEquals", `"-2"`, "-2", Allowed},
		{"NumericGreaterThanEquals", `"-2"`, "-3", Denied},
		{"NumericGreaterThan", `["9","1"]`, "2", Allowed},
		{"NumericEquals", `"1e3"`, "1000", unknown},
		{"NumericEquals", `"1000"`, "1e3", unknown},
		{"NumericEquals", `"1/2"`, "0.5", unknown},
		{"NumericEquals", `"1e999999999"`, "1", unknown},

		{"DateEquals", `"2026-03-01T12:00:00Z"`, "2026-03-01T13:00:00+01:00", Allowed},
		{"DateEquals", `"2026-03-01T12:00Z"`, "1772366400", Allowed},
		{"DateEquals", `"2026-03-01T12:00:00.5Z"`, "2026-03-01T12:00:00Z", Denied},
		{"DateEquals", `"2026-03-01"`, "2026-03-01T00:00:00Z", Allowed},
		{"DateEquals", `"2026-03"`, "2026-03-01", Allowed},
		{"DateNotEquals", `"2026-03-01"`, "2026-03-02", Allowed},
		{"DateNotEquals", `"2026-03-01"`, "2026-03-01", Denied},
		{"DateLessThan", `"2026-03-01T12:00:00Z"`, "2026-03-01T11:59:59Z", Allowed},
		{"DateLessThan", `"2026-03-01T12:00:00Z"`, "2026-03-01T12:00:00Z", Denied},
		{"DateLessThanEquals", `"2026-03-01T12:00:00Z"`, "2026-03-01T12:00:00Z", Allowed},
		{"DateLessThanEquals", `"2026-03-01T12:00:00Z"`, "2026-03-01T12:00:01Z", Denied},
		{"DateGreaterThan", `"2026-03-01T12:00:00Z"`, "2026-03-01T12:00:01Z", Allowed},
		{"DateGreaterThan", `"2026-03-01T12:00:00Z"`, "2026-03-01T12:00:00Z", Denied},
		{"DateGreaterThanEquals", `"2026-03-01T12:00:00Z"`, "2026-03-01T12:00:00Z", Allowed},
		{"DateGreaterThanEquals", `"2026-03-01T12:00:00Z"`, "2026-03-01T11:59:59Z", Denied},
		{"DateEquals", `"2026"`, "2026-01-01", unknown}, // a year, or seconds
		{"DateEquals", `"1772366400000"`, "1772366400", unknown},
		{"DateEquals", `"tomorrow"`, "2026-03-01", unknown},
		{"DateEquals", `"2026-03-01"`, "today", unknown},

		{"Bool", `true`, "TRUE", Allowed},
		{"Bool", `"False"`, "true", Denied},
		{"Bool", `["true","false"]`, "false", Allowed},
		{"Bool", `"yes"`, "yes", unknown},
		{"Bool", `"true"`, "1", unknown},
		{"BinaryEquals", `"QmluYXJ5"`, "QmluYXJ5", Allowed},
		{"BinaryEquals", `"QmluYXJ5"`, "qmluYXJ5", Denied},
		{"BinaryEquals", `"QmluYXJ5"`, "Binary!", unknown},
		{"BinaryEquals", `"Binary!"`, "QmluYXJ5", unknown},

		{"StringEquals", `"${k}"`, "x", Allowed},
		{"StringEquals", `"a${K}b"`, "x", Denied},
		{"StringLike", `"${k}"`, "a*", Allowed},
		{"StringLike", `"*${k}*"`, "xa", Allowed},
		{"StringNotEquals", `"${k}"`, "x", Denied},
		{"StringEquals", `"${k, 'y'}"`, "x", Allowed},
		{"StringEquals", `"${aws:TagKeys, 'x'}"`, "x", Allowed}, // absent, so the default
		{"StringEquals", `"${aws:TagKeys, 'y'}"`, "x", Denied},
		{"StringEquals", `"${aws:TagKeys, ''}"`, "x", unknown},
		{"StringEquals", `"${aws:TagKeys, x}"`, "x", unknown},
		{"StringEquals", `"${aws:TagKeys, 'x}"`, "x", unknown},
		{"StringEquals", `"${aws:TagKeys, x'}"`, "x", unknown},
		{"StringEquals", `"${aws:TagKeys}"`, "x", unknown},
		{"StringEquals", `"${aws:userid, 'x'}"`, "x", unknown},
		{"StringNotEquals", `"${aws:userid}"`, "x", unknown},
		{"StringEquals", `"${k"`, "x", unknown},
		{"StringNotLike", `"${k}"`, "x", Denied},
		{"StringEqualsIgnoreCase", `"${k}"`, "x", Allowed},
		{"StringNotEqualsIgnoreCase", `"${k}"`, "x", Denied},
		{"ArnLike", `"${k}"`, "arn:aws:iam::1:role/x", Allowed},
		{"ArnEquals", `"${k}"`, "arn:aws:iam::1:role/x", Allowed},
		{"ArnNotLike", `"${k}"`, "arn:aws:iam::1:role/x", Denied},
		{"ArnNotEquals", `"${k}"`, "arn:aws:iam::1:role/x", Denied},
		{"ArnLike", `"arn:aws:iam::1:role/${k}"`, "arn:aws:iam::1:role/x", Denied},
	}
	for _, tt := range tests {
		doc, err := Parse([]byte(federated("Allow", `{"`+tt.operator+`":{"k":`+tt.expected+`}}`)))
		if err != nil {
			t.Fatal(err)
		}
		if got := Evaluate(irsa().With("k", tt.fact), doc); got.Verdict != tt.want {
			t.Errorf("%s %s for %s: %s, want %s (%s)", tt.operator, tt.expected, tt.fact, got.Verdict, tt.want, got.Reason)
		}
	}
}

// A policy variable with several values has no value.
func TestVariableOfSeveralValuesIsUnknown(t *testing.T) {
	doc, err := Parse([]byte(federated("Allow", `{"StringEquals":{"P:aud":"${k}"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if got := Evaluate(irsa().With("k", "sts.amazonaws.com", "x"), doc); got.Verdict != CannotEvaluate {
		t.Errorf("%s: %s", got.Verdict, got.Reason)
	}
}

// Every operator gives the documented result for a request without the key.
func TestOperatorsWithoutTheKey(t *testing.T) {
	for name, op := range operators() {
		if op.null {
			continue
		}
		for qualified, want := range map[string]Verdict{
			name: verdictOf(op.negated), name + "IfExists": Allowed, "ForAllValues:" + name: Allowed,
			"ForAnyValue:" + name: Denied, "ForAnyValue:" + name + "IfExists": Denied,
		} {
			doc, err := Parse([]byte(federated("Allow", `{"`+qualified+`":{"aws:TagKeys":"x"}}`)))
			if err != nil {
				t.Fatal(err)
			}
			if got := Evaluate(irsa(), doc); got.Verdict != want || op.negated != strings.Contains(name, "Not") {
				t.Errorf("%s: %s, want %s (%s)", qualified, got.Verdict, want, got.Reason)
			}
		}
	}
	if len(operators()) != 27 {
		t.Errorf("%d operators", len(operators()))
	}
}

func verdictOf(allowed bool) Verdict {
	if allowed {
		return Allowed
	}
	return Denied
}

// An empty list matches nothing. AWS does not document what it means for the negated
// operators, ForAllValues, IfExists and Null.
func TestEmptyConditionLists(t *testing.T) {
	for operator, want := range map[string]Verdict{
		"StringEquals": Denied, "ForAnyValue:StringLike": Denied, "ArnLike": Denied, "NumericLessThan": Denied, "IpAddress": Denied,
		"StringNotEquals": CannotEvaluate, "StringNotLike": CannotEvaluate, "ArnNotLike": CannotEvaluate, "NotIpAddress": CannotEvaluate,
		"NumericNotEquals": CannotEvaluate, "DateNotEquals": CannotEvaluate, "ForAnyValue:StringNotEquals": CannotEvaluate,
		"ForAllValues:StringEquals": CannotEvaluate, "ForAllValues:StringNotEquals": CannotEvaluate,
		"StringEqualsIfExists": CannotEvaluate, "Null": CannotEvaluate,
	} {
		for _, key := range []string{"P:aud", "aws:TagKeys", "aws:PrincipalOrgID"} { // present, absent and unknown
			doc, err := Parse([]byte(federated("Allow", `{"`+operator+`":{"`+key+`":[]}}`)))
			if err != nil {
				t.Fatal(err)
			}
			got := Evaluate(irsa(), doc)
			if got.Verdict != want || want == CannotEvaluate && !strings.Contains(got.Reason, "the empty list in "+operator) {
				t.Errorf("%s %s: %s, want %s (%s)", operator, key, got.Verdict, want, got.Reason)
			}
		}
	}
}

func TestRepeatedConditionKeyIsUnknown(t *testing.T) {
	doc, err := Parse([]byte(federated("Allow", `{"StringEquals":{"K":"x","k":"x"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	got := Evaluate(irsa().With("k", "x"), doc)
	if got.Verdict != CannotEvaluate || !strings.Contains(got.Reason, "which StringEquals has twice") {
		t.Errorf("%s: %s", got.Verdict, got.Reason)
	}
}
