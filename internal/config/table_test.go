package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/config"
)

func TestRowsAreComplete(t *testing.T) {
	keys := map[string]string{"": "mapping"}
	flags := map[string]bool{"config": true}
	for _, r := range config.Rows() {
		mapping := strings.TrimSuffix(r.Key[:max(strings.LastIndex(r.Key, "."), 0)], "[]")
		if parent := keys[mapping]; parent != "mapping" && parent != "list" && parent != "strings or mappings" {
			t.Errorf("%s comes before its mapping", r.Key)
		}
		if keys[r.Key] != "" || r.Type == "" {
			t.Errorf("%s occurs twice, or has no type", r.Key)
		}
		keys[r.Key] = r.Type
		if r.Doc == "" || strings.HasSuffix(r.Doc, ".") || strings.Contains(r.Doc, "`") {
			t.Errorf("%s: the documentation %q is not a sentence without a full stop", r.Key, r.Doc)
		}
		if r.Flag != "" && (flags[r.Flag] || r.Word == "" || r.Word != strings.ToUpper(r.Word)) {
			t.Errorf("%s: the flag %s occurs twice, or has no placeholder", r.Key, r.Flag)
		}
		flags[r.Flag] = r.Flag != ""
	}
}

// So the test of Read covers each row.
func TestTheTestFileHasEverySetting(t *testing.T) {
	content, err := os.ReadFile("testdata/every-setting.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := yaml.Unmarshal(content, &root); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	collect(found, "", root)
	for _, r := range config.Rows() {
		if !found[r.Key] {
			t.Errorf("testdata/every-setting.yaml has no %s", r.Key)
		}
	}
}

func collect(found map[string]bool, at string, value any) {
	found[strings.TrimPrefix(at, ".")] = true
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			collect(found, at+"."+key, below)
		}
	case []any:
		for _, item := range value {
			collect(found, at+"[]", item)
		}
	}
}

func TestUsageOfFlags(t *testing.T) {
	want := map[string]string{
		"mode":           "how pods get the role: irsa, pod-identity or both (default irsa)",
		"host-namespace": "exact host namespace of a control plane (repeatable)",
		"match":          "pattern of host namespaces: uuid, or one like mxp-*-system",
		"component":      "name of the component to which the other settings belong (default mxp-controller)",
	}
	got := map[string]string{}
	for _, r := range config.Rows() {
		if want[r.Flag] != "" {
			got[r.Flag] = r.Usage()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVariablesOfFlags(t *testing.T) {
	var got []string
	for _, r := range config.Rows() {
		if strings.HasPrefix(r.Key, "controlPlanes.") && !strings.Contains(r.Key, "[]") {
			got = append(got, r.Variable())
		}
	}
	if !slices.Equal(got, []string{"SPACES_IDENTITY_HOST_NAMESPACE", "SPACES_IDENTITY_MATCH", ""}) {
		t.Errorf("%q", got)
	}
}
