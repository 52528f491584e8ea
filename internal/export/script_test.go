package export

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// fakeAWS writes down its arguments, each ended by a NUL byte, a call ended by
// another, and answers what the test says is there.
const fakeAWS = `#!/bin/sh
for word in "$@"; do printf '%s\0' "$word"; done >>"$CALLS"
printf '\0' >>"$CALLS"
case "$2" in
get-*) [ "$THERE" = yes ] ;;
list-*) if [ "$THERE" = yes ]; then echo a-1; else echo None; fi ;;
esac
`

// run executes a script with a stand-in for aws and returns the calls that it
// makes.
func run(t *testing.T, shell string, script []byte, there string) [][]string {
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
	return calls(t, dir)
}

func calls(t *testing.T, dir string) [][]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("the script left something behind: %v, %v", entries, err)
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

func shells(t *testing.T) []string {
	t.Helper()
	found := []string{"sh"}
	for _, shell := range []string{"bash", "dash"} {
		if _, err := exec.LookPath(shell); err == nil {
			found = append(found, shell)
		}
	}
	return found
}

// TestScriptsCallWhatWasMeant runs the scripts of plain and of nasty components
// and compares the arguments that aws gets.
func TestScriptsCallWhatWasMeant(t *testing.T) {
	trusting := nastyComponent()
	trusting.PodIdentity = identity.PodIdentitySettings{}
	for name, components := range map[string]map[Part]identity.Component{
		"plain": {Trust: backup(), Permissions: backup(), Associations: backup()},
		"nasty": {Trust: trusting, Permissions: nastyComponent(), Associations: nastyComponent()},
	} {
		for part, c := range components {
			for _, shell := range shells(t) {
				for _, there := range []string{"yes", "no"} {
					t.Run(strings.Join([]string{name, string(part), shell, there}, "/"), func(t *testing.T) {
						g := newGrant(t, part, c)
						script, err := Render("aws-cli", g)
						if err != nil {
							t.Fatal(err)
						}
						got := run(t, shell, script, there)
						if diff := cmp.Diff(meant(t, g, there == "yes"), got); diff != "" {
							t.Errorf("calls differ (-meant +got):\n%s", diff)
						}
					})
				}
			}
		}
	}
}

func meant(t *testing.T, g Grant, there bool) [][]string {
	t.Helper()
	switch g.Part {
	case Trust:
		return meantTrust(g, there)
	case Permissions:
		return [][]string{{"iam", "put-role-policy", "--role-name", g.RoleName(), "--policy-name", g.PolicyName(),
			"--policy-document", policy(g)}}
	}
	var out [][]string
	for _, a := range g.Associations {
		out = append(out, []string{"eks", "list-pod-identity-associations", "--region", a.Region, "--cluster-name", a.ClusterName,
			"--namespace", a.Namespace, "--service-account", a.ServiceAccount, "--query", "associations[0].associationId", "--output", "text"})
		if there {
			out = append(out, []string{"eks", "update-pod-identity-association", "--region", a.Region, "--association-id", "a-1",
				"--cli-input-json", encode(t, updateOf(a.Association))})
		} else {
			out = append(out, []string{"eks", "create-pod-identity-association", "--region", a.Region,
				"--cli-input-json", encode(t, a.Association)})
		}
	}
	return out
}

func meantTrust(g Grant, there bool) [][]string {
	var out [][]string
	for _, p := range g.Providers {
		out = append(out, []string{"iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn", p.ARN})
		if !there {
			out = append(out, []string{"iam", "create-open-id-connect-provider", "--url", p.URL, "--client-id-list", iam.Audience})
		}
	}
	out = append(out, []string{"iam", "get-role", "--role-name", g.RoleName()})
	if there {
		return append(out, []string{"iam", "update-assume-role-policy", "--role-name", g.RoleName(), "--policy-document", policy(g)})
	}
	return append(out, []string{"iam", "create-role", "--role-name", g.RoleName(), "--path", g.RolePath(),
		"--assume-role-policy-document", policy(g)})
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestScriptsPassShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	for _, part := range parts {
		out, err := Render("aws-cli", newGrant(t, part, backup()))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "shellcheck", "--severity=style", "-")
		cmd.Stdin = strings.NewReader(string(out))
		if report, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", part, err, report)
		}
	}
}

// TestCLIAcceptsAssociations asks the real aws CLI, which knows the shape of the
// API without a network, whether it would send our input.
func TestCLIAcceptsAssociations(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not installed")
	}
	for _, a := range newGrant(t, Associations, nastyComponent()).Associations[:1] {
		for operation, input := range map[string]string{
			"create-pod-identity-association": encode(t, a.Association),
			"update-pod-identity-association": encode(t, updateOf(a.Association)),
		} {
			args := []string{"eks", operation, "--cli-input-json", input, "--generate-cli-skeleton", "output", "--region", a.Region}
			if operation == "update-pod-identity-association" {
				args = append(args, "--association-id", "a-1")
			}
			cmd := exec.CommandContext(t.Context(), "aws", args...)
			cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true")
			if out, err := cmd.CombinedOutput(); err != nil && strings.Contains(string(out), "policy") {
				t.Skipf("this aws CLI is older than the operation's parameters: %s", out)
			} else if err != nil {
				t.Errorf("%s: %v: %s", operation, err, out)
			}
		}
	}
}
