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

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
	"spaces-identity.dev/internal/test/fixture"
)

const (
	manifests = "kind: ServiceAccount\napiVersion: v1\nmetadata:\n  name: mxp-controller\n  namespace: mxp-a-system\n"
	annotated = "kind: ServiceAccount\napiVersion: v1\nmetadata:\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/spaces-backup\n" +
		"  name: mxp-controller\n  namespace: mxp-a-system\n"
)

func newRenderer(t *testing.T, dir string) postrender.Renderer {
	t.Helper()
	return postrender.Renderer{State: desired.Of(fixture.Spec(t, settings(dir)))}
}

func settings(dir string) identity.Settings {
	return identity.Settings{ArtifactsDir: dir,
		Components: []identity.Component{{Name: "mxp-controller", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}},
		Cluster:    identity.Cluster{OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"}}}
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

// TestArtifactsErrorsAreMarked lets the caller say how to go on without the artifacts, and
// puts that into the report.
func TestArtifactsErrorsAreMarked(t *testing.T) {
	dir := t.TempDir()
	withoutProvider := settings(dir)
	withoutProvider.Cluster = identity.Cluster{}
	const hint = "set artifacts.dir to none"
	renderer := postrender.Renderer{State: desired.Of(fixture.Spec(t, withoutProvider)), Hints: func(error) string { return hint }}
	_, err := renderer.Render(t.Context(), []byte(manifests), &bytes.Buffer{})
	if _, ok := errors.AsType[*postrender.ArtifactsError](err); !ok || exit.Of(err) != exit.BadUsage || !strings.Contains(err.Error(), "cluster.oidcProvider") {
		t.Fatalf("the error is %v", err)
	}
	report, err := os.ReadFile(filepath.Join(dir, postrender.ReportFile))
	if err != nil || !strings.Contains(string(report), `"hint": "`+hint+`"`) {
		t.Errorf("the report lacks the hint (%v):\n%s", err, report)
	}
}

// TestManifestsSupplyTheSubjects writes the trust policy of a role that two components
// share, for the namespaces of their ServiceAccounts.
func TestManifestsSupplyTheSubjects(t *testing.T) {
	dir := t.TempDir()
	shared := settings(dir)
	shared.Components = append(shared.Components, identity.Component{Name: "vector", Role: shared.Components[0].Role})
	renderer := postrender.Renderer{State: desired.Of(fixture.Spec(t, shared))}
	stream := manifests + "---\n" + strings.NewReplacer("mxp-controller", "vector", "mxp-a", "mxp-b").Replace(manifests)
	report, err := renderer.Render(t.Context(), []byte(stream), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range report.Components {
		found = append(found, c.Name+" "+strings.Join(c.Namespaces, ","))
	}
	if d := cmp.Diff([]string{"mxp-controller mxp-a-system", "vector mxp-b-system"}, found); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, name := range []string{"mxp-controller", "vector"} {
		policy, err := os.ReadFile(filepath.Join(dir, name+".trust-policy.json"))
		if err != nil || !strings.Contains(string(policy), ":mxp-a-system:mxp-controller") || !strings.Contains(string(policy), ":mxp-b-system:vector") {
			t.Errorf("%s (%v):\n%s", name, err, policy)
		}
	}
}
