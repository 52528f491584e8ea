package rewrite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

func TestBackupConfigsWithoutTheIdentityAreWarnedOf(t *testing.T) {
	const bad = `---
apiVersion: spaces.upbound.io/v1alpha1
kind: SharedBackupConfig
metadata: {name: b, namespace: team}
spec:
  objectStorage:
    provider: AWS
    bucket: other
    config: {aws_sdk_auth: true, secret_key: hush}
    credentials: {source: Secret, secretRef: {name: s, key: k}}
`
	secret := `SharedBackupConfig team/b, line 10: spec.objectStorage.credentials.source is "Secret", so backups do not use the pod's identity: set it to InjectedIdentity`
	bucket := `SharedBackupConfig team/b, line 8: spec.objectStorage.bucket is "other", but the role of mxp-controller may only use "spaces-backups"`
	sdk := `SharedBackupConfig team/b, line 9: spec.objectStorage.config.aws_sdk_auth is true, so EKS Pod Identity does not work: remove it`
	right := strings.NewReplacer("other", "spaces-backups", "true", "false", "source: Secret", "source: InjectedIdentity").Replace(bad)
	for _, test := range []struct {
		name   string
		stream string
		mode   identity.Mode
		want   []string
	}{
		{"all wrong", bad, identity.PodIdentity, []string{secret, bucket, sdk}},
		{"IRSA works with aws_sdk_auth", bad, identity.IRSA, []string{secret, bucket}},
		{"right", right, identity.Both, nil},
		{"another cloud", strings.Replace(bad, "AWS", "GCP", 1), identity.Both, nil},
		{"another group", strings.Replace(bad, "spaces.upbound.io", "example.com", 1), identity.Both, nil},
		{"not valid YAML", bad + "  x: [\n", identity.Both, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := identity.Known("mxp-controller")
			c.Mode, c.Bucket = test.mode, "spaces-backups"
			const account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mxp-controller}\n"
			result, err := Run([]byte(test.stream+account), desired.Of(fixture.Spec(t, identity.Settings{Components: []identity.Component{c}})), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, result.Warnings); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
