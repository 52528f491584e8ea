package iam

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocumentInJSONReadsBack(t *testing.T) {
	want := struct{ Policy *Document }{&Document{Version: PolicyVersion, Statement: []Statement{{Sid: "A", Effect: Allow,
		Principal: Principal{AWS: Values{"*"}}, Action: Values{"sts:AssumeRole"}, Condition: Condition{"Bool": {"aws:SecureTransport": {"true"}}}}}}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := want
	got.Policy = nil
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"Policy":{"Statement":[],"Stament":1}}`), &got); err == nil {
		t.Error("a wrong policy is read")
	}
}
