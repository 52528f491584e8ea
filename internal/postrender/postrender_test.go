package postrender_test

import (
	"bytes"
	"encoding/json"
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
	"spaces-identity.dev/internal/output"
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

// TestRunImplementsHelmsInterface calls Run as Helm's library does.
func TestRunImplementsHelmsInterface(t *testing.T) {
	var renderer helm.PostRenderer = newRenderer(t, identity.NoArtifacts)
	out, err := renderer.Run(bytes.NewBufferString(manifests))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(annotated, out.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestFailedRunReturnsNoManifests checks that Helm does not get a part of the manifests.
func TestFailedRunReturnsNoManifests(t *testing.T) {
	out, err := newRenderer(t, identity.NoArtifacts).Run(bytes.NewBufferString("kind: ConfigMap\n"))
	missing, ok := errors.AsType[*rewrite.MissingError](err)
	if !ok {
		t.Fatalf("the error is %v, want a MissingError", err)
	}
	if d := cmp.Diff([]string{"mxp-controller"}, missing.Components); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes of output", out.Len())
	}
}

// errClosed is the error of a closed output.
var errClosed = errors.New("the output is closed")

// shortWriter accepts a number of bytes, then fails.
type shortWriter struct{ room int }

func (w *shortWriter) Write(b []byte) (int, error) {
	n := min(w.room, len(b))
	w.room -= n
	if n < len(b) {
		return n, errClosed
	}
	return n, nil
}

// TestFailedOutputReplacesNoArtifact lets the output fail after more and more bytes. The
// report contains the error, and the directory contains nothing else.
func TestFailedOutputReplacesNoArtifact(t *testing.T) {
	for room := 0; room < len(annotated); room += 16 {
		dir := t.TempDir()
		_, err := newRenderer(t, dir).Render(t.Context(), []byte(manifests), &shortWriter{room})
		if !errors.Is(err, errClosed) {
			t.Fatalf("after %d bytes: got %v, want %v", room, err, errClosed)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 1 || entries[0].Name() != postrender.ReportFile {
			t.Fatalf("after %d bytes the directory contains %v", room, entries)
		}
		report, err := os.ReadFile(filepath.Join(dir, postrender.ReportFile))
		if err != nil || !strings.Contains(string(report), errClosed.Error()) {
			t.Fatalf("after %d bytes the report lacks the error (%v):\n%s", room, err, report)
		}
	}
}

// TestReportHasTheHintsOfTheError: Helm 4 shows only the report.
func TestReportHasTheHintsOfTheError(t *testing.T) {
	bare, several := settings(""), settings("")
	bare.Cluster = identity.Cluster{}
	several.Cluster = identity.Cluster{}
	several.Components = append(several.Components, identity.Component{Name: "vector"})
	labelled := settings("")
	labelled.Components[0].PodLabels = map[string]string{"app": "other"}
	const (
		provider = "the OIDC provider, which this command needs"
		alone    = "; to change the manifests alone, set artifacts.dir to none"
		pods     = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: d}\nspec:\n  selector:\n    matchLabels: {app: mxp}\n" +
			"  template:\n    metadata:\n      labels:\n        app: mxp\n    spec:\n      serviceAccountName: mxp-controller\n"
	)
	for name, tt := range map[string]struct {
		settings      identity.Settings
		stream        string
		onConflict    rewrite.OnConflict
		message, hint string
		status        exit.Status
	}{
		"missing setting":  {bare, manifests, "", provider, "set cluster.oidcProvider in the config" + alone, exit.BadUsage},
		"missing settings": {several, manifests + "---\n" + strings.ReplaceAll(manifests, "mxp-controller", "vector"), "", provider, "set cluster.oidcProvider in the config\nset components[1].roleARN and cluster.oidcProvider in the config" + alone, exit.BadUsage},
		"missing place":    {settings(""), "kind: ConfigMap\n", "", "no place found for mxp-controller", "run `spaces-identity inspect` to see the texts that name it, and describe the right one under places: in the config", exit.Failed},
		"conflict":         {settings(""), strings.Replace(annotated, "spaces-backup", "other", 1), rewrite.ConflictFails, "already has another value", "set on-conflict to replace or keep, or remove the other value from the manifests", exit.BadUsage},
		"selector":         {labelled, pods, "", "no longer match the pods of Deployment d", "remove the label from podLabels in the config, or change the selector first", exit.BadUsage},
	} {
		dir := t.TempDir()
		tt.settings.ArtifactsDir = dir
		renderer := postrender.Renderer{State: desired.Of(fixture.Spec(t, tt.settings)), Options: rewrite.Options{OnConflict: tt.onConflict}}
		_, err := renderer.Render(t.Context(), []byte(tt.stream), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: the error is %v", name, err)
			continue
		}
		if d := cmp.Diff(tt.hint, strings.Join(output.Hints(err), "\n")); d != "" {
			t.Errorf("%s: hints of the error (-want +got):\n%s", name, d)
		}
		var report postrender.Report
		text, readErr := os.ReadFile(filepath.Join(dir, postrender.ReportFile))
		if err := errors.Join(readErr, json.Unmarshal(text, &report)); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&postrender.Failure{Message: err.Error(), Hint: tt.hint, Status: tt.status}, report.Error); d != "" {
			t.Errorf("%s: the report (-want +got):\n%s", name, d)
		}
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

// TestWarningsOfTheReport renders with a config or a directory of which the report warns.
func TestWarningsOfTheReport(t *testing.T) {
	native := func(mode identity.Mode) func(*identity.Settings) {
		return func(s *identity.Settings) {
			s.AdmissionPolicy, s.Components[0].Mode = identity.NativeAdmissionPolicy, mode
			s.Cluster.Name, s.Cluster.Region = "prod", "us-west-2"
			s.ControlPlanes.Namespaces = []string{"mxp-a-system"}
		}
	}
	quota := func(characters int) func(*identity.Settings) {
		return func(s *identity.Settings) { s.TrustPolicyQuota = characters }
	}
	for name, tt := range map[string]struct {
		change   func(*identity.Settings)
		stale    string // a file that is in the directory before
		warnings []string
		err      string
	}{
		"none":                                  {func(*identity.Settings) {}, "", nil, ""},
		"an admission policy":                   {native(identity.IRSA), "", nil, ""},
		"an admission policy that sets nothing": {native(identity.PodIdentity), "", []string{"delivery.admissionPolicy: " + postrender.NothingToAdmit}, ""},
		"a file of an earlier run":              {func(*identity.Settings) {}, "vector.trust-policy.json", []string{"vector.trust-policy.json; remove them"}, ""},
		"a file of somebody else":               {func(*identity.Settings) {}, "notes.txt", nil, ""},
		"a trust policy near the quota":         {quota(600), "", []string{"trust policy of mxp-controller: "}, ""},
		"a trust policy above the quota":        {quota(300), "", nil, "trust policy of mxp-controller: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := settings(dir)
			tt.change(&s)
			if tt.stale != "" {
				if err := os.WriteFile(filepath.Join(dir, tt.stale), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			report, err := postrender.Renderer{State: desired.Of(fixture.Spec(t, s))}.Render(t.Context(), []byte(manifests), &out)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || exit.Of(err) != exit.BadUsage || out.Len() > 0 {
					t.Errorf("error %v, status %d, %d bytes of output", err, exit.Of(err), out.Len())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Warnings) != len(tt.warnings) {
				t.Fatalf("warnings are %q", report.Warnings)
			}
			for i, want := range tt.warnings {
				if !strings.Contains(report.Warnings[i], want) {
					t.Errorf("warning is %q, want %q", report.Warnings[i], want)
				}
			}
		})
	}
}

// TestReportSortsFindingsByOutcome has one finding of each outcome.
func TestReportSortsFindingsByOutcome(t *testing.T) {
	second := strings.NewReplacer("mxp-a", "mxp-b").Replace(annotated)
	kept := strings.NewReplacer("mxp-a", "mxp-c", "spaces-backup", "other").Replace(annotated)
	text := "apiVersion: a/v1\nkind: Foo\nmetadata: {name: foo}\nspec: {mxpController: {annotations: {}}}\n"
	result, err := rewrite.Run([]byte(strings.Join([]string{manifests, second, kept, text}, "---\n")), desired.Of(fixture.Spec(t, settings(identity.NoArtifacts))),
		rewrite.Options{OnConflict: rewrite.ConflictKeep, Unrecognised: true})
	if err != nil {
		t.Fatal(err)
	}
	report := postrender.NewReport(result)
	counts := []int{len(report.Changes), len(report.Found), len(report.Left), len(report.Unrecognised)}
	if d := cmp.Diff([]int{1, 1, 1, 1}, counts); d != "" {
		t.Errorf("changed, unchanged, left and unrecognised (-want +got):\n%s", d)
	}
}

// TestFailureLeavesNoFileInEitherDirectory lets the artifacts fail after the manifests were
// staged, and the reverse.
func TestFailureLeavesNoFileInEitherDirectory(t *testing.T) {
	parent := t.TempDir()
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dirs := range map[string]struct{ manifests, artifacts string }{
		"artifacts": {filepath.Join(parent, "manifests"), file},
		"manifests": {file, filepath.Join(parent, "artifacts")},
	} {
		renderer := newRenderer(t, dirs.artifacts)
		renderer.Dir = dirs.manifests
		if _, err := renderer.Render(t.Context(), []byte(manifests), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", name)
		}
		for _, dir := range []string{dirs.manifests, dirs.artifacts} {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.Name() != postrender.ReportFile {
					t.Errorf("%s: %s has %s", name, dir, e.Name())
				}
			}
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// TestArtifactsThatFailLateLeaveNoFile closes the output after the artifacts were staged.
func TestArtifactsThatFailLateLeaveNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := newRenderer(t, dir).Render(t.Context(), []byte(manifests), &shortWriter{}); !errors.Is(err, errClosed) {
		t.Fatal(err)
	}
	report, err := os.ReadFile(filepath.Join(dir, postrender.ReportFile))
	if err != nil || !strings.Contains(string(report), "artifacts are as they were") {
		t.Errorf("the report (%v):\n%s", err, report)
	}
}
