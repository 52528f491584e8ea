package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/config"
)

var update = flag.Bool("update", false, "write the table of docs/config.md")

const documentation = "../../docs/config.md"

// tableOfSettings matches the table of the page.
var tableOfSettings = regexp.MustCompile(`(?s)\| key \| .*\|\n`)

// TestDocumentationListsEverySetting compares the page with [config.Rows].
func TestDocumentationListsEverySetting(t *testing.T) {
	content, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	want := tableOfSettings.ReplaceAllLiteralString(page, settingsTable())
	if *update {
		if err := os.WriteFile(documentation, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("the table differs from the settings; run with -update (-want +got):\n%s", diff)
	}
}

// settingsTable returns a row for each setting. The keys of additionalClusters[] are those
// of cluster.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| key | value | means | default | flag |\n|---|---|---|---|---|\n")
	for _, r := range config.Rows() {
		if strings.HasPrefix(r.Key, "additionalClusters[].") {
			continue
		}
		values := r.Type
		if len(r.Choices) > 0 {
			values = "`" + strings.Join(r.Choices, "`, `") + "`"
			if r.Open {
				values = r.Type + ", such as " + values
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.Key, typeWords.Replace(values), strings.ReplaceAll(r.Doc, "|", `\|`), r.Default, code(r.Flag))
	}
	return b.String()
}

var typeWords = strings.NewReplacer("commands", "list of lists of strings", "pairs", "mapping of strings", "strings", "list of strings")

func code(flag string) string {
	if flag == "" {
		return ""
	}
	return "`--" + flag + "`"
}

// configBlock matches a config in a page.
var configBlock = regexp.MustCompile("(?ms)^```yaml\n((?:#[^\n]*\n)*apiVersion: spaces-identity\\.dev/.*?)^```$")

// TestPagesShowValidConfigs decodes each config that a page shows as a whole, and compares it
// with the schema.
func TestPagesShowValidConfigs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	of, found := compiled(t), 0
	for _, page := range append(pages, "../../README.md") {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range configBlock.FindAllSubmatch(content, -1) {
			found++
			if _, err := config.Decode(page, m[1]); err != nil {
				t.Errorf("%s shows a config that is not valid: %v\n%s", page, err, m[1])
				continue
			}
			wantAccepted(t, of, m[1])
		}
	}
	if found == 0 {
		t.Error("no page shows a config")
	}
}
