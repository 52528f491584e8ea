package live_test

import (
	"strings"
	"testing"
)

// TestCommandsWithoutConfigSayHowToWriteOne: the next step is the same as that of the
// commands that need no AWS.
func TestCommandsWithoutConfigSayHowToWriteOne(t *testing.T) {
	newSpace(t)
	for _, tt := range []struct {
		hint string
		args []string
	}{
		{"set components[0].roleARN and cluster.oidcProvider in the config, or use --role-arn and --oidc-provider", []string{"plan"}},
		{"set components[0].roleARN and cluster.oidcProvider in the config, or use --role-arn and --oidc-provider", []string{"apply", "--approve"}},
		{"set components[0].roleARN in the config, or use --role-arn", []string{"delete", "--approve"}},
		{"set components[0].roleARN in the config, or use --role-arn", []string{"verify"}},
		{"set components[0].roleARN in the config, or use --role-arn", []string{"restart"}},
	} {
		want := "hint: there is no spaces-identity.yaml in the working directory (`spaces-identity init` writes one); " + tt.hint + "\n"
		if got := run(t, "", tt.args...); got.Status != 2 || !strings.HasSuffix(got.Err, want) {
			t.Errorf("%q: got %d:\n%s\nwant the end\n%s", tt.args, got.Status, got.Err, want)
		}
	}
}
