package postrender_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	helm "helm.sh/helm/v3/pkg/postrender"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

const (
	manifests = "kind: ServiceAccount\napiVersion: v1\nmetadata:\n  name: mxp-controller\n  namespace: mxp-a-system\n"
	annotated = "kind: ServiceAccount\napiVersion: v1\nmetadata:\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/spaces-backup\n" +
		"  name: mxp-controller\n  namespace: mxp-a-system\n"
)

func newRenderer(t *testing.T, dir string) postrender.Renderer {
	t.Helper()
	c, ok := identity.Known(identity.DefaultComponent)
	if !ok {
		t.Fatal("the default component is not known")
	}
	c.Role = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}
	spec := identity.Spec{Components: []identity.Component{c}, ArtifactsDir: dir,
		Cluster: identity.Cluster{OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"}}}
	return postrender.Renderer{Spec: spec.WithDefaults()}
}

// Programs that link Helm's libraries use it as Helm does.
func TestRunAsHelmsLibrariesDo(t *testing.T) {
	var renderer helm.PostRenderer = newRenderer(t, identity.NoArtifacts)
	out, err := renderer.Run(bytes.NewBufferString(manifests))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(annotated, out.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A failed Run must not hand Helm a part of the manifests.
func TestRunThatFailsGivesNothing(t *testing.T) {
	out, err := newRenderer(t, identity.NoArtifacts).Run(bytes.NewBufferString("kind: ConfigMap\n"))
	missing, ok := errors.AsType[*rewrite.MissingError](err)
	if !ok {
		t.Fatalf("the error is %v, want one of a missing place", err)
	}
	if d := cmp.Diff([]string{"mxp-controller"}, missing.Components); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes of output", out.Len())
	}
}

// errClosed is the error of a reader that goes away.
var errClosed = errors.New("nobody reads")

// shortWriter takes some bytes and fails.
type shortWriter struct{ room int }

func (w *shortWriter) Write(b []byte) (int, error) {
	n := min(w.room, len(b))
	w.room -= n
	if n < len(b) {
		return n, errClosed
	}
	return n, nil
}

// Wherever the output breaks off, no artifact is replaced, the report holds the
// error, and nothing else lies in the directory.
func TestOutputThatBreaksOff(t *testing.T) {
	for room := 0; room < len(annotated); room += 16 {
		dir := t.TempDir()
		_, err := newRenderer(t, dir).Render(t.Context(), []byte(manifests), &shortWriter{room})
		if !errors.Is(err, errClosed) {
			t.Fatalf("after %d bytes: %v, want that nobody reads", room, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 1 || entries[0].Name() != postrender.ReportFile {
			t.Fatalf("after %d bytes the directory holds %v", room, entries)
		}
		report, err := os.ReadFile(filepath.Join(dir, postrender.ReportFile))
		if err != nil || !strings.Contains(string(report), errClosed.Error()) {
			t.Fatalf("after %d bytes the report lacks the error (%v):\n%s", room, err, report)
		}
	}
}
