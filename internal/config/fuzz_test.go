package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
)

// FuzzDecode checks that Decode either rejects a file, with the positions of the problems,
// or returns a Spec that New accepts without change. The schema accepts such a file too.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no examples in testdata", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte(header + bomb()))
	of := compiled(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		spec, err := config.Decode("f.yaml", content)
		if err != nil {
			wantPositions(t, err)
			return
		}
		again, problems := identity.New(identity.Settings{
			Cluster: spec.Cluster, AdditionalClusters: spec.AdditionalClusters, ControlPlanes: spec.ControlPlanes,
			Components: spec.Components, Places: spec.Places, AdmissionPolicy: spec.AdmissionPolicy, FailurePolicy: spec.FailurePolicy, Tags: spec.Tags, Then: spec.Then,
			TrustPolicyQuota: spec.TrustPolicyQuota, SharedBackupConfig: spec.SharedBackupConfig, ArtifactsDir: spec.ArtifactsDir,
		})
		for _, p := range problems {
			t.Errorf("the Spec of a valid file is not valid: %v", p)
		}
		if diff := cmp.Diff(spec, again, allOfSpec); diff != "" {
			t.Errorf("New changes a Spec that is already valid:\n%s", diff)
		}
		if value, err := asJSON(content); err == nil && of.Validate(value) != nil {
			t.Errorf("the schema rejects a valid file: %v", of.Validate(value))
		}
	})
}

func wantPositions(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*config.Error](err)
	if !ok || len(e.Problems) == 0 {
		t.Fatalf("no problems in %v", err)
	}
	for _, p := range e.Problems {
		if p.Origin.File != "f.yaml" || p.Err == nil {
			t.Errorf("no position or no cause: %v", p)
		}
	}
}
