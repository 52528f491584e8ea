package iam

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseNormalizesSingleValues(t *testing.T) {
	policy := `{"Version": "2008-10-17", "Id": "x", "Statement":
	  {"Effect": "Deny", "NotPrincipal": {"AWS": ["1", "2"], "CanonicalUser": "c"}, "NotAction": "a", "NotResource": "r",
	   "Condition": {"Bool": {"aws:SecureTransport": false}, "NumericLessThan": {"k": [1, "2"]}}}}`
	want := Document{Version: "2008-10-17", ID: "x", Statement: []Statement{{
		Effect:       Deny,
		NotPrincipal: Principal{AWS: Values{"1", "2"}, CanonicalUser: Values{"c"}},
		NotAction:    Values{"a"},
		NotResource:  Values{"r"},
		Condition:    Condition{"Bool": {"aws:SecureTransport": {"false"}}, "NumericLessThan": {"k": {"1", "2"}}},
	}}}
	got, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestParseReportsErrorsWithPosition(t *testing.T) {
	statement := `{"Effect":"Allow","Principal":"*","Action":"a"}`
	tests := map[string]struct {
		policy string
		want   SyntaxError
	}{
		"empty":              {"", SyntaxError{1, 1, "not JSON: the policy ends too early"}},
		"not JSON":           {"{\n  Version: 1}", SyntaxError{2, 3, "not JSON: invalid character 'V'"}},
		"YAML":               {"Version: x", SyntaxError{1, 1, "not JSON: invalid character 'V' looking for beginning of value"}},
		"cut off":            {`{"Version":"2012-10-17",`, SyntaxError{1, 25, "not JSON: the policy ends too early"}},
		"two documents":      {`{"Statement":` + statement + "}\n {}", SyntaxError{2, 2, "there is more after the end of the policy: give one JSON object"}},
		"bad UTF-8":          {"{\n\"\xff\"}", SyntaxError{2, 2, "the policy is not valid UTF-8"}},
		"bad UTF-8 first":    {"\xff{}", SyntaxError{1, 1, "the policy is not valid UTF-8"}},
		"cut-off UTF-8":      {"{\"é\xc3", SyntaxError{1, 4, "the policy is not valid UTF-8"}},
		"bad escape":         {`{"Version":"2012\q"}`, SyntaxError{1, 12, `not JSON: invalid character 'q' in string escape code`}},
		"no comma":           {"{\"Version\":\"2012-10-17\"\n  \"Id\":\"x\"}", SyntaxError{2, 3, `not JSON: invalid character '"' after object key:value pair`}},
		"Id a number":        {`{"Id":1}`, SyntaxError{1, 7, "Id: expected a string, not the number 1"}},
		"Effect a list":      {`{"Statement":{"Effect":["Allow"]}}`, SyntaxError{1, 24, "Effect: expected a string, not a list"}},
		"Action an object":   {`{"Statement":{"Action":{}}}`, SyntaxError{1, 24, "Action: expected a string, not an object"}},
		"Action a boolean":   {`{"Statement":{"Action":false}}`, SyntaxError{1, 24, "Action: expected a string, not the value false"}},
		"statement a string": {`{"Statement":"a"}`, SyntaxError{1, 14, `a statement: expected an object, not the string "a"`}},
		"NotPrincipal":       {`{"Statement":{"NotPrincipal":"x"}}`, SyntaxError{1, 30, `NotPrincipal: expected "*" or an object such as {"Service": "pods.eks.amazonaws.com"}, not "x"`}},
		"unknown kind":       {`{"Statement":{"Principal":{"Role":"x"}}}`, SyntaxError{1, 28, `unknown element "Role": expected one of AWS, Federated, Service, CanonicalUser`}},
		"unknown in a statement": {`{"Statement":{"Actions":"x"}}`, SyntaxError{1, 15,
			`unknown element "Actions": expected one of Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition`}},
		"a list":              {"[]", SyntaxError{1, 1, "the policy: expected an object, not a list"}},
		"no statement":        {`{"Version":"2012-10-17"}`, SyntaxError{1, 24, "the policy has no Statement"}},
		"empty statement":     {`{"Statement":[]}`, SyntaxError{1, 14, "Statement is empty"}},
		"wrong version":       {"{\n  \"Version\": \"2012-10-18\"}", SyntaxError{2, 14, `Version: expected 2012-10-17 or 2008-10-17, not "2012-10-18"`}},
		"version a number":    {`{"Version": 2012}`, SyntaxError{1, 13, "Version: expected a string, not the number 2012"}},
		"version twice":       {`{"Version":"2012-10-17", "Version":"2012-10-17"}`, SyntaxError{1, 26, `duplicate key "Version" in the policy`}},
		"unknown element":     {`{"Statements":[]}`, SyntaxError{1, 2, `unknown element "Statements": expected one of Version, Id, Statement`}},
		"element's case":      {`{"Statement":{"effect":"Allow"}}`, SyntaxError{1, 15, `unknown element "effect": did you mean "Effect"?`}},
		"duplicate condition": {`{"Statement":{"Condition":{"A":{"k":"1","k":"2"}}}}`, SyntaxError{1, 41, `duplicate key "k" in A`}},
		"duplicate operator":  {`{"Statement":{"Condition":{"A":{"k":"1"},"A":{}}}}`, SyntaxError{1, 42, `duplicate key "A" in Condition`}},
		"escaped duplicate":   {`{"Statement":{"Condition":{"A":{"k":"1","\u006b":"2"}}}}`, SyntaxError{1, 41, `duplicate key "k" in A`}},
		"no effect":           {`{"Statement":{"Action":"a"}}`, SyntaxError{1, 14, "the statement has no Effect: expected Allow or Deny"}},
		"effect":              {`{"Statement":{"Effect":"allow"}}`, SyntaxError{1, 24, `Effect: expected Allow or Deny, not "allow"`}},
		"no action":           {`{"Statement":{"Effect":"Allow"}}`, SyntaxError{1, 14, "the statement has no Action"}},
		"action null":         {`{"Statement":{"Action":null}}`, SyntaxError{1, 24, "Action: expected a string, not null"}},
		"both actions":        {`{"Statement":{"Effect":"Allow","Action":"a","NotAction":"b"}}`, SyntaxError{1, 14, "the statement has Action and NotAction: IAM allows only one of them"}},
		"principal":           {`{"Statement":{"Principal":"x"}}`, SyntaxError{1, 27, `Principal: expected "*" or an object such as {"Service": "pods.eks.amazonaws.com"}, not "x"`}},
		"principal kind":      {`{"Statement":{"Principal":{"service":"x"}}}`, SyntaxError{1, 28, `unknown element "service": did you mean "Service"?`}},
		"principal null":      {`{"Statement":{"Principal":{"AWS":null}}}`, SyntaxError{1, 34, "AWS: expected a string, not null"}},
		"principal a list":    {`{"Statement":{"Principal":["*"]}}`, SyntaxError{1, 27, "Principal: expected an object, not a list"}},
		"both principals":     {`{"Statement":{"Effect":"Allow","Action":"a","Principal":{},"NotPrincipal":{"AWS":[]}}}`, SyntaxError{1, 14, "the statement has Principal and NotPrincipal: IAM allows only one of them"}},
		"empty actions":       {`{"Statement":{"Effect":"Allow","Action":[],"NotAction":[]}}`, SyntaxError{1, 14, "the statement has Action and NotAction: IAM allows only one of them"}},
		"empty resources":     {`{"Statement":{"Effect":"Allow","Action":[],"Resource":[],"NotResource":[]}}`, SyntaxError{1, 14, "the statement has Resource and NotResource: IAM allows only one of them"}},
		"action a number":     {`{"Statement":{"Action":["a",1]}}`, SyntaxError{1, 29, "Action: expected a string, not the number 1"}},
		"Sid null":            {`{"Statement":{"Sid":null}}`, SyntaxError{1, 21, "Sid: expected a string, not null"}},
		"condition null":      {`{"Statement":{"Condition":null}}`, SyntaxError{1, 27, "Condition: expected an object, not null"}},
		"condition list":      {`{"Statement":{"Condition":[]}}`, SyntaxError{1, 27, "Condition: expected an object, not a list"}},
		"operator null":       {`{"Statement":{"Condition":{"A":null}}}`, SyntaxError{1, 32, "A: expected an object, not null"}},
		"value null":          {`{"Statement":{"Condition":{"A":{"k":[null]}}}}`, SyntaxError{1, 38, "k: expected a string or a list of them, not null"}},
		"statement null":      {`{"Statement":[null]}`, SyntaxError{1, 15, "a statement: expected an object, not null"}},
		"condition value":     {`{"Statement":{"Condition":{"A":{"k":{}}}}}`, SyntaxError{1, 37, "k: expected a string or a list of them, not an object"}},
		"same Sid":            {`{"Statement":[{"Sid":"a","Effect":"Allow","Action":"a"},` + "\n" + `{"Sid":"a","Effect":"Allow","Action":"a"}]}`, SyntaxError{2, 1, `two statements have the Sid "a": IAM allows each Sid once`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse([]byte(tt.policy))
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("%+v, %v", doc, err)
			}
			if diff := cmp.Diff(tt.want, *syntax); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			if want := fmt.Sprintf("line %d, column %d: %s", tt.want.Line, tt.want.Column, tt.want.Problem); err.Error() != want {
				t.Errorf("the message is %q, not %q", err, want)
			}
		})
	}
}

func TestParseSuggestsTheElementInItsCase(t *testing.T) {
	for format, elements := range map[string][]string{
		`{%s:1}`:                             {"Version", "Id", "Statement"},
		`{"Statement":{%s:1}}`:               {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"},
		`{"Statement":{"Principal":{%s:1}}}`: {"AWS", "Federated", "Service", "CanonicalUser"},
	} {
		for _, element := range elements {
			other := strings.ToLower(element)
			want := fmt.Sprintf("unknown element %q: did you mean %q?", other, element)
			if _, err := Parse([]byte(fmt.Sprintf(format, `"`+other+`"`))); err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v", element, err)
			}
		}
	}
}

// IAM accepts all of these policies, so a trust policy may have them in foreign statements. They
// are written as they were read.
func TestParseKeepsOddStatements(t *testing.T) {
	statement := func(rest string) string { return `{"Statement":[{"Effect":"Allow",` + rest + `}]}` }
	for name, policy := range map[string]string{
		"empty condition list": statement(`"Principal":"*","Action":"sts:*","Condition":{"StringEquals":{"aws:SourceIp":[]}}`),
		"empty operator":       statement(`"Principal":"*","Action":"sts:*","Condition":{"StringEquals":{}}`),
		"empty condition":      statement(`"Principal":"*","Action":"sts:*","Condition":{}`),
		"empty principal list": statement(`"Principal":{"AWS":[]},"Action":"sts:*"`),
		"one empty of two":     statement(`"Principal":{"AWS":[],"Service":"a"},"Action":"sts:*"`),
		"empty principal":      statement(`"Principal":{},"Action":"sts:*"`),
		"empty NotPrincipal":   statement(`"NotPrincipal":{"AWS":[]},"Action":"sts:*"`),
		"empty Action":         statement(`"Principal":"*","Action":[]`),
		"empty NotAction":      statement(`"Principal":"*","NotAction":[]`),
		"empty Resource":       statement(`"Action":"s3:*","Resource":[]`),
		"empty NotResource":    statement(`"Action":"s3:*","NotResource":[]`),
		"old version":          `{"Version":"2008-10-17",` + strings.TrimPrefix(statement(`"Principal":"*","Action":"sts:*","Condition":{"StringLike":{"k":"${aws:username}"}}`), "{"),
		"key in two cases":     statement(`"Principal":"*","Action":"sts:*","Condition":{"StringEquals":{"K":"1","k":"2"}}`),
		"unknown operator":     statement(`"Principal":"*","Action":"sts:*","Condition":{"StringPrefix":{"k":"1"}}`),
		"odd Sid":              strings.Replace(statement(`"Principal":"*","Action":"sts:*"`), `{"E`, `{"Sid":"Grüße, Österreich 1","E`, 1),
		"everything":           `{"Version":"2012-10-17","Id":"a b",` + strings.TrimPrefix(statement(`"NotPrincipal":{"AWS":"*","CanonicalUser":["a","b"]},"NotAction":["a","b"]`), "{"),
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse([]byte(policy))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(policy, string(doc.Compact())); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			if s := doc.Statement[0]; !Same(s, s) || Same(s, Statement{Effect: Allow, Principal: s.Principal, Action: Values{"x"}}) {
				t.Error("Same does not tell the statements apart")
			}
		})
	}
}

// FuzzParse checks that no input crashes the parser. A policy that it accepts stays the same
// after writing and parsing it again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		federated("Allow", `{"StringEquals":{"P:aud":"sts.amazonaws.com"},"StringLike":{"P:sub":["system:serviceaccount:mxp-*-system:x","y"]}}`),
		podPolicy(`{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"a"},"ArnLike":{"aws:SourceArn":"arn:aws:eks:*:*:*"}}`),
		`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::b/${aws:username}/*"}]}`,
		`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":["a"],"NotResource":"é","Condition":{"Null":{"k":true}}}}`,
		`{"Id":"x","Version":"2008-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Condition":{"NumericLessThan":{"k":[1,"2"]}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse(data)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("%v has no position", err)
			}
			return
		}
		again, err := Parse(doc.JSON())
		if err != nil {
			t.Fatalf("%v\n%s", err, doc.JSON())
		}
		if diff := cmp.Diff(doc, again); diff != "" {
			t.Fatal(diff)
		}
		Evaluate(pod(), doc)
		Evaluate(irsa(), doc)
		Evaluate(Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*"}, doc)
	})
}
