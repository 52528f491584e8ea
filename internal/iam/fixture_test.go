package iam

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	provider  = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	provider2 = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	nsA       = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	nsB       = "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system"
)

func space() identity.Spec {
	return identity.Spec{Cluster: identity.Cluster{Name: "prod-space", Region: "us-west-2",
		OIDC: identity.OIDCProvider{HostPath: provider}}}
}

func twoClusters() identity.Spec {
	spec := space()
	spec.AdditionalClusters = []identity.Cluster{{Name: "prod-space-eu", Region: "eu-central-1",
		OIDC: identity.OIDCProvider{HostPath: provider2}}}
	return spec
}

func backup(mode identity.Mode) identity.Component {
	return identity.Component{Name: "mxp-controller", ServiceAccount: "mxp-controller", Mode: mode,
		Role:   identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"},
		Bucket: "spaces-backups"}
}

// uuidNamespaces are n host namespaces as a Space names them.
func uuidNamespaces(n int) []string {
	out := make([]string, n)
	for i := range out {
		id := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		out[i] = fmt.Sprintf("mxp-%x-%x-%x-%x-%x-system", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	}
	return out
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
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
