package desired_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

var update = flag.Bool("update", false, "write the golden files again")

const (
	provider  = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	provider2 = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	nsA       = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	nsB       = "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system"
)

// change changes the settings of a test.
type change func(*identity.Settings)

// space returns settings with one component, mxp-controller, on one cluster.
func space(mode identity.Mode, changes ...change) identity.Settings {
	s := identity.Settings{
		Cluster: identity.Cluster{Name: "prod-space", Region: "us-west-2", OIDC: identity.OIDCProvider{HostPath: provider}},
		Components: []identity.Component{{Name: "mxp-controller", Mode: mode, Bucket: "spaces-backups",
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}},
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func stateOf(t testing.TB, mode identity.Mode, changes ...change) desired.State {
	t.Helper()
	return desired.Of(fixture.Spec(t, space(mode, changes...)))
}

func namespaces(names ...string) change {
	return func(s *identity.Settings) { s.ControlPlanes.Namespaces = names }
}

func match(m identity.Match) change {
	return func(s *identity.Settings) { s.ControlPlanes.Match = m }
}

func quota(characters int) change {
	return func(s *identity.Settings) { s.TrustPolicyQuota = characters }
}

func twoClusters(s *identity.Settings) {
	s.AdditionalClusters = []identity.Cluster{{Name: "prod-space-eu", Region: "eu-central-1", OIDC: identity.OIDCProvider{HostPath: provider2}}}
}

// component changes the first component.
func component(set func(*identity.Component)) change {
	return func(s *identity.Settings) { set(&s.Components[0]) }
}

// vector adds a second component. It has no bucket.
func vector(mode identity.Mode, role string) change {
	return func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "vector", Mode: mode,
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: role}})
	}
}

// uuidNamespaces are n host namespaces as a Space names them.
func uuidNamespaces(n int) []string {
	names := make([]string, n)
	for i := range names {
		id := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		names[i] = fmt.Sprintf("mxp-%x-%x-%x-%x-%x-system", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	}
	return names
}

func trustPolicy(t testing.TB, s desired.State) iam.Document {
	t.Helper()
	doc, err := s.TrustPolicy(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func asJSON(t *testing.T, value any) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	compareFile(t, filepath.Join("testdata", name), got)
}

func compareFile(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}
