package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"spaces-identity.dev/internal/awstest"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
)

// object is what this test reads of the example's objects.
type object struct {
	Kind  string
	Data  map[string]string
	Rules []rule
	Spec  struct {
		JobTemplate struct {
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct{ Args []string }
					}
				}
			}
		} `yaml:"jobTemplate"`
	}
}

type rule struct {
	APIGroups []string `yaml:"apiGroups"`
	Resources []string
	Verbs     []string
}

func readExample(t *testing.T) map[string]object {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "in-step", "cronjob.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]object{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects[o.Kind] = o
	}
}

// discovery finds what it is given.
type discovery struct {
	found []cli.Found
	err   error
}

func (d discovery) Namespaces(context.Context) ([]cli.Found, error) { return d.found, d.err }

// The CronJob's arguments carry out its ConfigMap's config with nothing but the
// policy beside it, first from nothing and then with another control plane.
func TestCronJobExample(t *testing.T) {
	objects := readExample(t)
	policy, err := os.ReadFile(filepath.Join("..", "..", "examples", "in-step", "policy.json"))
	if err != nil && !*update {
		t.Fatal(err)
	}
	example, err := filepath.Abs(filepath.Join("..", "..", "examples", "in-step", "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	server := space(t)
	server.Change(func(s *awstest.State) {
		s.Clusters["prod-space"] = awstest.Cluster{Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E", Version: "1.36"}
	})
	if err := os.WriteFile(config.DefaultFile, []byte(objects["ConfigMap"].Data[config.DefaultFile]), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := must(t, run(t, "", "policy", "self"), 0).Out
	if *update {
		policy = []byte(printed)
		if err := os.WriteFile(example, policy, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(printed, string(policy)); diff != "" {
		t.Errorf("policy.json is not what policy self prints (-printed +file):\n%s", diff)
	}
	wantRules := []rule{{[]string{"spaces.upbound.io"}, []string{"controlplanes"}, []string{"get", "list"}},
		{[]string{""}, []string{"namespaces", "serviceaccounts"}, []string{"get", "list"}}}
	if diff := cmp.Diff(wantRules, objects["ClusterRole"].Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}

	server.Disturb(func(h *awstest.Hooks) { h.Policies = map[string][]string{"AKIDTEST": {string(policy)}} })
	args := objects["CronJob"].Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args
	args[len(args)-1] = config.DefaultFile
	must(t, discovering(t, []cli.Found{{Namespace: first}}, nil, args...), 0)
	both := []cli.Found{{Namespace: first}, {Namespace: second}}
	must(t, discovering(t, both, nil, args...), 0)
	if diff := cmp.Diff(result{0, "in step: 1 role, 2 associations\n", ""}, discovering(t, both, nil, args...)); diff != "" {
		t.Errorf("run without changes (-want +got):\n%s", diff)
	}

	empty := discovering(t, nil, nil, append(args, "--prune")...)
	if empty.Status != 1 || !strings.Contains(empty.Err, "--prune would remove all") {
		t.Errorf("pruning after finding nothing: %+v", empty)
	}
	failed := discovering(t, nil, errors.New("the cluster is asleep"), args...)
	if failed.Status != 1 || !strings.Contains(failed.Err, "the cluster is asleep") {
		t.Errorf("discovery that fails: %+v", failed)
	}
	if n := len(server.State().Associations); n != 2 {
		t.Errorf("%d associations are left", n)
	}
	if r := run(t, "", args...); r.Status != 2 || !strings.Contains(r.Err, "cannot ask a cluster") {
		t.Errorf("without discovery: %+v", r)
	}
}

// discovering runs a command line in a world with a cluster.
func discovering(t *testing.T, found []cli.Found, err error, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	world := cli.World{In: strings.NewReader(""), Out: &out, Err: &errs, Env: os.Getenv,
		Terminal: func(any) bool { return false }, Discoverer: discovery{found, err}}
	status := cli.Run(t.Context(), world, args)
	return result{status, out.String(), withoutTime(errs.String())}
}

// withoutTime drops the line that says how long it took.
func withoutTime(text string) string {
	if before, _, ok := strings.Cut(text, "done: "); ok {
		return before
	}
	return text
}
