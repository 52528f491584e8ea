package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/cli"
)

// completions returns the words that the last word of a line can become, without
// their descriptions, and the directive to the shell.
func completions(t *testing.T, variables map[string]string, line string) []string {
	t.Helper()
	var out bytes.Buffer
	words := strings.Split(line, " ")
	if op, err := cli.Parse(newEnv(&out, variables), append([]string{"__complete"}, words...)); op != nil || err != nil {
		t.Fatalf("%q: %v, %v", line, op, err)
	}
	var all []string
	for text := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\t")
		all = append(all, word)
	}
	return all
}

const (
	wordsOnly = ":4"
	anyFile   = ":0"
)

func TestValuesComplete(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	files := map[string]string{
		"two.yaml": "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n" +
			"controlPlanes: {namespaces: [mxp-a-system]}\ncomponents: [{name: vector}, {name: mxp-controller}]\n",
		"kube":        "contexts: [{name: prod}, {name: dev}]\n",
		"kube2":       "contexts: [{name: test}]\n",
		"aws":         "[default]\n[profile team]\n",
		"credentials": "[old]\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	variables := map[string]string{"KUBECONFIG": "kube" + string(os.PathListSeparator) + "kube2", "HOME": dir,
		"AWS_CONFIG_FILE": "aws", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
	known := []string{"mxp-controller", "vector", "external-secrets-controller", "crossplane", "spaces-controller", wordsOnly}
	for line, want := range map[string][]string{
		"policy trust --component ":                   known,
		"policy trust --config two.yaml --component ": {"vector", "mxp-controller", wordsOnly},
		"template --config two.yaml --component ":     {"vector", "mxp-controller", wordsOnly},
		"template x ":                              {anyFile},
		"--mode ":                                  {"irsa", "pod-identity", "both", wordsOnly},
		"plan --match ":                            {"uuid", "mxp-*-system", wordsOnly},
		"plan -o ":                                 {"table", "json", "yaml", wordsOnly},
		"verify --output=":                         {"table", "wide", "json", "yaml", "junit", "html", wordsOnly},
		"policy trust -o ":                         {"json", "yaml", wordsOnly},
		"post-render --on-missing ":                {"fail", "warn", wordsOnly},
		"inspect --on-conflict ":                   {"replace", "keep", "fail", wordsOnly},
		"inspect --on-immutable ":                  {"leave", "edit", wordsOnly},
		"verify --kube-context ":                   {"dev", "prod", "test", wordsOnly},
		"verify --kubeconfig kube --kube-context ": {"dev", "prod", wordsOnly},
		"apply --profile ":                         {"default", "old", "team", wordsOnly},
		"plan --region ":                           {wordsOnly},
		"plan --config ":                           {anyFile},
		"inspect ":                                 {anyFile},
		"check ":                                   {anyFile},
		"check --output=":                          {"table", "json", "yaml", "sarif", "github", "gitlab", wordsOnly},
		"policy admission ":                        {"native", "kyverno", wordsOnly},
		"explain --policy ":                        {anyFile},
		"explain --config two.yaml ":               {"mxp-a-system", wordsOnly},
		"template --output-dir ":                   {":16"}, // directories
		"export ":                                  {"kustomize", "terraform", "cloudformation", "crossplane", "ack", "aws-cli", wordsOnly},
		"export kustomize ":                        {anyFile},
		"export kustomize -o ":                     {"kustomization", "component", "flux", wordsOnly},
		"export kustomize --output-dir ":           {":16"},
		"export ack --provider-resource ":          {"create", "existing", wordsOnly},
		"export ack --role-resource=":              {"create", "existing", wordsOnly},
		"export ack --output-dir ":                 {":16"}, // directories
		"export t":                                 {"terraform", wordsOnly},
		"policy ":                                  {"admission", "associations", "permissions", "self", "trust", wordsOnly},
		"help po":                                  {"policy", "post-render", "post-renderer", wordsOnly},
		"ver":                                      {"verify", "version", wordsOnly},
		"plan --ex":                                {"--exit-code", wordsOnly},
		"template --output":                        {"--output-dir", anyFile},
	} {
		if d := cmp.Diff(want, completions(t, variables, line)); d != "" {
			t.Errorf("%q (-want +got):\n%s", line, d)
		}
	}
}
