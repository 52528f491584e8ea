// Package simulator asks an independent evaluator of IAM policies for a second opinion.
// See testdata/simulator/README.md.
package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Cases is the number of random policies that each test compares.
var Cases = flag.Int("cases", 3000, "the number of random policies to compare with the simulator")

// Account is the account of every role and resource.
const Account = "123456789012"

// Case is a request and the policies that decide it. A request to assume a role has the
// role's trust policy. Any other request has the permissions policies of its role.
type Case struct {
	Trust       json.RawMessage     `json:"trust,omitempty"`
	Permissions []json.RawMessage   `json:"permissions,omitempty"`
	Session     json.RawMessage     `json:"session,omitempty"` // policy of the session; the principal is an assumed role
	Principal   string              `json:"principal"`
	Action      string              `json:"action"`
	Resource    string              `json:"resource"`
	Account     string              `json:"account"`
	Context     map[string][]string `json:"context"`
}

// The verdicts of the simulator.
const (
	Allowed          = "Allowed"
	ImplicitlyDenied = "ImplicitlyDenied"
	ExplicitlyDenied = "ExplicitlyDenied"
)

// Ask returns the simulator's verdict on each case. It skips the test if Node.js or the
// simulator is not installed. A case that the simulator cannot judge fails the test.
func Ask(t *testing.T, cases []Case) []string {
	t.Helper()
	dir := folder(t)
	var input bytes.Buffer
	for _, c := range cases {
		c.Account = Account
		if err := json.NewEncoder(&input).Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	// Go's test cache knows the files that a test opens, not those of its programs.
	for _, input := range []string{"evaluate.mjs", "package-lock.json"} {
		if _, err := os.ReadFile(filepath.Join(dir, input)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "evaluate.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, &input, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []string
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var answer struct {
			Verdict, Errors string
			Ignored         []string
		}
		if err := json.Unmarshal(scanner.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Errors != "" || len(answer.Ignored) > 0 {
			t.Fatalf("the simulator cannot judge case %d: %+v\n%+v", len(verdicts), answer, cases[len(verdicts)])
		}
		verdicts = append(verdicts, answer.Verdict)
	}
	if err := scanner.Err(); err != nil || len(verdicts) != len(cases) {
		t.Fatalf("%d answers to %d cases, %v", len(verdicts), len(cases), err)
	}
	return verdicts
}

// folder returns the simulator's folder.
func folder(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no second opinion: Node.js is not installed")
	}
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "../../../testdata/simulator")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Skip("no second opinion: run `npm ci` in testdata/simulator first")
	}
	return dir
}
