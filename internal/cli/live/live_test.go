package live_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	first  = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	second = "mxp-11111111-2222-4333-8444-555555555555-system"
)

// newSpace is an account with one cluster, and a working directory.
func newSpace(t *testing.T) *awstest.Server {
	t.Helper()
	server := awstest.New(t)
	server.Change(func(s *awstest.State) {
		s.Clusters["prod-space"] = awstest.Cluster{Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", Version: "1.36"}
	})
	t.Chdir(t.TempDir())
	t.Setenv("HOME", t.TempDir()) // no kubeconfig of whoever runs the tests
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	return server
}

// result is what a run leaves.
type result struct {
	Status   int
	Out, Err string
}

// run runs a command line, with answers if there is a terminal.
func run(t *testing.T, answers string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	in := io.Reader(strings.NewReader(answers))
	env := cli.Env{In: in, Out: &out, Err: &err, Getenv: os.Getenv, Live: live.Run,
		Terminal: func(s any) bool { return s == in && answers != "" }}
	status := cli.Run(t.Context(), env, args)
	return result{int(status), out.String(), err.String()}
}

func must(t *testing.T, r result, status int) result {
	t.Helper()
	if r.Status != status {
		t.Fatalf("exit status is %d, not %d\n%s\n%s", r.Status, status, r.Out, r.Err)
	}
	return r
}

// golden compares with a file of what was printed.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join(goldens, name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// goldens is found before a test changes the directory.
var goldens = func() string {
	dir, err := filepath.Abs(filepath.Join("testdata", "live"))
	if err != nil {
		panic(err)
	}
	return dir
}()

// From an empty account to a role that works, and on as control planes come and
// go.
func TestInitPlanApply(t *testing.T) {
	server := newSpace(t)
	must(t, run(t, "", "init", "--bucket", "spaces-backups", "--mode", "both", "--host-namespace", first), 0)
	written, err := os.ReadFile(config.DefaultFile)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "init.yaml", string(written))
	refused := must(t, run(t, "", "init", "--bucket", "x"), 2)
	if !strings.Contains(refused.Err, "--force") {
		t.Errorf("refusal: %s", refused.Err)
	}

	golden(t, "plan-create.txt", must(t, run(t, "", "plan", "--exit-code"), 3).Out)
	if r := run(t, "", "apply"); r.Status != 2 || !strings.Contains(r.Err, "--approve") {
		t.Errorf("apply without a terminal: %+v", r)
	}
	if r := run(t, "no\n", "apply"); r.Status != 1 || !strings.Contains(r.Err, "nothing was changed") {
		t.Errorf("apply and no: %+v", r)
	}
	for _, c := range server.Calls() {
		if c.Write {
			t.Fatalf("%s before anybody said yes", c.Operation)
		}
	}
	must(t, run(t, "yes\n", "apply"), 0)
	if diff := cmp.Diff(result{0, "Up to date: 1 role, 1 association.\n", ""}, run(t, "", "apply", "--approve")); diff != "" {
		t.Errorf("apply again (-want +got):\n%s", diff)
	}

	golden(t, "plan-change.txt", must(t, run(t, "", "plan", "--host-namespace", second, "--bucket", "other-backups"), 0).Out)
	golden(t, "plan-prune.txt", must(t, run(t, "", "plan", "--host-namespace", second, "--prune"), 0).Out)
	must(t, run(t, "", "apply", "--approve", "--host-namespace", second, "--prune"), 0)
	if r := run(t, "", "plan", "--exit-code", "--host-namespace", second, "--prune"); r.Status != 0 {
		t.Errorf("plan after apply: %+v", r)
	}
}

func TestDelete(t *testing.T) {
	server := newSpace(t)
	must(t, run(t, "", "init", "--bucket", "spaces-backups", "--mode", "both", "--host-namespace", first), 0)
	must(t, run(t, "", "apply", "--approve"), 0)
	server.Forget()
	golden(t, "delete.txt", must(t, run(t, "", "delete", "--dry-run"), 0).Out)
	if r := run(t, "", "delete"); r.Status != 2 || !strings.Contains(r.Err, "--dry-run") {
		t.Errorf("delete without a terminal: %+v", r)
	}
	if r := run(t, "no\n", "delete"); r.Status != 1 || !strings.Contains(r.Err, "nothing was changed") {
		t.Errorf("delete and no: %+v", r)
	}
	for _, c := range server.Calls() {
		if c.Write {
			t.Fatalf("%s before anybody said yes", c.Operation)
		}
	}
	if r := must(t, run(t, "yes\n", "delete", "--keep-role"), 0); !strings.Contains(r.Err, "done: ") {
		t.Errorf("delete: %+v", r)
	}
	must(t, run(t, "", "delete", "--approve"), 0)
	if r := must(t, run(t, "", "delete", "--approve", "-o", "json"), 0); !strings.Contains(r.Out, `"roles": null`) && !strings.Contains(r.Out, `"roles": []`) {
		t.Errorf("the last delete: %s", r.Out)
	}
	if r := must(t, run(t, "", "delete", "--approve"), 0); !strings.Contains(r.Out, "Nothing to delete.") {
		t.Errorf("the last delete: %s", r.Out)
	}
}

func TestPlanJSON(t *testing.T) {
	newSpace(t)
	must(t, run(t, "", "init", "--bucket", "spaces-backups", "--host-namespace", first), 0)
	out := must(t, run(t, "", "plan", "--output", "json"), 0).Out
	golden(t, "plan.json", out)
	var plan reconcile.Plan
	if err := json.Unmarshal([]byte(out), &struct {
		Roles *[]struct {
			ARN string `json:"arn"`
		} `json:"roles"`
		Account *string `json:"account"`
	}{Account: &plan.Account}); err != nil || plan.Account != awstest.AccountID {
		t.Errorf("account %q, error %v", plan.Account, err)
	}
	must(t, run(t, "", "plan", "--output", "xml"), 2)
}

func TestInitAsks(t *testing.T) {
	server := newSpace(t)
	server.Change(func(s *awstest.State) { s.Clusters["other"] = awstest.Cluster{Version: "1.35"} })
	r := must(t, run(t, "3\n2\nPod\npod-identity\n\nNot A Bucket\nspaces-backups\n\n", "init"), 0)
	golden(t, "init-questions.txt", r.Err)
	written, err := os.ReadFile(config.DefaultFile)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "init-asked.yaml", string(written))
}

func TestNoCredentials(t *testing.T) {
	newSpace(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	r := must(t, run(t, "", "plan", "--role-arn", "arn:aws:iam::123456789012:role/x", "--oidc-provider", "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", "--match", "uuid"), 1)
	if !strings.Contains(r.Err, "no working AWS credentials") || !strings.Contains(r.Err, "--profile") {
		t.Errorf("error: %s", r.Err)
	}
}

func TestUnknownProfile(t *testing.T) {
	newSpace(t)
	r := must(t, run(t, "", "plan", "--profile", "gone", "--role-arn", "arn:aws:iam::123456789012:role/x", "--oidc-provider", "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", "--match", "uuid"), 1)
	if !strings.Contains(r.Err, "gone") || !strings.Contains(r.Err, "name another profile with --profile") {
		t.Errorf("error: %s", r.Err)
	}
}

func TestNoControlPlanes(t *testing.T) {
	newSpace(t)
	r := must(t, run(t, "", "init", "--bucket", "spaces-backups"), 2)
	if !strings.Contains(r.Err, "the control planes are not known: found no kubeconfig") || !strings.Contains(r.Err, "--match uuid") {
		t.Errorf("error: %s", r.Err)
	}
	if _, err := os.Lstat("spaces-identity.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("init wrote a config: %v", err)
	}
	r = must(t, run(t, "", "plan", "--role-arn", "arn:aws:iam::123456789012:role/x", "--oidc-provider", "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"), 2)
	if !strings.Contains(r.Err, "no control plane is known") {
		t.Errorf("error: %s", r.Err)
	}
	must(t, run(t, "", "init", "--bucket", "spaces-backups", "--match", "uuid"), 0)
}

func TestPolicySelf(t *testing.T) {
	newSpace(t)
	args := []string{"policy", "self", "--role-arn", "arn:aws:iam::123456789012:role/spaces-backup", "--bucket", "spaces-backups",
		"--oidc-provider", "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", "--cluster", "prod-space", "--region", "us-west-2"}
	golden(t, "self-both.json", must(t, run(t, "", append(args, "--mode", "both")...), 0).Out)
	golden(t, "self-read-only.json", must(t, run(t, "", append(args, "--read-only")...), 0).Out)
	must(t, run(t, "", "policy", "self"), 2)
}

// Nothing listens at the endpoint.
func TestPlanSaysThatAWSCannotBeReached(t *testing.T) {
	newSpace(t)
	must(t, run(t, "", "init", "--bucket", "spaces-backups", "--host-namespace", first), 0)
	closed := httptest.NewServer(nil)
	closed.Close()
	t.Setenv("AWS_ENDPOINT_URL", closed.URL)
	r := must(t, run(t, "", "plan"), 1)
	reached := "cannot reach STS at " + closed.URL + ": "
	lines := strings.Split(r.Err, "\n")
	if !strings.HasPrefix(lines[0], reached) || !strings.HasSuffix(lines[0], "; trying again") {
		t.Errorf("the first line is %q", lines[0])
	}
	if !strings.Contains(r.Err, "\nerror: "+reached) || !strings.Contains(r.Err, "\nhint: check the network, HTTPS_PROXY and AWS_ENDPOINT_URL\n") {
		t.Errorf("stderr: %s", r.Err)
	}
}
