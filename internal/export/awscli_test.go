package export_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

// fakeAWS records its calls in the file $CALLS: a NUL byte after each argument, and
// another after each call. If $THERE is yes, every resource exists.
const fakeAWS = `#!/bin/sh
for word in "$@"; do printf '%s\0' "$word"; done >>"$CALLS"
printf '\0' >>"$CALLS"
case "$2" in
get-*) [ "$THERE" = yes ] ;;
list-*) if [ "$THERE" = yes ]; then echo a-1; else echo None; fi ;;
esac
`

// callsOf runs a script with fakeAWS and returns the calls of the script.
func callsOf(t *testing.T, shell string, script []byte, there string) [][]string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"aws": fakeAWS, "script": string(script)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), shell, filepath.Join(dir, "script"))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "CALLS=" + filepath.Join(dir, "calls"), "THERE=" + there}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Fatalf("the script left other files: %v, %v", entries, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for call := range strings.SplitSeq(strings.TrimSuffix(string(data), "\x00\x00"), "\x00\x00") {
		out = append(out, strings.Split(call, "\x00"))
	}
	return out
}

// flagsOf returns the flags of a call.
func flagsOf(call []string) map[string]string {
	flags := map[string]string{}
	for i := 2; i+1 < len(call); i += 2 {
		flags[call[i]] = call[i+1]
	}
	return flags
}

// readScript runs the script in an empty account and returns the account.
func readScript(t *testing.T, script []byte) account {
	t.Helper()
	a := newAccount()
	for _, call := range callsOf(t, "sh", script, "no") {
		flags := flagsOf(call)
		switch call[1] {
		case "create-open-id-connect-provider":
			url := flags["--url"]
			a.Providers["arn:aws:iam::123456789012:oidc-provider/"+strings.TrimPrefix(url, "https://")] = provider{url, flags["--client-id-list"]}
		case "create-role":
			tags := map[string]string{}
			for _, tag := range decode[[]struct{ Key, Value string }](t, flags["--tags"]) {
				tags[tag.Key] = tag.Value
			}
			a.Roles["arn:aws:iam::123456789012:role"+flags["--path"]+flags["--role-name"]] = role{parsePolicy(t, flags["--assume-role-policy-document"]), tags}
		case "put-role-policy":
			a.Policies[flags["--role-name"]+" "+flags["--policy-name"]] = parsePolicy(t, flags["--policy-document"])
		case "create-pod-identity-association":
			association := decode[desired.Association](t, flags["--cli-input-json"])
			association.Region = flags["--region"]
			a.Associations = append(a.Associations, association)
		}
	}
	return a
}

// TestScriptUpdatesExistingResources runs the script in several shells, in an account in
// which every resource exists.
func TestScriptUpdatesExistingResources(t *testing.T) {
	for name, settings := range map[string]identity.Settings{"one": oneComponent(), "many": manyComponents(), "nasty": hostileSettings()} {
		script, err := export.Render(formOf(t, "aws-cli"), stateOf(t, settings))
		if err != nil {
			t.Fatal(err)
		}
		want := updates(rolesOf(t, settings))
		for _, shell := range []string{"sh", "bash", "dash"} {
			t.Run(name+"/"+shell, func(t *testing.T) {
				if _, err := exec.LookPath(shell); err != nil {
					t.Skip(err)
				}
				got := slices.DeleteFunc(callsOf(t, shell, script, "yes"), func(call []string) bool {
					return strings.HasPrefix(call[1], "get-") || strings.HasPrefix(call[1], "list-")
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("calls differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// updates returns the calls that update existing resources.
func updates(roles []desired.Role) [][]string {
	var out [][]string
	for _, p := range export.Providers(roles) {
		out = append(out, []string{"iam", "add-client-id-to-open-id-connect-provider", "--open-id-connect-provider-arn", p.ARN, "--client-id", p.Audience})
	}
	for _, r := range roles {
		out = append(out, []string{"iam", "update-assume-role-policy", "--role-name", r.ARN.BaseName(), "--policy-document", export.PolicyText(r.TrustPolicy)})
		for _, p := range r.Policies {
			out = append(out, []string{"iam", "put-role-policy", "--role-name", r.ARN.BaseName(), "--policy-name", p.Name, "--policy-document", export.PolicyText(p.Document)})
		}
		for _, a := range r.Associations {
			out = append(out, []string{"eks", "update-pod-identity-association", "--region", a.Region, "--association-id", "a-1", "--cli-input-json", export.UpdateInput(a)})
		}
	}
	return out
}

func TestScriptPassesShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	for _, settings := range []identity.Settings{oneComponent(), manyComponents()} {
		out, err := export.Render(formOf(t, "aws-cli"), stateOf(t, settings))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "shellcheck", "--severity=style", "-")
		cmd.Stdin = strings.NewReader(string(out))
		if report, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, report)
		}
	}
}

// TestRealCLIAcceptsTheCalls runs one call of each kind with the real aws CLI. It checks
// parameters before it connects.
func TestRealCLIAcceptsTheCalls(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not installed")
	}
	script, err := formOf(t, "aws-cli").Write(rolesWithSessionPolicy(t))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, call := range append(callsOf(t, "sh", script, "no"), callsOf(t, "sh", script, "yes")...) {
		if asked[call[1]] {
			continue
		}
		asked[call[1]] = true
		t.Run(call[1], func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "aws", append(call, "--endpoint-url", "http://127.0.0.1:1")...)
			cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1",
				"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-west-2")
			out, _ := cmd.CombinedOutput()
			if strings.Contains(string(out), "Unknown parameter") {
				t.Skipf("this aws CLI is too old to know the parameters: %s", out)
			}
			if !strings.Contains(string(out), "Could not connect to the endpoint URL") {
				t.Errorf("%q: %s", call, out)
			}
		})
	}
}
