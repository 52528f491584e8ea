package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
)

// ordered and shuffled return the same statement in different orders.
func ordered() iam.Statement {
	return iam.Statement{Sid: "S", Effect: iam.Allow, Principal: iam.Principal{Service: iam.Values{"a", "b"}}, Action: iam.Values{"s3:GetObject", "s3:PutObject"},
		Condition: iam.Condition{"StringEquals": {"k": {"1", "2"}}}}
}

func shuffled() iam.Statement {
	return iam.Statement{Sid: "S", Effect: iam.Allow, Principal: iam.Principal{Service: iam.Values{"b", "a"}}, Action: iam.Values{"s3:PutObject", "s3:GetObject", "s3:GetObject"},
		Condition: iam.Condition{"StringEquals": {"k": {"2", "1", "2"}}}}
}

func TestCanonicalSortsListsAndLeavesTheOriginal(t *testing.T) {
	original := shuffled()
	if diff := cmp.Diff(ordered(), iam.Canonical(original)); diff != "" {
		t.Errorf("canonical (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(shuffled(), original); diff != "" {
		t.Errorf("the original has changed (-want +got):\n%s", diff)
	}
}

func TestSameIgnoresOrderAndNothingElse(t *testing.T) {
	if !iam.Same(ordered(), shuffled()) {
		t.Error("the order of lists counts")
	}
	for name, tt := range map[string]struct {
		change func(*iam.Statement)
		want   []string // differences
	}{
		"Sid":           {func(s *iam.Statement) { s.Sid = "T" }, nil},
		"effect":        {func(s *iam.Statement) { s.Effect = iam.Deny }, []string{"Effect"}},
		"principal":     {func(s *iam.Statement) { s.Principal.Service = iam.Values{"a"} }, []string{"Principal"}},
		"not principal": {func(s *iam.Statement) { s.NotPrincipal, s.Principal = s.Principal, iam.Principal{} }, []string{"Principal"}},
		"action":        {func(s *iam.Statement) { s.Action = iam.Values{"s3:*"} }, []string{"Action"}},
		"not action":    {func(s *iam.Statement) { s.NotAction, s.Action = s.Action, nil }, []string{"Action"}},
		"resource":      {func(s *iam.Statement) { s.Resource = iam.Values{"*"} }, []string{"Resource"}},
		"operator":      {func(s *iam.Statement) { s.Condition = iam.Condition{"StringLike": s.Condition["StringEquals"]} }, []string{"Condition"}},
		"value":         {func(s *iam.Statement) { s.Condition["StringEquals"]["k"] = iam.Values{"1"} }, []string{"Condition"}},
	} {
		t.Run(name, func(t *testing.T) {
			other := shuffled()
			tt.change(&other)
			if iam.Same(ordered(), other) {
				t.Error("is the same")
			}
			if diff := cmp.Diff(tt.want, iam.Differences(ordered(), other)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCanonicalSortsEveryList(t *testing.T) {
	with := func(v iam.Values) iam.Statement {
		all := iam.Principal{AWS: v, CanonicalUser: v, Federated: v, Service: v}
		return iam.Statement{Principal: all, NotPrincipal: all, Action: v, NotAction: v, Resource: v, NotResource: v,
			Condition: iam.Condition{"StringEquals": {"j": v, "k": v}, "StringLike": {"k": v}}}
	}
	if diff := cmp.Diff(with(iam.Values{"a", "b"}), iam.Canonical(with(iam.Values{"b", "a", "b"}))); diff != "" {
		t.Errorf("canonical (-want +got):\n%s", diff)
	}
}

func TestSameStatementsComparesEachInOrder(t *testing.T) {
	deny := iam.Statement{Effect: iam.Deny, Principal: iam.Principal{Everyone: true}, Action: iam.Values{"*"}}
	one := iam.Document{Version: "2012-10-17", Statement: []iam.Statement{ordered(), deny}}
	for name, tt := range map[string]struct {
		other []iam.Statement
		want  bool
	}{
		"the same":          {[]iam.Statement{shuffled(), deny}, true},
		"another order":     {[]iam.Statement{deny, shuffled()}, false},
		"one less":          {[]iam.Statement{shuffled()}, false},
		"one more":          {[]iam.Statement{shuffled(), deny, deny}, false},
		"another statement": {[]iam.Statement{shuffled(), ordered()}, false},
		"none":              {nil, false},
	} {
		if got := iam.SameStatements(one, iam.Document{Statement: tt.other}); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !iam.SameStatements(iam.Document{Version: "2012-10-17"}, iam.Document{ID: "x"}) {
		t.Error("documents without statements differ")
	}
}

func TestDocumentsAreWrittenAsIAMCountsThem(t *testing.T) {
	d := iam.Document{Version: "2012-10-17", Statement: []iam.Statement{{Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{}, Service: iam.Values{"a"}},
		NotPrincipal: iam.Principal{Everyone: true}, Action: iam.Values{"<&>é"}, Resource: iam.Values{"a", "b"}}}}
	compact := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[],"Service":"a"},"NotPrincipal":"*","Action":"<&>é","Resource":["a","b"]}]}`
	if diff := cmp.Diff(compact, string(d.Compact())); diff != "" {
		t.Errorf("compact (-want +got):\n%s", diff)
	}
	if got := iam.Length(d); got != len(compact)-1 {
		t.Errorf("length %d of %d bytes with one character of two bytes", got, len(compact))
	}
	indented := `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "AWS": [],
        "Service": "a"
      },
      "NotPrincipal": "*",
      "Action": "<&>é",
      "Resource": [
        "a",
        "b"
      ]
    }
  ]
}
`
	if diff := cmp.Diff(indented, string(d.JSON())); diff != "" {
		t.Errorf("indented (-want +got):\n%s", diff)
	}
	if got := d.Statement[0].Principal.String() + "; " + d.Statement[0].NotPrincipal.String(); got != "Service a; *" {
		t.Errorf("principals: %s", got)
	}
}

func TestLinesListEveryElement(t *testing.T) {
	s := iam.Statement{Sid: "S", Effect: iam.Deny, Principal: iam.Principal{AWS: iam.Values{"1"}, CanonicalUser: iam.Values{"2"}, Federated: iam.Values{"3"}, Service: iam.Values{"4"}},
		NotPrincipal: iam.Principal{Everyone: true}, NotAction: iam.Values{"a"}, Resource: iam.Values{"r"}, NotResource: iam.Values{"n"}}
	want := []string{"Effect Deny", "Principal AWS 1", "Principal CanonicalUser 2", "Principal Federated 3", "Principal Service 4",
		"NotPrincipal *", "NotAction a", "Resource r", "NotResource n"}
	if diff := cmp.Diff(want, s.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestLinesListEveryValue(t *testing.T) {
	want := []string{"Effect Allow", "Principal Service a", "Principal Service b", "Action s3:GetObject", "Action s3:PutObject",
		"Condition StringEquals k 1", "Condition StringEquals k 2"}
	if diff := cmp.Diff(want, shuffled().Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
