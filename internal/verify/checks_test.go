package verify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// observed is a control plane of which only the given is there.
func observed(t *testing.T, account, config, backup string) *Observed {
	t.Helper()
	o := &Observed{accounts: map[key]space.ServiceAccount{}, configs: map[string][]space.BackupConfig{}, backups: map[key]space.Backup{}}
	if account != "" {
		o.accounts[key{hostNamespace, "mxp-controller"}] = decode[space.ServiceAccount](t, `{"metadata":{"annotations":{`+account+`}}}`)
	}
	if config != "" {
		o.configs["team"] = []space.BackupConfig{decode[space.BackupConfig](t, `{"metadata":{"name":"nightly"},"spec":{"objectStorage":`+config+`}}`)}
	}
	if backup != "" {
		o.backups[key{"team", "ctp"}] = decode[space.Backup](t, `{"metadata":{"name":"first","namespace":"team"},"status":{"phase":"`+backup+`"}}`)
	}
	return o
}

func TestServiceAccountCheck(t *testing.T) {
	const right = `"eks.amazonaws.com/role-arn":"` + testRole + `"`
	for name, tt := range map[string]struct {
		mode          identity.Mode
		account, want string // state, then the beginning of what was found
	}{
		"right":                        {identity.IRSA, right, "ok annotated"},
		"absent":                       {identity.IRSA, "", "fail no service account mxp-controller"},
		"missing":                      {identity.IRSA, `"x":"y"`, "fail the annotation eks.amazonaws.com/role-arn is missing"},
		"misspelt":                     {identity.IRSA, strings.Replace(right, "eks.amazonaws.com", "eks.amazon.aws.com", 1), "fail the annotation eks.amazonaws.com/role-arn is misspelt: eks.amazon.aws.com/role-arn"},
		"as the upstream guide's text": {identity.IRSA, strings.Replace(right, "amazonaws.com", "amazon.aws", 1), "fail the annotation eks.amazonaws.com/role-arn is misspelt: eks.amazon.aws/role-arn"},
		"another":                      {identity.IRSA, strings.Replace(right, "spaces-backup", "other", 1), "fail the annotation eks.amazonaws.com/role-arn is arn:aws:iam::123456789012:role/other, not " + testRole},
		"pod identity":                 {identity.PodIdentity, `"x":"y"`, "ok annotated"},
		"pod identity, still there":    {identity.PodIdentity, right, "warn the annotation eks.amazonaws.com/role-arn still stands: " + testRole},
	} {
		t.Run(name, func(t *testing.T) {
			got := observed(t, tt.account, "", "").serviceAccount(space.ControlPlane{HostNamespace: hostNamespace}, component(tt.mode))
			if text := string(got.State) + " " + got.Detail; !strings.HasPrefix(text, tt.want) || got.State != OK && got.Fix == "" {
				t.Errorf("got %q, fix %q, want %q", text, got.Fix, tt.want)
			}
		})
	}
}

func TestBackupChecks(t *testing.T) {
	storage := func(provider, bucket, source, more string) string {
		return `{"provider":"` + provider + `","bucket":"` + bucket + `","credentials":{"source":"` + source + `"}` + more + `}`
	}
	for name, tt := range map[string]struct {
		mode           identity.Mode
		config, backup string
		want           [2]State
	}{
		"right":         {identity.IRSA, storage("AWS", "spaces-backups", "InjectedIdentity", ""), "Completed", [2]State{OK, OK}},
		"nothing":       {identity.IRSA, "", "", [2]State{Warns, Warns}},
		"a secret":      {identity.IRSA, storage("AWS", "spaces-backups", "Secret", ""), "Failed", [2]State{Fails, Fails}},
		"other bucket":  {identity.IRSA, storage("AWS", "other", "InjectedIdentity", ""), "InProgress", [2]State{Fails, Warns}},
		"other cloud":   {identity.IRSA, storage("GCP", "spaces-backups", "InjectedIdentity", ""), "Pending", [2]State{Fails, Warns}},
		"sdk auth":      {identity.PodIdentity, storage("AWS", "spaces-backups", "InjectedIdentity", `,"config":{"aws_sdk_auth":true}`), "Completed", [2]State{Fails, OK}},
		"sdk auth irsa": {identity.IRSA, storage("AWS", "spaces-backups", "InjectedIdentity", `,"config":{"aws_sdk_auth":true}`), "Completed", [2]State{OK, OK}},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed(t, "", tt.config, tt.backup)
			plane := space.ControlPlane{HostNamespace: hostNamespace, Namespace: "team", Name: "ctp"}
			got := [2]State{o.backupConfig(plane, component(tt.mode)).State, o.latestBackup(plane).State}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	if got := observed(t, "", "", "").latestBackup(space.ControlPlane{HostNamespace: hostNamespace}); got.State != Unknown {
		t.Errorf("without a ControlPlane object: %+v", got)
	}
}
