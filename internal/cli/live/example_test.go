package live_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/test/awstest"
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
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "scheduled-apply", "cronjob.yaml"))
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

// hostCluster plays the host cluster of a Space to discovery: an API server that
// knows control planes with these host namespaces and nothing else, or fails. The
// real one is in internal/e2e.
func hostCluster(t *testing.T, status int, hostNamespaces ...string) {
	t.Helper()
	var items, accounts []string
	for _, namespace := range hostNamespaces {
		id := strings.TrimSuffix(strings.TrimPrefix(namespace, "mxp-"), "-system")
		items = append(items, fmt.Sprintf(`{"metadata":{"name":"ctp-%s","namespace":"team"},"status":{"controlPlaneID":%q}}`, id[:4], id))
		accounts = append(accounts, fmt.Sprintf(`{"metadata":{"name":"mxp-controller","namespace":%q,"annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::123456789012:role/stranger"}}}`, namespace))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		found := ""
		switch {
		case strings.HasSuffix(r.URL.Path, "/controlplanes"):
			found = strings.Join(items, ",")
		case strings.HasSuffix(r.URL.Path, "/serviceaccounts"):
			found = strings.Join(accounts, ",")
		}
		_, _ = fmt.Fprintf(w, `{"kind":"List","apiVersion":"v1","metadata":{},"items":[%s]}`, found)
	}))
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
  users: [{name: c, user: {}}], contexts: [{name: c, context: {cluster: c, user: c}}]}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
}

// The CronJob's arguments carry out its ConfigMap's config with nothing but the
// policy beside it, first from nothing and then with another control plane.
func TestCronJobExample(t *testing.T) {
	objects := readExample(t)
	policy, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "scheduled-apply", "policy.json"))
	if err != nil && !*update {
		t.Fatal(err)
	}
	example, err := filepath.Abs(filepath.Join("..", "..", "..", "examples", "scheduled-apply", "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	server := newSpace(t)
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
	hostCluster(t, http.StatusOK, first)
	must(t, run(t, "", args...), 0)
	hostCluster(t, http.StatusOK, first, second)
	must(t, run(t, "", args...), 0)
	again := must(t, run(t, "", args...), 0)
	if again.Out != "Up to date: 1 role, 2 associations.\n" {
		t.Errorf("run without changes: %+v", again)
	}
	if !strings.Contains(again.Err, first+"/mxp-controller is annotated with another role, arn:aws:iam::123456789012:role/stranger: the association overrides it, silently") {
		t.Errorf("no warning of the foreign annotation: %s", again.Err)
	}

	hostCluster(t, http.StatusOK)
	empty := run(t, "", append(args, "--prune")...)
	if empty.Status != 1 || !strings.Contains(empty.Err, "--prune would remove all") {
		t.Errorf("pruning after finding nothing: %+v", empty)
	}
	hostCluster(t, http.StatusForbidden, first)
	failed := run(t, "", args...)
	if failed.Status != 1 || !strings.Contains(failed.Err, "discovering the control planes") {
		t.Errorf("discovery that fails: %+v", failed)
	}
	if n := len(server.State().Associations); n != 2 {
		t.Errorf("%d associations are left", n)
	}
	t.Setenv("KUBECONFIG", "")
	if r := run(t, "", args...); r.Status != 1 || !strings.Contains(r.Err, "found no kubeconfig") {
		t.Errorf("without a cluster: %+v", r)
	}
}
