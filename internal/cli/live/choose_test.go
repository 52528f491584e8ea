package live_test

import (
	"os"
	"strings"
	"testing"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/spacetest"
)

// Each case changes the account or the cluster. The config and the output say what init has
// chosen, and why.
func TestInitChoosesForTheCluster(t *testing.T) {
	agent := func(s *awstest.State, _ *spacetest.Cluster) {
		c := s.Clusters["prod-space"]
		c.AutoMode = true
		s.Clusters["prod-space"] = c
	}
	addon := func(status string) func(*awstest.State, *spacetest.Cluster) {
		return func(s *awstest.State, _ *spacetest.Cluster) {
			c := s.Clusters["prod-space"]
			c.Addons = map[string]string{"eks-pod-identity-agent": status}
			s.Clusters["prod-space"] = c
		}
	}
	with := func(changes ...func(*awstest.State, *spacetest.Cluster)) []func(*awstest.State, *spacetest.Cluster) {
		return changes
	}
	served := func(r ...space.Resource) func(*awstest.State, *spacetest.Cluster) {
		return func(_ *awstest.State, c *spacetest.Cluster) { c.Served = r }
	}
	older := space.AdmissionPolicies
	older.Version = "v1beta1"
	for name, tt := range map[string]struct {
		changes []func(*awstest.State, *spacetest.Cluster)
		flags   []string
		mode    string
		policy  string
		says    []string
	}{
		"no agent, native policies": {with(served(space.AdmissionPolicies)), nil, "irsa", "native",
			[]string{"mode irsa: the Pod Identity agent does not run in the cluster", "admission policy native: the cluster serves MutatingAdmissionPolicy v1"}},
		"Kyverno only": {with(served(space.KyvernoPolicies)), nil, "irsa", "kyverno",
			[]string{"admission policy kyverno: the cluster is older than Kubernetes 1.36, and has the MutatingPolicy v1 of Kyverno"}},
		"beta policies and Kyverno": {with(served(older, space.KyvernoPolicies)), nil, "irsa", "kyverno", nil},
		"beta policies only": {with(served(older)), nil, "irsa", "",
			[]string{"admission policy none: the cluster is older than Kubernetes 1.36 and does not have the MutatingPolicy v1 of Kyverno, so that the values of the chart, apply on a schedule and then restart remain"}},
		"native and Kyverno": {with(served(space.KyvernoPolicies, space.AdmissionPolicies)), nil, "irsa", "native", nil},
		"agent and provider": {with(agent, func(s *awstest.State, c *spacetest.Cluster) {
			s.Providers["arn:aws:iam::123456789012:oidc-provider/"+strings.TrimPrefix(c.Issuer, "https://")] = []string{"sts.amazonaws.com"}
		}), nil, "irsa", "", []string{"mode irsa: IAM has the cluster's OIDC provider"}},
		"agent without provider": {with(agent), nil, "pod-identity", "",
			[]string{"mode pod-identity: the Pod Identity agent runs", "admission policy none: in mode pod-identity an admission policy would set nothing"}},
		"active agent": {with(addon("ACTIVE")), nil, "pod-identity", "", []string{"mode pod-identity: the Pod Identity agent runs"}},
		"agent that could not be installed": {with(addon("CREATE_FAILED")), nil, "irsa", "",
			[]string{"mode irsa: the Pod Identity agent is CREATE_FAILED in the cluster, not ACTIVE", "# The Pod Identity agent is CREATE_FAILED, not ACTIVE. mode: irsa"}},
		"degraded agent":        {with(addon("DEGRADED")), nil, "irsa", "", []string{"mode irsa: the Pod Identity agent is DEGRADED in the cluster"}},
		"agent, but the flag":   {with(agent, served(space.AdmissionPolicies)), []string{"--mode", "both"}, "both", "native", []string{"mode both: --mode or SPACES_IDENTITY_MODE names it"}},
		"agent, and pod labels": {with(agent, served(space.AdmissionPolicies)), []string{"--pod-label", "team=a"}, "pod-identity", "native", nil},
		"agent and Fargate":     {with(agent, addNode(t, "{eks.amazonaws.com/compute-type: fargate}")), nil, "irsa", "", []string{"mode irsa: EKS Pod Identity does not work on Fargate"}},
		"agent and Windows":     {with(agent, addNode(t, "{kubernetes.io/os: windows}")), nil, "irsa", "", []string{"EKS Pod Identity does not work on Windows nodes"}},
		"agent and Linux":       {with(agent, addNode(t, "{kubernetes.io/os: linux}")), nil, "pod-identity", "", nil},
		"agent, and nodes that may not be listed": {with(agent, forbidden("nodes")), nil, "pod-identity", "",
			[]string{"is not known: list nodes: forbidden"}},
		"no discovery": {with(forbidden("discovery")), nil, "irsa", "",
			[]string{"note: what admission policies the cluster can evaluate is not known: get /apis/admissionregistration.k8s.io/v1: forbidden", "admission policy none: what the cluster can evaluate is not known"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newSpace(t)
			cluster := spacetest.New(t, "{kind: ControlPlane, metadata: {name: ctp, namespace: team}, spec: {hostNamespace: {name: "+first+"}}}")
			server.Change(func(s *awstest.State) {
				cluster.Issuer = s.Clusters["prod-space"].Issuer
				for _, change := range tt.changes {
					change(s, cluster)
				}
			})
			r := must(t, run(t, "", append([]string{"init", "--bucket", "spaces-backups", "--kubeconfig", cluster.Kubeconfig(t)}, tt.flags...)...), 0)
			text, err := os.ReadFile(config.DefaultFile)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"\n  mode: " + tt.mode + "\n", "\n  admissionPolicy: \"" + tt.policy + "\"\n"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the config has no %q:\n%s", want, text)
				}
			}
			for _, want := range tt.says {
				if !strings.Contains(strings.Join(strings.Fields(string(text)+r.Err), " "), want) {
					t.Errorf("the output has no %q:\n%s", want, r.Err)
				}
			}
		})
	}
}

// addNode returns a change that adds a node with labels.
func addNode(t *testing.T, labels string) func(*awstest.State, *spacetest.Cluster) {
	return func(_ *awstest.State, c *spacetest.Cluster) {
		c.Add(t, "{kind: Node, metadata: {name: node-1, labels: "+labels+"}}")
	}
}

// forbidden returns a change that forbids a resource.
func forbidden(resource string) func(*awstest.State, *spacetest.Cluster) {
	return func(_ *awstest.State, c *spacetest.Cluster) {
		c.Forbidden = func(_, of, _ string) bool { return of == resource }
	}
}

// The issuer of the kubeconfig's cluster is compared with that of the EKS cluster, also if the
// flags name the control planes.
func TestInitComparesTheClusters(t *testing.T) {
	newSpace(t)
	other := spacetest.New(t, "{kind: Node, metadata: {name: node-1}}")
	other.Issuer, other.Served = "https://oidc.eks.us-west-2.amazonaws.com/id/OTHER", []space.Resource{space.AdmissionPolicies}
	kubeconfig := other.Kubeconfig(t)
	r := must(t, run(t, "", "init", "--bucket", "spaces-backups", "--kubeconfig", kubeconfig), 2)
	if !strings.Contains(r.Err, "the kubeconfig's context is another cluster") {
		t.Errorf("error: %s", r.Err)
	}
	r = must(t, run(t, "", "init", "--bucket", "spaces-backups", "--match", "uuid", "--kubeconfig", kubeconfig), 0)
	if !strings.Contains(r.Err, "note: the cluster was not asked for admission policies: the kubeconfig's context is another cluster") ||
		!strings.Contains(r.Err, "admission policy none: ") {
		t.Errorf("output: %s", r.Err)
	}
}
