package grant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

func TestReviewBackupConfig(t *testing.T) {
	ours, err := SharedBackupConfig(space(), backup())
	if err != nil {
		t.Fatal(err)
	}
	irsa := backup()
	irsa.Mode = identity.IRSA
	const bad = `{kind: SharedBackupConfig, metadata: {name: b}, spec: {objectStorage: {provider: AWS, bucket: other,
  config: {aws_sdk_auth: true, secret_key: hush}, credentials: {source: Secret, secretRef: {name: s, key: k}}}}}`
	secret := `SharedBackupConfig b: spec.objectStorage.credentials.source is "Secret", so the pod's identity is not used: set InjectedIdentity`
	bucket := `SharedBackupConfig b: spec.objectStorage.bucket is "other", and the role may use "spaces-backups"`
	sdk := `SharedBackupConfig b: spec.objectStorage.config.aws_sdk_auth is true, with which EKS Pod Identity does not work: take it out`
	for name, tt := range map[string]struct {
		document string
		c        identity.Component
		want     []string
	}{
		"ours":           {string(ours), backup(), nil},
		"all wrong":      {bad, backup(), []string{secret, bucket, sdk}},
		"IRSA":           {bad, irsa, []string{secret, bucket}},
		"Space-wide":     {strings.Replace(bad, "Shared", "Space", 1), irsa, []string{strings.Replace(secret, "Shared", "Space", 1), strings.Replace(bucket, "Shared", "Space", 1)}},
		"another kind":   {strings.Replace(bad, "SharedBackupConfig", "ConfigMap", 1), backup(), nil},
		"another cloud":  {strings.Replace(bad, "AWS", "GCP", 1), backup(), nil},
		"nothing at all": {"", backup(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReviewBackupConfig([]byte(tt.document), tt.c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	if got, err := ReviewBackupConfig([]byte("kind: [hush"), backup()); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v, %v", got, err)
	}
}
