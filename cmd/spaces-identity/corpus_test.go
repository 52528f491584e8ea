package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/test/shared"
)

// TestSharedCorpusComponent edits renders of public charts. The goldens chart-* are
// similar and part of this repository.
func TestSharedCorpusComponent(t *testing.T) {
	for _, test := range []struct {
		file, component string
		want            []string // kind, name and path of the changes
	}{
		{"vector.yaml", "vector", []string{
			`ServiceAccount vector metadata.annotations["eks.amazonaws.com/role-arn"]`,
			`StatefulSet vector spec.template.metadata.annotations["spaces-identity.dev/identity"]`,
			`StatefulSet vector spec.template.metadata.labels["example.com/identity"]`,
		}},
		{"external-secrets.yaml", "external-secrets-controller", []string{
			`ServiceAccount external-secrets-controller metadata.annotations["eks.amazonaws.com/role-arn"]`,
			`Deployment external-secrets-controller spec.template.metadata.annotations["spaces-identity.dev/identity"]`,
			`Deployment external-secrets-controller spec.template.metadata.labels["example.com/identity"]`,
		}},
	} {
		t.Run(test.file, func(t *testing.T) {
			in := shared.Read(t, "corpus/"+test.file)
			g := golden{args: append([]string{"--component=" + test.component, "--pod-label=example.com/identity=x"}, identityFlags...)}
			got := g.run(t, in)
			var changes []string
			for _, f := range got.report.Changes {
				changes = append(changes, f.Kind+" "+f.Name+" "+f.Path)
			}
			if d := cmp.Diff(test.want, changes); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			if d := cmp.Diff([]string{"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system", "mxp-a-system"}, namespaces(got)); d != "" {
				t.Errorf("namespaces (-want +got):\n%s", d)
			}
			checkRewrite(t, in, got, func(in string) rendered { return g.run(t, in) }, nil)
		})
	}
}

// namespaces are those of the changes and of the trust policy.
func namespaces(r rendered) []string {
	var all []string
	if len(r.report.Changes) > 0 {
		all = append(all, r.report.Changes[0].Namespace)
	}
	for _, c := range r.report.Components {
		all = append(all, c.Namespaces...)
	}
	return all
}

// TestSharedCorpusUnchanged renders charts without a place.
func TestSharedCorpusUnchanged(t *testing.T) {
	for _, file := range []string{"crossplane.yaml", "vcluster.yaml", "vector.yaml", "external-secrets.yaml"} {
		t.Run(file, func(t *testing.T) {
			in := shared.Read(t, "corpus/"+file)
			got := golden{args: append([]string{"--on-missing=warn"}, identityFlags...)}.run(t, in)
			if got.out != in || got.status != 0 {
				t.Errorf("exit status %d, the output is another:\n%s%s", got.status, readable(in, got.out), got.stderr)
			}
		})
	}
}
