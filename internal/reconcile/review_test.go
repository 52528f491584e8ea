package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func TestReviewSaysWhoWroteEachStatement(t *testing.T) {
	of := func(namespaces string) iam.Statement {
		return trustOf(t, identity.IRSA, "prod", namespaces).Statement[0]
	}
	wanted, more, kept, edited, foreign := of("a b"), of("a old"), of("gone"), of("a"), of("a")
	kept.Sid = desired.KeptSid + "00000000"
	edited.Sid, edited.Action = desired.KeptSid+"11111111", iam.Values{"sts:*"}
	edited.Condition = edited.Condition.With("StringEquals", "aws:PrincipalTag/x", "y")
	foreign.Sid = ""
	live := iam.Document{Statement: []iam.Statement{foreign, wanted, more, kept, edited, desired.NobodyStatement()}}
	var got []string
	for _, s := range Review(live, iam.Document{Statement: []iam.Statement{wanted}}) {
		text := s.Sid + " " + string(s.Effect) + " " + string(s.Origin)
		for _, subject := range s.Kept {
			text += " " + subject
		}
		got = append(got, text)
	}
	want := []string{" Allow foreign", wanted.Sid + " Allow managed", wanted.Sid + " Allow managed system:serviceaccount:old:mxp-controller",
		kept.Sid + " Allow kept system:serviceaccount:gone:mxp-controller", edited.Sid + " Allow managed", desired.NobodySid + " Deny managed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
