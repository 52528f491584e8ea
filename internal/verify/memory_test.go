package verify

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/fixture"
	"spaces-identity.dev/internal/test/spacetest"
)

// The host namespaces of the control planes ctp-a and ctp-b.
const (
	hostA = "mxp-11111111-5bb8-4a7e-9f41-2fc38ef4b065-system"
	hostB = "mxp-22222222-5bb8-4a7e-9f41-2fc38ef4b065-system"
)

// liveWorld is a Space and an account that have everything a config asks for: one component
// with IRSA, another with EKS Pod Identity and a role of its own, and two control planes.
type liveWorld struct {
	cluster *spacetest.Cluster
	account *awstest.Server
	aws     *eksaccount.Account
	x       *Exchanger
	state   desired.State
	rate    float64 // of calls to AWS; 0 is the default
}

// liveSettings is the config. The changes are applied to it.
func liveSettings(t testing.TB, changes ...func(*identity.Settings)) desired.State {
	t.Helper()
	role := func(name string) identity.RoleARN {
		return identity.RoleARN{Partition: "aws", Account: awstest.AccountID, Name: name}
	}
	provider, err := identity.ParseOIDCProvider(testIssuer)
	if err != nil {
		t.Fatal(err)
	}
	s := identity.Settings{
		Cluster:       identity.Cluster{Name: "prod", Region: awstest.Region, OIDC: provider},
		ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
		Components: []identity.Component{
			{Name: "mxp-controller", Mode: identity.IRSA, Bucket: "spaces-backups", Role: role("spaces-backup")},
			{Name: "vector", Mode: identity.PodIdentity, Bucket: "logs", Role: role("spaces-logs")},
		},
	}
	for _, change := range changes {
		if change != nil {
			change(&s)
		}
	}
	return desired.Of(fixture.Spec(t, s))
}

// newLiveWorld returns a world in which everything is right.
func newLiveWorld(t *testing.T) *liveWorld {
	t.Helper()
	return newLiveWorldOf(t, awstest.NewInMemory(t), map[string]string{"ctp-a": hostA, "ctp-b": hostB})
}

// newLiveWorldOf returns a world in which everything is right, in an account that is empty, for
// control planes with their host namespaces.
func newLiveWorldOf(t testing.TB, server *awstest.Server, planes map[string]string) *liveWorld {
	t.Helper()
	w := &liveWorld{state: liveSettings(t), cluster: spacetest.New(t, `{apiVersion: v1, kind: Node, metadata: {name: n}}`), account: server}
	w.cluster.Issuer = "https://" + testIssuer
	w.cluster.Add(t, `{kind: SharedBackupConfig, metadata: {name: nightly, namespace: team}, spec: {objectStorage: {provider: AWS, bucket: spaces-backups, config: {endpoint: s3.us-west-2.amazonaws.com}, credentials: {source: InjectedIdentity}}}}`)
	for name, host := range planes {
		w.cluster.Add(t, fmt.Sprintf(`{kind: ControlPlane, metadata: {name: %s, namespace: team}, spec: {hostNamespace: {name: %s}}}`, name, host))
		w.cluster.Add(t, fmt.Sprintf(`{kind: Backup, metadata: {name: of-%s, namespace: team, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {controlPlane: %s, configRef: {name: nightly}}, status: {phase: Completed}}`, name, name))
		w.addComponent(t, host, "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, irsaPod)
		w.addComponent(t, host, "vector", `{}`, associatedPod)
	}
	w.grant(t, slices.Sorted(maps.Values(planes)))
	w.connect(t)
	return w
}

// addComponent adds a service account, a Deployment and its pod.
func (w *liveWorld) addComponent(t testing.TB, host, name, annotations, pod string) {
	t.Helper()
	w.cluster.Add(t, fmt.Sprintf(`{kind: ServiceAccount, metadata: {name: %s, namespace: %s, annotations: %s}}`, name, host, annotations))
	w.cluster.Add(t, fmt.Sprintf(`{kind: Deployment, metadata: {name: %s, namespace: %s}, spec: {template: {spec: {serviceAccountName: %s}}}}`, name, host, name))
	o := decodeJSON[map[string]any](t, pod)
	o["kind"] = "Pod"
	o["metadata"] = map[string]any{"name": name + "-1", "namespace": host, "uid": "u", "labels": map[string]string{"pod-template-hash": "1"},
		"ownerReferences": []map[string]string{{"kind": "ReplicaSet", "name": name + "-1"}}}
	o["spec"].(map[string]any)["serviceAccountName"] = name
	o["status"] = map[string]any{"phase": "Running", "conditions": []map[string]string{{"type": "Ready", "status": "True"}}}
	w.cluster.Add(t, encode(t, o))
}

func encode(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// grant gives the account what the config asks for in the host namespaces.
func (w *liveWorld) grant(t testing.TB, hosts []string) {
	t.Helper()
	w.account.Change(func(s *awstest.State) {
		s.Clusters["prod"] = awstest.Cluster{Issuer: "https://" + testIssuer, Version: "1.36", Addons: map[string]string{"eks-pod-identity-agent": "ACTIVE"}}
		s.Providers["arn:aws:iam::"+awstest.AccountID+":oidc-provider/"+testIssuer] = []string{"other", identity.Audience}
		s.Buckets = map[string]map[string]string{"spaces-backups": {}, "logs": {}}
		for _, c := range w.state.Components {
			trust, err := w.state.TrustPolicy(c)
			policy, badPolicy := w.state.Permissions(c)
			if err != nil || badPolicy != nil {
				t.Fatal(err, badPolicy)
			}
			s.Roles[c.Role.Name] = awstest.Role{Path: "/", Trust: encode(t, trust), Inline: map[string]string{policy.Name: encode(t, policy.Document)}}
		}
		for i, host := range append(hosts, "elsewhere") {
			s.Associations = append(s.Associations, awstest.Association{ID: fmt.Sprintf("a-%d", i), Cluster: "prod", Namespace: host, ServiceAccount: "vector",
				RoleARN: "arn:aws:iam::" + awstest.AccountID + ":role/spaces-logs", Tags: desired.Of(identity.Spec{}).Tags()})
		}
	})
}

func (w *liveWorld) connect(t testing.TB) {
	t.Helper()
	options := eksaccount.Options{Region: awstest.Region, Rate: w.rate, HTTPClient: &http.Client{Transport: w.account}}
	var err error
	if w.aws, err = eksaccount.Connect(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	prover, err := eksaccount.NewProver(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	w.x = &Exchanger{Tokens: w.cluster.Client(t), AWS: prover}
	w.cluster.Token = func(namespace, serviceAccount, audience, pod string) string {
		return boundToken(t, namespace, serviceAccount, audience, pod)
	}
}

// boundToken returns a token of a service account, bound to a pod, without a signature.
func boundToken(t testing.TB, namespace, serviceAccount, audience, pod string) string {
	claims := encode(t, map[string]any{"iss": "https://" + testIssuer, "aud": []string{audience}, "exp": time.Now().Add(time.Hour).Unix(),
		"sub": "system:serviceaccount:" + namespace + ":" + serviceAccount, "kubernetes.io": map[string]any{"pod": map[string]string{"name": pod, "uid": "u"}}})
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
}

// changeRole returns a change of a role in the account.
func changeRole(name string, change func(*awstest.Role)) func(*testing.T, *liveWorld) {
	return func(_ *testing.T, w *liveWorld) {
		w.account.Change(func(s *awstest.State) {
			r := s.Roles[name]
			change(&r)
			s.Roles[name] = r
		})
	}
}

// failCalls returns a change that makes the calls of an operation fail.
func failCalls(operation string) func(*testing.T, *liveWorld) {
	return func(_ *testing.T, w *liveWorld) {
		w.account.Disturb(func(h *awstest.Hooks) {
			h.Fate = func(c awstest.Call) awstest.Fate {
				if c.Operation == operation {
					return awstest.FailBefore
				}
				return awstest.Pass
			}
		})
	}
}

func changeAccount(change func(*awstest.State)) func(*testing.T, *liveWorld) {
	return func(_ *testing.T, w *liveWorld) { w.account.Change(change) }
}

func changeEKS(change func(*awstest.Cluster)) func(*testing.T, *liveWorld) {
	return changeAccount(func(s *awstest.State) {
		c := s.Clusters["prod"]
		change(&c)
		s.Clusters["prod"] = c
	})
}

// forbid returns a change after which RBAC forbids to read resources in a namespace. An
// empty namespace means calls for the whole cluster.
func forbid(namespace string, resources ...string) func(*testing.T, *liveWorld) {
	return func(_ *testing.T, w *liveWorld) {
		before := w.cluster.Forbidden
		w.cluster.Forbidden = func(method, resource, in string) bool {
			return before != nil && before(method, resource, in) || in == namespace && slices.Contains(resources, resource)
		}
	}
}

func allOf(changes ...func(*testing.T, *liveWorld)) func(*testing.T, *liveWorld) {
	return func(t *testing.T, w *liveWorld) {
		for _, change := range changes {
			change(t, w)
		}
	}
}

// wrongIn returns the checks of a result that are not OK: the control plane if there is one,
// the component, the check, the state and the detail.
func wrongIn(r Result) []string {
	var all []string
	for _, row := range slices.Concat(r.Common, r.Rows) {
		for _, c := range row.Checks {
			if c.State != OK {
				words := strings.Fields(row.ControlPlane.Name + " " + row.Component + " " + c.Name + " " + string(c.State))
				if c.Object != "" {
					words = append(words, "("+c.Object+")")
				}
				all = append(all, strings.Join(words, " ")+": "+c.Detail)
			}
		}
	}
	slices.Sort(all)
	return all
}

const allowNothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::other","arn:aws:s3:::other/*"]}]}`

// TestVerifyJudgesWhatItReads breaks one thing in a world in which everything is right.
// Exactly the checks that it concerns must notice. Each line of want is the beginning.
func TestVerifyJudgesWhatItReads(t *testing.T) {
	const logsARN = "arn:aws:iam::123456789012:role/spaces-logs"
	unreadLogs := func(why string) []string {
		return []string{"ctp-a vector trust-policy unknown: the role could not be read", "ctp-b vector trust-policy unknown: the role could not be read",
			"vector permissions unknown: the role could not be read", "vector role " + why}
	}
	for name, tt := range map[string]struct {
		breakIt func(*testing.T, *liveWorld)
		want    []string
	}{
		"nothing": {nil, nil},
		"no role of the second component": {changeAccount(func(s *awstest.State) { delete(s.Roles, "spaces-logs") }),
			unreadLogs("fail: the role " + logsARN + " does not exist")},
		"a trust policy that is no JSON": {changeRole("spaces-logs", func(r *awstest.Role) { r.Trust = "{" }),
			unreadLogs("unknown: a policy of " + logsARN)},
		"a role that may not be read": {failCalls("ListRolePolicies"), append(unreadLogs("unknown: "),
			"ctp-a mxp-controller trust-policy unknown: the role", "ctp-b mxp-controller trust-policy unknown: the role", "mxp-controller permissions unknown: the role", "mxp-controller role unknown: ")},
		"a policy for another bucket": {changeRole("spaces-logs", func(r *awstest.Role) { r.Inline = map[string]string{"x": allowNothing} }),
			[]string{"vector permissions fail: the role's policies do not allow s3:ListBucket on arn:aws:s3:::logs"}},
		"a boundary for another bucket": {allOf(changeRole("spaces-logs", func(r *awstest.Role) { r.Boundary = "arn:aws:iam::123456789012:policy/b" }),
			changeAccount(func(s *awstest.State) { s.Managed["arn:aws:iam::123456789012:policy/b"] = allowNothing })),
			[]string{"vector permissions fail: the role's permissions boundary does not allow s3:ListBucket on arn:aws:s3:::logs"}},
		"a boundary that cannot be read": {changeRole("spaces-logs", func(r *awstest.Role) { r.Boundary = "arn:aws:iam::123456789012:policy/gone" }), unreadLogs("unknown: ")},
		"a trust policy for another account": {changeRole("spaces-backup", func(r *awstest.Role) { r.Trust = strings.ReplaceAll(r.Trust, "mxp-controller", "vector") }),
			[]string{"ctp-a mxp-controller trust-policy fail: the live trust policy does not admit", "ctp-b mxp-controller trust-policy fail: the live trust policy does not admit"}},
		"a condition that nobody can evaluate": {changeRole("spaces-logs", func(r *awstest.Role) {
			r.Trust = strings.Replace(r.Trust, `"Condition":{`, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:*"},`, 1)
		}), []string{"ctp-a vector trust-policy unknown: the live trust policy could not", "ctp-b vector trust-policy unknown: the live trust policy could not"}},

		"no provider":                     {changeAccount(func(s *awstest.State) { clear(s.Providers) }), []string{"mxp-controller oidc-provider fail: the account has no OIDC provider"}},
		"another audience":                {changeAccount(func(s *awstest.State) { s.Providers[slices.Collect(maps.Keys(s.Providers))[0]] = []string{"other"} }), []string{"mxp-controller oidc-provider fail: the OIDC provider arn:"}},
		"a provider that may not be read": {failCalls("GetOpenIDConnectProvider"), []string{"mxp-controller oidc-provider unknown: "}},

		"no agent":                      {changeEKS(func(c *awstest.Cluster) { c.Addons = nil }), []string{"vector agent fail: the cluster does not have the add-on"}},
		"no agent, but EKS Auto Mode":   {changeEKS(func(c *awstest.Cluster) { c.Addons, c.AutoMode = nil, true }), nil},
		"an agent that may not be read": {failCalls("DescribeAddon"), []string{"vector agent unknown: "}},
		"another issuer in EKS": {changeEKS(func(c *awstest.Cluster) { c.Issuer += "OTHER" }),
			[]string{"mxp-controller issuer fail: the issuer of the cluster's tokens is", "vector issuer fail: the issuer of the cluster's tokens is"}},
		"a cluster that may not be read": {failCalls("DescribeCluster"), []string{"vector agent unknown: "}},
		"no such cluster": {changeAccount(func(s *awstest.State) { clear(s.Clusters); s.Associations = nil }), []string{
			"ctp-a vector association unknown: ", "ctp-b vector association unknown: ", "vector agent fail: the account has no EKS cluster prod"}},

		"no association in one control plane": {changeAccount(func(s *awstest.State) { s.Associations = s.Associations[:1] }),
			[]string{"ctp-b vector association fail: there is no Pod Identity association for vector"}},
		"an association with another role": {changeAccount(func(s *awstest.State) { s.Associations[1].RoleARN = testRole }),
			[]string{"ctp-b vector association fail: the association gives the role " + testRole}},
		"associations that may not be listed": {failCalls("ListPodIdentityAssociations"), []string{"ctp-a vector association unknown: ", "ctp-b vector association unknown: "}},
		"associations that may not be read":   {failCalls("DescribePodIdentityAssociation"), []string{"ctp-a vector association unknown: ", "ctp-b vector association unknown: "}},

		"a pod without the identity": {func(t *testing.T, w *liveWorld) {
			w.addComponent(t, hostB, "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, barePod)
		}, []string{"ctp-b mxp-controller credentials fail (pod mxp-controller-1): container main uses the role of the node", "ctp-b mxp-controller injected fail (pod mxp-controller-1): the pod was created"}},
		"no service account": {func(_ *testing.T, w *liveWorld) { w.cluster.Delete("serviceaccounts") }, []string{
			"ctp-a mxp-controller service-account fail: there is no", "ctp-a vector service-account fail: there is no",
			"ctp-b mxp-controller service-account fail: there is no", "ctp-b vector service-account fail: there is no"}},
		"a control plane of nobody": {func(t *testing.T, w *liveWorld) {
			w.cluster.Add(t, `{kind: ControlPlane, metadata: {name: chosen, namespace: team}, spec: {hostNamespace: {name: chosen}}}`)
		}, []string{"chosen scope warn: the config does not cover this control plane"}},
		"no issuer": {func(_ *testing.T, w *liveWorld) { w.cluster.Issuer = "" }, []string{"mxp-controller issuer unknown: ", "vector issuer unknown: "}},
		"a network policy": {func(t *testing.T, w *liveWorld) {
			w.cluster.Add(t, `{kind: NetworkPolicy, metadata: {name: np, namespace: `+hostA+`}, spec: {policyTypes: [Egress]}}`)
		}, []string{"ctp-a mxp-controller network fail (pod mxp-controller-1): network policies block", "ctp-a vector network fail (pod vector-1): network policies block"}},
		"a failed backup": {func(t *testing.T, w *liveWorld) {
			w.cluster.Add(t, `{kind: Backup, metadata: {name: later, namespace: team, creationTimestamp: "2026-02-01T00:00:00Z"}, spec: {controlPlane: ctp-a, configRef: {name: nightly}}, status: {phase: Failed}}`)
		}, []string{"ctp-a mxp-controller latest-backup fail (backup later): the backup failed"}},
		"backups that may be listed only in their namespace": {forbid("", "backups", "sharedbackupconfigs", "backupschedules", "sharedbackupschedules"), nil},
		"backups that may not be listed": {allOf(forbid("", "backups"), forbid("team", "backups")), []string{
			"ctp-a mxp-controller backup-config unknown: list backups", "ctp-a mxp-controller latest-backup unknown: list backups",
			"ctp-b mxp-controller backup-config unknown: list backups", "ctp-b mxp-controller latest-backup unknown: list backups"}},
		"pods that may be listed in one namespace": {allOf(forbid("", "pods"), forbid(hostB, "pods")), prefixAll([]string{"ctp-b mxp-controller ", "ctp-b vector "},
			"credentials unknown: list pods", "injected unknown: list pods", "labels unknown: list pods", "network unknown: list pods", "ready unknown: list pods")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLiveWorld(t)
			if tt.breakIt != nil {
				tt.breakIt(t, w)
			}
			result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, nil, w.state)
			if err != nil {
				t.Fatal(err)
			}
			checkWrong(t, tt.want, wrongIn(result))
			unknown := slices.ContainsFunc(tt.want, func(line string) bool { return strings.Contains(line, " unknown: ") })
			if result.Complete() == unknown {
				t.Errorf("complete is %t", result.Complete())
			}
		})
	}
}

func prefixAll(prefixes []string, texts ...string) []string {
	var all []string
	for _, p := range prefixes {
		for _, text := range texts {
			all = append(all, p+text)
		}
	}
	return all
}

// checkWrong compares lines with their wanted beginnings.
func checkWrong(t *testing.T, want, got []string) {
	t.Helper()
	slices.Sort(want)
	same := slices.EqualFunc(want, got, func(w, g string) bool { return strings.HasPrefix(g, w) })
	if !same {
		t.Errorf("differs (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// TestVerifyRunsEveryCheck has the names of the checks and of their states, which scripts
// read in the JSON result.
func TestVerifyRunsEveryCheck(t *testing.T) {
	w := newLiveWorld(t)
	result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, w.x, w.state)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range slices.Concat(result.Common, result.Rows) {
		names := got[row.ControlPlane.Name+" "+row.Component]
		for _, c := range row.Checks {
			names = strings.TrimSpace(names + " " + c.Name + "=" + string(c.State))
		}
		got[row.ControlPlane.Name+" "+row.Component] = names
	}
	of := "service-account=ok workload=ok labels=ok injected=ok credentials=ok network=ok ready=ok trust-policy=ok"
	backups := of + " proof=ok backup-config=ok latest-backup=ok"
	logs := of + " association=ok proof=ok"
	want := map[string]string{" mxp-controller": "issuer=ok oidc-provider=ok role=ok permissions=ok", " vector": "issuer=ok role=ok permissions=ok agent=ok",
		"ctp-a mxp-controller": backups, "ctp-b mxp-controller": backups, "ctp-a vector": logs, "ctp-b vector": logs}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if left := encode(t, result.LeftOut); left != "[]" || result.Failed() || !result.Complete() || !result.Checked() {
		t.Errorf("left out %s, failed %t, complete %t, checked %t", left, result.Failed(), result.Complete(), result.Checked())
	}
}

// TestVerifyWithoutTheAccountNamesWhatItLeavesOut has a cluster only.
func TestVerifyWithoutTheAccountNamesWhatItLeavesOut(t *testing.T) {
	w := newLiveWorld(t)
	w.account.Forget()
	result, err := Verify(t.Context(), w.cluster.Client(t), Access{LeftOut: "the flag"}, nil, w.state)
	if err != nil {
		t.Fatal(err)
	}
	want := []LeftOut{{[]string{"oidc-provider", "role", "role-limits", "permissions", "agent", "trust-policy", "association", "target-role"}, "the flag"}}
	if diff := cmp.Diff(want, result.LeftOut); diff != "" {
		t.Errorf("what was left out (-want +got):\n%s", diff)
	}
	var ran []string
	for _, row := range result.Rows[:1] {
		for _, c := range row.Checks {
			ran = append(ran, c.Name)
		}
	}
	if got := strings.Join(ran, " "); got != "service-account workload labels injected credentials network ready backup-config latest-backup" {
		t.Errorf("what ran: %s", got)
	}
	if calls := w.account.Calls(); len(calls) > 0 {
		t.Errorf("the account is read: %+v", calls)
	}
}

// TestVerifyReadsOnlyWhatItJudges counts the calls: EKS describes one association at a time,
// and a cluster has many that no component uses.
func TestVerifyReadsOnlyWhatItJudges(t *testing.T) {
	w := newLiveWorld(t)
	w.account.Change(func(s *awstest.State) {
		other := s.Associations[0]
		other.ID, other.ServiceAccount = "a-9", "other"
		s.Associations = append(s.Associations, other)
	})
	w.account.Forget()
	if _, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, nil, w.state); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, c := range w.account.Calls() {
		count[c.Operation]++
		if c.Write {
			t.Errorf("verify writes: %+v", c)
		}
	}
	want := map[string]int{"GetAccountSummary": 1, "GetRole": 2, "GetRolePolicy": 2, "ListRolePolicies": 2, "ListAttachedRolePolicies": 2, "GetOpenIDConnectProvider": 1,
		"DescribeCluster": 1, "DescribeAddon": 1, "ListPodIdentityAssociations": 1, "DescribePodIdentityAssociation": 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("the calls (-want +got):\n%s", diff)
	}
	if calls := w.cluster.Calls(); len(calls) > 0 {
		t.Errorf("verify changes the cluster: %v", calls)
	}
}

// TestVerifyOfAConfig changes the config of a world in which everything else is right.
func TestVerifyOfAConfig(t *testing.T) {
	other := func(id string) identity.Cluster {
		provider, err := identity.ParseOIDCProvider(strings.Replace(testIssuer, "EXAMPLE", id, 1))
		if err != nil {
			t.Fatal(err)
		}
		return identity.Cluster{Name: "second", Region: awstest.Region, OIDC: provider}
	}
	for name, tt := range map[string]struct {
		change  func(*identity.Settings)
		breakIt func(*testing.T, *liveWorld)
		want    []string
	}{
		"the provider of another cluster is not checked": {func(s *identity.Settings) { s.AdditionalClusters = []identity.Cluster{other("B")} }, nil, nil},
		"the cluster of the config is the one with the issuer": {func(s *identity.Settings) {
			s.Cluster, s.AdditionalClusters = other("B"), []identity.Cluster{s.Cluster}
		}, changeAccount(func(s *awstest.State) {
			s.Clusters["second"] = awstest.Cluster{Issuer: "https://" + strings.Replace(testIssuer, "EXAMPLE", "B", 1), Version: "1.36", Addons: map[string]string{"eks-pod-identity-agent": "ACTIVE"}}
		}), nil},
		"the issuer of EKS replaces that of the config": {func(s *identity.Settings) { s.Cluster.OIDC = identity.OIDCProvider{} }, nil, nil},
		"no issuer at all": {func(s *identity.Settings) { s.Cluster.OIDC = identity.OIDCProvider{} },
			changeEKS(func(c *awstest.Cluster) { c.Issuer = "https://" }), []string{
				"ctp-a mxp-controller trust-policy unknown: ", "ctp-b mxp-controller trust-policy unknown: ",
				"mxp-controller oidc-provider unknown: the config names no OIDC provider",
				"mxp-controller issuer unknown: ", "vector issuer unknown: "}},
		"without a cluster's name": {func(s *identity.Settings) {
			s.Cluster.Name, s.Components = "", s.Components[:1]
		}, nil, nil},
		"without a region": {func(s *identity.Settings) { s.Cluster.Region, s.Components = "", s.Components[:1] }, nil, nil},
		"the admission policy is not there": {func(s *identity.Settings) { s.AdmissionPolicy = identity.NativeAdmissionPolicy }, nil, []string{
			"mxp-controller admission-policy fail: the cluster has no MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts"}},
		"the admission policy is there": {func(s *identity.Settings) { s.AdmissionPolicy = identity.NativeAdmissionPolicy }, func(t *testing.T, w *liveWorld) {
			objects, err := export.AdmissionPolicies(w.state, identity.NativeAdmissionPolicy)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				w.cluster.Add(t, strings.Replace(string(o.Text), "metadata:\n", "metadata:\n  annotations: {meta.helm.sh/release-name: spaces}\n", 1))
			}
		}, nil},
		"a secret store that needs IRSA": {func(s *identity.Settings) {
			s.Components = append(s.Components, identity.Component{Name: "external-secrets-controller", Mode: identity.PodIdentity, Bucket: "logs", Role: s.Components[1].Role})
		}, func(t *testing.T, w *liveWorld) {
			for _, host := range []string{hostA, hostB} {
				w.addComponent(t, host, "external-secrets-controller", `{}`, associatedPod)
			}
			w.grant(t, []string{hostA, hostB})
			w.account.Change(func(s *awstest.State) {
				for _, a := range s.Associations[:2] {
					a.ID, a.ServiceAccount = a.ID+"-e", "external-secrets-controller"
					s.Associations = append(s.Associations, a)
				}
			})
			w.cluster.Add(t, `{kind: SharedSecretStore, metadata: {name: store, namespace: team}, spec: {provider: {aws: {auth: {jwt: {serviceAccountRef: {name: external-secrets-controller}}}}}}}`)
		}, []string{"external-secrets-controller secret-stores fail (SharedSecretStore team/store): a SharedSecretStore has auth.jwt.serviceAccountRef"}},
		"a target role that does not exist": {func(s *identity.Settings) {
			s.Components[1].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: awstest.AccountID, Name: "vault"}
		}, nil, []string{"ctp-a vector association fail: the association differs from the config in targetRoleArn", "ctp-a vector target-role fail: the target role",
			"ctp-b vector association fail: the association differs from the config in targetRoleArn", "ctp-b vector target-role fail: the target role",
			"vector permissions fail: the role's policies do not allow sts:AssumeRole"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLiveWorld(t)
			w.state = liveSettings(t, tt.change)
			if tt.breakIt != nil {
				tt.breakIt(t, w)
			}
			result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, nil, w.state)
			if err != nil {
				t.Fatal(err)
			}
			checkWrong(t, tt.want, wrongIn(result))
		})
	}
}

func TestVerifyFailsIfItCanReadNothing(t *testing.T) {
	w := newLiveWorld(t)
	forbid("", "controlplanes", "namespaces", "serviceaccounts")(t, w)
	if result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, nil, w.state); err == nil || len(result.Rows) > 0 {
		t.Errorf("got %+v, %v", result, err)
	}
}

// TestProveExchangesTokensOfPods breaks one thing that the exchange needs.
func TestProveExchangesTokensOfPods(t *testing.T) {
	const backupSession = "arn:aws:sts::123456789012:assumed-role/spaces-backup/spaces-identity-verify"
	for name, tt := range map[string]struct {
		breakIt func(*testing.T, *liveWorld)
		want    map[string]string // beginnings of states and details; by control plane and component
	}{
		"nothing": {nil, map[string]string{
			"ctp-a mxp-controller": "ok a token of the pod gives " + backupSession + ", which can list s3://spaces-backups/team/ctp-a",
			"ctp-b mxp-controller": "ok a token of the pod gives " + backupSession + ", which can list s3://spaces-backups/team/ctp-b",
			"ctp-a vector":         "ok a token of the pod gives arn:aws:sts::123456789012:assumed-role/spaces-logs/eks-prod-vector-1, which can list s3://logs/",
			"ctp-b vector":         "ok a token of the pod gives arn:aws:sts::123456789012:assumed-role/spaces-logs/eks-prod-vector-1, which can list s3://logs/"}},
		"the user asks to write": {func(_ *testing.T, w *liveWorld) { w.x.Write = true }, map[string]string{
			"ctp-a mxp-controller": "ok a token of the pod gives " + backupSession + ", which can list s3://spaces-backups/team/ctp-a, and put and delete spaces-identity-proof there"}},
		"the role may only read": {allOf(func(_ *testing.T, w *liveWorld) { w.x.Write = true }, changeRole("spaces-backup", func(r *awstest.Role) {
			r.Inline = map[string]string{"x": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:List*","s3:Get*"],"Resource":"*"}]}`}
		})), map[string]string{"ctp-a mxp-controller": "fail AWS rejects s3:PutObject: AccessDenied"}},
		"the role may not read": {changeRole("spaces-backup", func(r *awstest.Role) { r.Inline = nil }), map[string]string{
			"ctp-a mxp-controller": "fail AWS rejects s3:ListObjectsV2: AccessDenied", "ctp-a vector": "ok"}},
		"the trust policy is for another": {changeRole("spaces-backup", func(r *awstest.Role) { r.Trust = strings.ReplaceAll(r.Trust, "mxp-controller", "vector") }), map[string]string{
			"ctp-a mxp-controller": "fail AWS rejects sts:AssumeRoleWithWebIdentity: AccessDenied", "ctp-a vector": "ok"}},
		"the caller cannot be read": {failCalls("GetCallerIdentity"), map[string]string{"ctp-a mxp-controller": "fail AWS rejects sts:GetCallerIdentity"}},
		"one association is missing": {changeAccount(func(s *awstest.State) { s.Associations = s.Associations[:1] }), map[string]string{
			"ctp-a vector": "ok", "ctp-b vector": "fail AWS rejects eks-auth:AssumeRoleForPodIdentity: ResourceNotFoundException"}},
		"one component has no pods": {func(t *testing.T, w *liveWorld) {
			w.cluster.Delete("pods")
			w.addComponent(t, hostA, "vector", `{}`, associatedPod)
		}, map[string]string{"ctp-a mxp-controller": "unknown there is no pod whose token could be exchanged", "ctp-a vector": "ok", "ctp-b vector": "unknown there is no pod"}},
		"the pod has no token": {func(t *testing.T, w *liveWorld) {
			w.addComponent(t, hostA, "mxp-controller", `{}`, barePod)
		}, map[string]string{"ctp-a mxp-controller": "unknown the pod has no service account token for AWS", "ctp-b mxp-controller": "ok"}},
		"the token is for another audience": {func(t *testing.T, w *liveWorld) {
			w.addComponent(t, hostA, "mxp-controller", `{}`, strings.Replace(irsaPod, "sts.amazonaws.com", "vault.example.com", 1))
		}, map[string]string{"ctp-a mxp-controller": "fail AWS rejects sts:AssumeRoleWithWebIdentity: InvalidIdentityToken: Incorrect token audience"}},
		"tokens may not be requested": {forbid(hostA, "serviceaccounts/token"), map[string]string{
			"ctp-a mxp-controller": "unknown create serviceaccounts/token", "ctp-b mxp-controller": "ok"}},
		"a control plane is being deleted": {func(t *testing.T, w *liveWorld) {
			w.cluster.Add(t, `{kind: ControlPlane, metadata: {name: ctp-a, namespace: team, deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {hostNamespace: {name: `+hostA+`}}}`)
			w.cluster.Token = func(namespace, serviceAccount, audience, pod string) string {
				if namespace == hostA {
					t.Error("a token was requested in a control plane that is being deleted")
				}
				return boundToken(t, namespace, serviceAccount, audience, pod)
			}
		}, map[string]string{"ctp-b mxp-controller": "ok"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLiveWorld(t)
			if tt.breakIt != nil {
				tt.breakIt(t, w)
			}
			result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, w.x, w.state)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, row := range result.Rows {
				for _, c := range row.Checks {
					if c.Name == Proof {
						got[row.ControlPlane.Name+" "+row.Component] = string(c.State) + " " + c.Detail
					}
				}
			}
			for at, want := range tt.want {
				if !strings.HasPrefix(got[at], want) || name == "nothing" && got[at] != want {
					t.Errorf("%s: got  %s\nwant %s", at, got[at], want)
				}
			}
			if left := w.account.State().Buckets["spaces-backups"]; len(left) > 0 {
				t.Errorf("objects stay: %v", left)
			}
		})
	}
}

// TestProveHandlesMorePodsThanItExchangesAtOnce would never end if a finished exchange did
// not let the next one begin.
func TestProveHandlesMorePodsThanItExchangesAtOnce(t *testing.T) {
	w := newLiveWorld(t)
	for i := range exchangesAtOnce + 2 {
		host := fmt.Sprintf("mxp-%08d-5bb8-4a7e-9f41-2fc38ef4b065-system", i)
		w.cluster.Add(t, fmt.Sprintf(`{kind: ControlPlane, metadata: {name: c-%d, namespace: team}, spec: {hostNamespace: {name: %s}}}`, i, host))
		w.addComponent(t, host, "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, irsaPod)
		w.account.Change(func(s *awstest.State) {
			s.Associations = append(s.Associations, awstest.Association{ID: fmt.Sprintf("b-%d", i), Cluster: "prod", Namespace: host, ServiceAccount: "vector", RoleARN: testRole})
		})
	}
	result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, w.x, w.state)
	if err != nil {
		t.Fatal(err)
	}
	proved := 0
	for _, row := range result.Rows {
		for _, c := range row.Checks {
			if c.Name == Proof && c.State == OK {
				proved++
			}
		}
	}
	if want := 4 + exchangesAtOnce + 2; proved != want {
		t.Errorf("%d of %d proved", proved, want)
	}
}

func TestForeignAnnotationsNameServiceAccountsOfOtherRoles(t *testing.T) {
	annotated := func(namespace, name, role string) string {
		return fmt.Sprintf(`{kind: ServiceAccount, metadata: {name: %s, namespace: %s, annotations: {eks.amazonaws.com/role-arn: "%s"}}}`, name, namespace, role)
	}
	w := newLiveWorld(t)
	client := w.cluster.Client(t)
	for name, tt := range map[string]struct {
		objects []string
		want    []string
	}{
		"none":                  {nil, nil},
		"another role":          {[]string{annotated(hostA, "mxp-controller", "arn:o")}, []string{"the service account " + hostA + "/mxp-controller is annotated with another role, arn:o: its pods do not get " + testRole}},
		"an association wins":   {[]string{annotated(hostB, "vector", "arn:o")}, []string{"the service account " + hostB + "/vector is annotated with another role, arn:o: the association overrides it, silently"}},
		"out of scope":          {[]string{annotated("elsewhere", "mxp-controller", "arn:o")}, nil},
		"another account":       {[]string{annotated(hostA, "default", "arn:o")}, nil},
		"an annotation without": {[]string{annotated(hostA, "mxp-controller", "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w.cluster.Delete("serviceaccounts")
			w.cluster.Add(t, annotated(hostA, "mxp-controller", testRole))
			w.cluster.Add(t, annotated(hostB, "mxp-controller", testRole))
			for _, o := range tt.objects {
				w.cluster.Add(t, o)
			}
			got, err := ForeignAnnotations(t.Context(), client, w.state)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	forbid("", "serviceaccounts")(t, w)
	if _, err := ForeignAnnotations(t.Context(), client, w.state); err == nil {
		t.Error("service accounts that cannot be read are no error")
	}
}
