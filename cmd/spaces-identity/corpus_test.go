package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus has renders of public charts, for those who have them. The
// goldens chart-* are similar, written for this repository.
const corpus = "../../../shared/corpus"

func TestCorpusComponent(t *testing.T) {
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
			in := readCorpus(t, test.file)
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

// Charts that hold no place leave byte for byte.
func TestCorpusUnchanged(t *testing.T) {
	for _, file := range []string{"crossplane.yaml", "vcluster.yaml", "vector.yaml", "external-secrets.yaml"} {
		t.Run(file, func(t *testing.T) {
			in := readCorpus(t, file)
			got := golden{args: append([]string{"--on-missing=warn"}, identityFlags...)}.run(t, in)
			if got.out != in || got.status != 0 {
				t.Errorf("exit status %d, the output is another:\n%s%s", got.status, readable(in, got.out), got.stderr)
			}
		})
	}
}

func readCorpus(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(corpus, file))
	if os.IsNotExist(err) {
		t.Skipf("%s is not there: the goldens chart-* stand in for it", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
