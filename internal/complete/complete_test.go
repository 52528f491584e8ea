package complete_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/complete"
)

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestContextsOfSeveralFiles(t *testing.T) {
	files := []string{
		write(t, "apiVersion: v1\nkind: Config\ncontexts:\n- {name: prod, context: {cluster: a}}\n- name: dev\n"),
		filepath.Join(t.TempDir(), "absent"),
		write(t, "not: [valid"),
		write(t, `{"contexts": [{"name": "prod"}, {"name": "arn:aws:eks:us-west-2:123456789012:cluster/x"}]}`),
	}
	want := []string{"arn:aws:eks:us-west-2:123456789012:cluster/x", "dev", "prod"}
	if d := cmp.Diff(want, complete.Contexts(files)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestProfilesOfBothFiles(t *testing.T) {
	config := write(t, "[default]\nregion = us-west-2\n[profile prod] # comment\n [profile \"with space\"]\n[sso-session corp]\n[services x]\n#[profile not]\n")
	credentials := write(t, "[default]\naws_access_key_id = x\n[keys]\n")
	want := []string{"default", "keys", "prod", "with space"}
	if d := cmp.Diff(want, complete.Profiles(config, credentials)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := complete.Profiles("absent", "absent"); len(got) > 0 {
		t.Errorf("without files: %q", got)
	}
}
