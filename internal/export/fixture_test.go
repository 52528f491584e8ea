package export

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	nsA = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	nsB = "mxp-0b1d9f5e-7a56-4a2c-8a0f-9f6f6d1b7c11-system"
)

func space() identity.Spec {
	return identity.Spec{
		Cluster: identity.Cluster{Name: "prod-space", Region: "us-west-2",
			OIDC: identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"}},
		AdditionalClusters: []identity.Cluster{{Name: "Prod_Space_EU", Region: "eu-central-1",
			OIDC: identity.OIDCProvider{HostPath: "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"}}},
	}
}

func backup() identity.Component {
	return identity.Component{Name: "mxp-controller", ServiceAccount: "mxp-controller", Mode: identity.Both,
		Role:   identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "teams/backup/spaces-backup"},
		Bucket: "spaces-backups"}
}

func subjects() iam.Subjects {
	return iam.Subjects{Namespaces: []string{nsB, nsA}, Match: "team-*"}
}

// nasty holds what a shell, HCL, YAML or JSON could take for code, as far as a
// config can hold it.
const nasty = `it's $(touch pwned) ; %{ if true }x%{ endif } $$ # {{ . }} <&> & é: - |` + "`touch pwned`"

// nastyComponent has such values wherever a config lets them pass.
func nastyComponent() identity.Component {
	c := backup()
	c.Prefix = nasty
	c.Role.Name = "a;b&c|d(e){f}#g%h!i~/spaces-backup+=,.@_-"
	c.PodIdentity = identity.PodIdentitySettings{
		Tags:               map[string]string{"team": "a: b = c@d", "+-=._:/@ x": "yes"},
		TargetRole:         identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "%{x}/vault"},
		DisableSessionTags: true,
		Policy: `{"Version":"2012-10-17","Statement":{"Sid":"it's $(touch pwned) ${x} %{x} \" \\ \n` + "`touch pwned`" +
			`","Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
	}
	return c
}

func newGrant(t *testing.T, part Part, c identity.Component) Grant {
	t.Helper()
	g, err := New(part, space(), c, subjects())
	if err != nil {
		t.Fatal(err)
	}
	return g
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
