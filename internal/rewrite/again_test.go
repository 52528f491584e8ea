package rewrite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const twoAccounts = `apiVersion: v1
kind: ServiceAccount
metadata: {name: mxp-controller, namespace: a}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: mxp-controller, namespace: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: values}
data:
  values.yaml: |
    controlPlanes: {mxpController: {}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reads}
spec:
  template:
    spec:
      containers: [{envFrom: [{configMapRef: {name: values}}]}]
`

// Each case changes the edited stream as another program could.
func TestAgainFindsTheEditsThatAreGone(t *testing.T) {
	const role = `"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/r"`
	account := func(namespace string) string {
		return `ServiceAccount ` + namespace + ` metadata.annotations["eks.amazonaws.com/role-arn"]: `
	}
	for name, c := range map[string]struct {
		change func(string) string
		want   []string
	}{
		"nothing":              {func(s string) string { return s }, nil},
		"a renamed namespace":  {func(s string) string { return strings.Replace(s, "namespace: b", "namespace: c", 1) }, nil},
		"a renamed ConfigMap":  {func(s string) string { return strings.ReplaceAll(s, "name: values", "name: values-7h2k") }, nil},
		"both in another form": {func(s string) string { return strings.ReplaceAll(s, "|\n    controlPlanes", ">-\n    controlPlanes") }, nil},
		"an annotation of one of two": {func(s string) string { return strings.Replace(s, role, `"x": "y"`, 1) },
			[]string{account("a") + "it was removed"}},
		"another role": {func(s string) string { return strings.Replace(s, "role/r\"", "role/other\"", 1) },
			[]string{account("a") + "it has another value"}},
		"one of two objects": {func(s string) string { return s[strings.Index(s, "---")+4:] },
			[]string{account("a") + "the place no longer exists"}},
		"two objects become one": {func(s string) string { return strings.Replace(s, "namespace: b", "namespace: a", 1) }, nil},
		"another component's account": {func(s string) string {
			return strings.Replace(s, "name: mxp-controller, namespace: b", "name: own, namespace: b", 1)
		},
			[]string{account("b") + "the place no longer exists"}},
		"a restart annotation": {func(s string) string { return strings.Replace(s, "spaces-identity.dev/identity", "x", 1) },
			[]string{`Deployment  spec.template.metadata.annotations["spaces-identity.dev/identity"]: it was removed`}},
		"another value of the restart annotation": {func(s string) string {
			return strings.Replace(s, `spaces-identity.dev/identity: "`, `spaces-identity.dev/identity: "x`, 1)
		}, []string{`Deployment  spec.template.metadata.annotations["spaces-identity.dev/identity"]: it has another value`}},
		"embedded values": {func(s string) string {
			return s[:strings.Index(s, "{mxpController")] + "{mxpController: {}}\n" + s[strings.Index(s, "---\napiVersion: apps"):]
		},
			[]string{`ConfigMap  data["values.yaml"] → controlPlanes.mxpController.serviceAccount.annotations["eks.amazonaws.com/role-arn"]: it was removed`}},
	} {
		result, err := Run([]byte(twoAccounts), stateOf(t, "mxp-controller"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if _, err := result.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		now, lost, err := result.Again([]byte(c.change(text.String())))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, l := range lost {
			got = append(got, l.Kind+" "+l.Namespace+" "+l.Path+": "+l.Problem)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", name, d, c.change(text.String()))
		}
		if lacking := now.Lacking(result); len(lacking) > 0 && len(c.want) == 0 {
			t.Errorf("%s: lacks %v", name, lacking)
		}
	}
}

func TestSecretValuesAreThoseOfSecretsInEveryForm(t *testing.T) {
	const stream = `kind: Secret
metadata: {name: not-this}
data: {a: aHVudGVyMjI=, b: c2V0OiB7aW5uZXI6IGRlZXBlcn0=}
stringData:
  c: "first line\nsecond line"
  d: abc
  e: {}
---
kind: ConfigMap
data: {x: plain}
---
kind: List
items: [{kind: Secret, stringData: {token: in-a-list}}]
---
kind: ConfigMap
data: {x: "kind: Secret\nstringData: {k: within}"}
---
kind: Secret
data: [
`
	got := SecretValues([]byte(stream))
	for _, want := range []string{"aHVudGVyMjI=", "hunter22", "c2V0OiB7aW5uZXI6IGRlZXBlcn0=", "deeper", "first line", "second line", "in-a-list", "within"} {
		if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("%q is missing", want)
		}
	}
	for _, not := range []string{"not-this", "plain", "abc", "stringData"} {
		if strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+not+"\n") {
			t.Errorf("%q is no value of a Secret", not)
		}
	}
}
