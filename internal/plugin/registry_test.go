package plugin_test

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The login that the registry of the tests accepts.
const registryUser, registryToken = "robot", `a "token" with $signs`

// serveChart serves the stand-in chart from a registry on loopback, which requires a login.
// It returns the chart's address, and a file with the authority of its certificate. The
// registry only serves: it implements the part of the OCI distribution specification with
// which Helm pulls a chart.
func serveChart(t *testing.T, packed string) (chart, authority string) {
	t.Helper()
	layer, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(packed), ".tgz"), "-")
	config := fmt.Appendf(nil, `{"apiVersion":"v2","name":%q,"version":%q}`, name, version)
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("application/vnd.cncf.helm.config.v1+json", config),
		"layers": []any{descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", layer)},
	})
	if err != nil {
		t.Fatal(err)
	}
	content := map[string][]byte{"manifests/" + version: manifest, "manifests/" + digest(manifest): manifest,
		"blobs/" + digest(config): config, "blobs/" + digest(layer): layer,
		"tags/list": fmt.Appendf(nil, `{"name":"spaces/%s","tags":[%q]}`, name, version)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != registryUser || password != registryToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, ok := content[strings.TrimPrefix(r.URL.Path, "/v2/spaces/"+name+"/")]
		if !ok && r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Header().Set("Docker-Content-Digest", digest(body))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) //nolint:forbidigo // the server of the test prints that Helm closes connections
	server.StartTLS()
	t.Cleanup(server.Close)
	authority = filepath.Join(t.TempDir(), "authority.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(authority, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return "oci://" + server.Listener.Addr().String() + "/spaces/" + name, authority
}

func descriptor(mediaType string, content []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest(content), "size": len(content)}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
