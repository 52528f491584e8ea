package reconcile_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// IAM accepts these statements, although they make little sense. They stay as they are, with
// every flag, and do not stop a run.
func TestApplyKeepsOddForeignStatements(t *testing.T) {
	for name, odd := range map[string]string{
		"condition list":     `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceIp":[]}}}`,
		"negated list":       `{"Effect":"Deny","Principal":"*","Action":"sts:TagSession","Condition":{"ForAllValues:StringNotEquals":{"aws:TagKeys":[]}}}`,
		"condition":          `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole","Condition":{}}`,
		"operator":           `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole","Condition":{"Bool":{}}}`,
		"principal list":     `{"Effect":"Allow","Principal":{"Federated":[]},"Action":"sts:AssumeRoleWithWebIdentity"}`,
		"principal":          `{"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"}`,
		"NotPrincipal":       `{"Effect":"Deny","NotPrincipal":{"AWS":[]},"Action":"sts:AssumeRole"}`,
		"action":             `{"Effect":"Allow","Principal":"*","Action":[]}`,
		"NotAction":          `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"NotAction":[]}`,
		"unknown operator":   `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringPrefix":{"aws:SourceIp":"1"}}}`,
		"key in two cases":   `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"K":"1","k":"2"}}}`,
		"pods and no values": `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":[]}}}`,
		"Sid and unicode":    `{"Sid":"ü 1","Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := testAccount(t)
				doc, err := iam.Parse([]byte(`{"Statement":[` + odd + `]}`))
				if err != nil {
					t.Fatal(err)
				}
				putRole(t, server, doc)
				spec := testSpec(identity.Both, testNamespaces(2)...)
				mustApply(t, spec)
				mustApply(t, spec, adopting, pruning)
				if text := server.State().Roles[roleName].Trust; !strings.Contains(text, odd) {
					t.Errorf("the statement %s is not in %s", odd, text)
				}
				equal(t, "differs afterwards", false, mustApply(t, spec).Differs())
			})
		})
	}
}
