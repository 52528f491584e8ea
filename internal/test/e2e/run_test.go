package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
	"spaces-identity.dev/internal/test/kubetest"
)

const (
	repositoryRoot = "../../.."
	roleARN        = "arn:aws:iam::123456789012:role/spaces-backup"
	roleAnnotation = "eks.amazonaws.com/role-arn"
	clusterSetting = "cluster: {name: prod-space, region: us-west-2, oidcProvider: '" + kubetest.Issuer + "'}\n"
)

// TestMain keeps the AWS SDK from using the credentials of the user or machine. A test has
// an account only if it creates one.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// runResult is the result of a run of the program.
type runResult struct {
	Out, Err string
	Status   int
}

// program is the program with its environment.
type program map[string]string

// withKubeconfig returns the program with a kubeconfig.
func withKubeconfig(kubeconfig string) program { return program{"KUBECONFIG": kubeconfig} }

// flat returns the whole output as one line.
func (o runResult) flat() string { return strings.Join(strings.Fields(o.Out+o.Err), " ") }

// run runs a command line in this process.
func (p program) run(t testing.TB, stdin string, args ...string) runResult {
	t.Helper()
	return p.runUntil(t, "", stdin, args...)
}

// runUntil interrupts the program when it prints word on standard error.
func (p program) runUntil(t testing.TB, word, stdin string, args ...string) runResult {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out bytes.Buffer
	err := &listener{word: word, heard: interrupt}
	env := cli.Env{In: strings.NewReader(stdin), Out: &out, Err: err,
		Getenv:   func(name string) string { return p[name] },
		Terminal: func(any) bool { return false }, Live: live.Run}
	status := cli.Run(ctx, env, args)
	return runResult{out.String(), err.text.String(), int(status)}
}

// listener keeps what is written, and calls heard if the text contains a word.
type listener struct {
	mu    sync.Mutex
	text  bytes.Buffer
	word  string
	heard func()
}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.word != "" && bytes.Contains(b, []byte(l.word)) {
		l.heard()
	}
	return l.text.Write(b)
}

// must runs a command line that must succeed, and returns its output.
func (p program) must(t testing.TB, args ...string) string {
	t.Helper()
	o := p.run(t, "", args...)
	if o.Status != 0 {
		t.Fatalf("%s: exit status %d\n%s%s", strings.Join(args, " "), o.Status, o.Out, o.Err)
	}
	return o.Out
}

// writeConfig writes a config and returns its path.
func writeConfig(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spaces-identity.yaml")
	writeFile(t, path, "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n"+text)
	return path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
