package export_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

// fakeAWS is an empty account. It records its calls in the file $CALLS: a NUL byte after
// each argument, and another after each call.
const fakeAWS = `#!/bin/sh
for word in "$@"; do printf '%s\0' "$word"; done >>"$CALLS"
printf '\0' >>"$CALLS"
case "$2" in
get-caller-identity) echo 123456789012 ;;
get-*) echo "An error occurred (NoSuchEntity) when calling the operation: none" >&2; exit 254 ;;
list-attached-*) echo missing ;;
list-*) echo None ;;
esac
`

// callsOf runs a script with fakeAWS and returns the calls of the script.
func callsOf(t *testing.T, script []byte) [][]string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"aws": fakeAWS, "script": string(script)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "script"))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "CALLS=" + filepath.Join(dir, "calls")}
	if out, err := cmd.CombinedOutput(); err != nil {
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
	for i := 2; i < len(call); i++ {
		name, value, joined := strings.Cut(call[i], "=")
		if !joined && i+1 < len(call) {
			i++
			value = call[i]
		}
		flags[name] = value
	}
	return flags
}

func tagsOf(t *testing.T, list string) map[string]string {
	t.Helper()
	tags := map[string]string{}
	for _, tag := range decode[[]struct{ Key, Value string }](t, list) {
		tags[tag.Key] = tag.Value
	}
	return tags
}

// readScript runs the script in an empty account and returns the account.
func readScript(t *testing.T, script []byte) account {
	t.Helper()
	a := newAccount()
	for _, call := range callsOf(t, script) {
		flags := flagsOf(call)
		switch call[1] {
		case "create-open-id-connect-provider":
			url := flags["--url"]
			a.Providers["arn:aws:iam::123456789012:oidc-provider/"+strings.TrimPrefix(url, "https://")] = provider{url, flags["--client-id-list"], tagsOf(t, flags["--tags"])}
		case "create-role":
			a.Roles["arn:aws:iam::123456789012:role"+flags["--path"]+flags["--role-name"]] = role{parsePolicy(t, flags["--assume-role-policy-document"]), tagsOf(t, flags["--tags"]), flags["--permissions-boundary"], flags["--max-session-duration"]}
		case "attach-role-policy":
			a.Attached = append(a.Attached, flags["--role-name"]+" "+flags["--policy-arn"])
		case "put-role-policy":
			a.Policies[flags["--role-name"]+" "+flags["--policy-name"]] = parsePolicy(t, flags["--policy-document"])
		case "create-pod-identity-association":
			association := decode[desired.Association](t, flags["--cli-input-json"])
			association.Region, association.Namespace = flags["--region"], flags["--namespace"]
			a.Associations = append(a.Associations, association)
		}
	}
	return a
}

func TestScriptPassesShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	for _, settings := range []identity.Settings{oneComponent(), manyComponents()} {
		out, err := export.Render(formOf(t, "aws-cli"), stateOf(t, settings), export.Options{})
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
