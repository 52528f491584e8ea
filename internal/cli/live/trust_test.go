package live_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/test/awstest"
)

// TestLiveReadsThePolicyInAWS changes the policy in AWS. Without the flag, explain judges
// the document of the config, and says so.
func TestLiveReadsThePolicyInAWS(t *testing.T) {
	server := newSpace(t)
	missing := run(t, "", "policy", "trust", "--live", "--role-arn", "arn:aws:iam::123456789012:role/gone")
	if missing.Status != 1 || !strings.Contains(missing.Err, "role/gone does not exist") || !strings.Contains(missing.Err, "hint: run `spaces-identity apply`") {
		t.Errorf("a role that does not exist: %+v", missing)
	}
	must(t, run(t, "", "init", "--bucket", "spaces-backups", "--host-namespace", first), 0)
	must(t, run(t, "", "apply", "--approve"), 0)
	if diff := cmp.Diff(must(t, run(t, "", "policy", "trust"), 0).Out, must(t, run(t, "", "policy", "trust", "--live"), 0).Out); diff != "" {
		t.Errorf("after apply the policy in AWS is another (-config +AWS):\n%s", diff)
	}
	server.Change(func(s *awstest.State) {
		role := s.Roles["spaces-backup"]
		role.Trust = strings.Replace(role.Trust, first, second, 1)
		s.Roles["spaces-backup"] = role
	})
	offline, live := must(t, run(t, "", "explain", first), 0).Out, must(t, run(t, "", "explain", first, "--live"), 3).Out
	if !strings.HasPrefix(offline, "allowed") || !strings.Contains(offline, "by the trust policy that the config asks for") {
		t.Errorf("without --live:\n%s", offline)
	}
	if !strings.HasPrefix(live, "denied") || !strings.Contains(live, "by the trust policy of arn:aws:iam::123456789012:role/spaces-backup in AWS") {
		t.Errorf("with --live:\n%s", live)
	}
	if out := must(t, run(t, "", "policy", "trust", "--live", "-o", "yaml"), 0).Out; !strings.Contains(out, second) || strings.Contains(out, first) {
		t.Errorf("the policy in AWS:\n%s", out)
	}
	must(t, run(t, "", "explain", first, "--live", "--policy", "x.json"), 2)
	other := run(t, "", "explain", first, "--live", "--role-arn", "arn:aws:iam::999999999999:role/spaces-backup")
	if other.Status != 1 || !strings.Contains(other.Err, "use credentials of account 999999999999") {
		t.Errorf("a role in another account: %+v", other)
	}
}
