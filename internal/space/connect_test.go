package space

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConnectNamesWhatTheKubeconfigLacks(t *testing.T) {
	const clusters = `clusters: [{name: c, cluster: {server: "https://x"}}], users: [{name: u, user: {}}], contexts: [{name: here, context: {cluster: c, user: u}}]`
	for name, tt := range map[string]struct {
		kubeconfig, context, says string
	}{
		"the current context":     {"current-context: here, " + clusters, "", ""},
		"a context that is given": {clusters, "here", ""},
		"not the current context": {"current-context: gone, " + clusters, "", "the current context of the kubeconfig does not exist: "},
		"not the one given":       {"current-context: here, " + clusters, "prod", `the kubeconfig has no context "prod"`},
		"nothing":                 {"clusters: []", "", "found no kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kubeconfig")
			if err := os.WriteFile(path, []byte("{apiVersion: v1, kind: Config, "+tt.kubeconfig+"}"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Connect(Target{Kubeconfig: path, Context: tt.context, Env: func(string) string { return "" }})
			if (err == nil) != (tt.says == "") || err != nil && !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}
