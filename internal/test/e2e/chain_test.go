package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

// The Spaces resources that the tests change.
var (
	sharedConfigs   = schema.GroupVersionResource{Group: "spaces.upbound.io", Version: "v1alpha1", Resource: "sharedbackupconfigs"}
	backups         = schema.GroupVersionResource{Group: "spaces.upbound.io", Version: "v1alpha1", Resource: "backups"}
	networkPolicies = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
)

const chainSettings = clusterSetting + `
controlPlanes: {match: uuid, discover: true}
components: [{name: mxp-controller, roleARN: ` + roleARN + `, bucket: spaces-backups, prefix: prod}]
`

// chain is a Space with one control plane whose chain is whole.
type chain struct {
	*kubetest.Cluster
	hook    *kubetest.Webhook
	account *awstest.Server
	user    program
	file    string // the config
}

// newChain starts a cluster with the webhook, an account and a control plane, and applies
// the config. The user has only the rights of examples/rbac.
func newChain(t *testing.T) *chain {
	t.Helper()
	account := awstest.New(t)
	account.Change(func(s *awstest.State) {
		s.Clusters["prod-space"] = awstest.Cluster{Issuer: kubetest.Issuer, Version: "1.36"}
	})
	c := kubetest.Start(t, true)
	c.InstallCRDs(t, repositoryRoot)
	h := &chain{Cluster: c, hook: c.SimulateWebhook(t), account: account, user: withKubeconfig(c.Kubeconfig(t, kubetest.UserToken)), file: writeConfig(t, chainSettings)}
	bindRole(t, c, "spaces-identity-reader")
	bindRole(t, c, "spaces-identity-restarter")
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	h.plane(t, "ctp-a", planeA)
	h.Create(t, strings.ReplaceAll(sharedConfig, "NAME", "nightly")+"\n---\n"+backupOf("first", "ctp-a", "nightly"))
	h.user.must(t, "apply", "--approve", "--config", h.file)
	return h
}

const sharedConfig = `{apiVersion: spaces.upbound.io/v1alpha1, kind: SharedBackupConfig, metadata: {name: NAME, namespace: team},
  spec: {objectStorage: {provider: AWS, bucket: spaces-backups, prefix: prod, config: {region: us-west-2, endpoint: s3.us-west-2.amazonaws.com}, credentials: {source: InjectedIdentity}}}}`

func backupOf(name, plane, config string) string {
	return fmt.Sprintf(`{apiVersion: spaces.upbound.io/v1alpha1, kind: Backup, metadata: {name: %s, namespace: team},
  spec: {controlPlane: %s, configRef: {kind: SharedBackupConfig, name: %s}}, status: {phase: Completed}}`, name, plane, config)
}

// plane creates a control plane whose service account is annotated.
func (h *chain) plane(t *testing.T, name, namespace string) {
	t.Helper()
	controlPlaneObject(t, h.Cluster, name, namespace)
	createNamespaces(t, h.Cluster, namespace)
	serviceAccount(t, h.Cluster, namespace, "mxp-controller", roleARN)
	h.Create(t, strings.ReplaceAll(deployment, "NAMESPACE", namespace))
	waitRunning(t, h.Cluster, namespace)
}

// annotate sets or, with null, removes an annotation of the service account, and replaces
// the pods.
func (h *chain) annotate(t *testing.T, key, value string) {
	t.Helper()
	h.Patch(t, kubetest.ServiceAccounts, planeA, "mxp-controller", fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, key, value))
	h.replacePods(t, planeA)
}

// replacePods starts a rollout, as users do, and waits for it.
func (h *chain) replacePods(t *testing.T, namespace string) {
	t.Helper()
	before := h.Get(t, kubetest.Deployments, namespace, "mxp-controller").GetGeneration()
	h.Patch(t, kubetest.Deployments, namespace, "mxp-controller", fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"restarted":"after-%d"}}}}}`, before))
	h.waitRolledOut(t, namespace)
}

// waitRolledOut waits until only pods of the current template exist, and are available.
func (h *chain) waitRolledOut(t *testing.T, namespace string) {
	t.Helper()
	err := kubetest.Eventually(t.Context(), func() (bool, error) {
		status, _ := h.Get(t, kubetest.Deployments, namespace, "mxp-controller").Object["status"].(map[string]any)
		generation := h.Get(t, kubetest.Deployments, namespace, "mxp-controller").GetGeneration()
		done := fmt.Sprint(status["observedGeneration"], status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == fmt.Sprint(generation, 1, 1, 1)
		if done && len(listPods(t, h.Cluster, namespace)) == 1 {
			return true, nil
		}
		return false, fmt.Errorf("status %v", status)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// template changes the pod template of the Deployment, and waits for the rollout.
func (h *chain) template(t *testing.T, patch string) {
	t.Helper()
	h.patch(t, kubetest.Deployments, planeA, "mxp-controller", types.StrategicMergePatchType, `{"spec":{"template":`+patch+`}}`)
	h.waitRolledOut(t, planeA)
}

func (h *chain) patch(t *testing.T, resource schema.GroupVersionResource, namespace, name string, kind types.PatchType, patch string) {
	t.Helper()
	if _, err := h.Objects.Resource(resource).Namespace(namespace).Patch(t.Context(), name, kind, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (h *chain) remove(t *testing.T, resource schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	if err := h.Objects.Resource(resource).Namespace(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// expect fails the test unless verify ends with exit status 3 and a check has this state and
// text.
func (h *chain) expect(t *testing.T, file, check string, state verify.State, says string, flags ...string) {
	t.Helper()
	result := h.user.verify(t, 3, file, flags...)
	for _, row := range append(result.Common, result.Rows...) {
		for _, c := range row.Checks {
			if c.Name == check && c.State == state && strings.Contains(c.Detail+" "+c.Fix, says) {
				return
			}
		}
	}
	t.Errorf("no check %s is %s and says %q: %+v", check, state, says, result)
}

// change returns a break of the account and its repair.
func (h *chain) change(breakIt func(*awstest.State)) func(*testing.T) (repair func()) {
	return func(*testing.T) func() {
		before := h.account.State()
		h.account.Change(breakIt)
		return func() {
			h.account.Change(func(s *awstest.State) {
				s.Roles, s.Providers, s.Clusters = before.Roles, before.Providers, before.Clusters
			})
		}
	}
}

// TestVerifySeesEachBrokenLink starts with a whole chain, breaks one link after the other,
// and repairs it again.
func TestVerifySeesEachBrokenLink(t *testing.T) {
	h := newChain(t)
	for name, checks := range statesOf(h.user.verify(t, 0, h.file)) {
		for check, state := range checks {
			if state != verify.OK {
				t.Errorf("%s: %s is %s", name, check, state)
			}
		}
	}
	config := func(patch, undo string) func(*testing.T) func() {
		return func(t *testing.T) func() {
			h.Patch(t, sharedConfigs, "team", "nightly", `{"spec":{"objectStorage":`+patch+`}}`)
			return func() { h.Patch(t, sharedConfigs, "team", "nightly", `{"spec":{"objectStorage":`+undo+`}}`) }
		}
	}
	for _, tt := range []struct {
		name    string
		breakIt func(*testing.T) (repair func())
		check   string
		state   verify.State
		says    string
	}{
		{"audience", func(t *testing.T) func() {
			h.annotate(t, "eks.amazonaws.com/audience", `"vault.example.com"`)
			return func() { h.annotate(t, "eks.amazonaws.com/audience", "null") }
		}, verify.Injected, verify.Fails, `the audience "vault.example.com", not "sts.amazonaws.com"`},
		{"issuer of EKS", h.change(func(s *awstest.State) {
			s.Clusters = map[string]awstest.Cluster{"prod-space": {Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/ANOTHER", Version: "1.36"}}
		}), verify.Issuer, verify.Fails, "kubectl config current-context"},
		{"skip label", func(t *testing.T) func() {
			h.template(t, `{"metadata":{"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":"true"}}}`)
			return func() { h.template(t, `{"metadata":{"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":null}}}`) }
		}, verify.Injected, verify.Fails, "the pod's label eks.amazonaws.com/skip-pod-identity-webhook"},
		{"static keys", func(t *testing.T) func() {
			h.template(t, `{"spec":{"containers":[{"name":"mxp-controller","env":[{"name":"AWS_ACCESS_KEY_ID","value":"AKIDX"},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"}]}]}}`)
			return func() { h.template(t, `{"spec":{"containers":[{"name":"mxp-controller","env":null}]}}`) }
		}, verify.Credentials, verify.Fails, "static keys in the environment (AWS_ACCESS_KEY_ID)"},
		{"preset token file", func(t *testing.T) func() {
			h.template(t, `{"spec":{"containers":[{"name":"mxp-controller","env":[{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/mine"}]}]}}`)
			return func() { h.template(t, `{"spec":{"containers":[{"name":"mxp-controller","env":null}]}}`) }
		}, verify.Injected, verify.Fails, "sets one of AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE itself"},
		{"network policy", func(t *testing.T) func() {
			h.Create(t, `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: `+planeA+`}, spec: {podSelector: {}, policyTypes: [Egress]}}`)
			return func() { h.remove(t, networkPolicies, planeA, "closed") }
		}, verify.Network, verify.Fails, "closed"},
		{"foreign deny", h.change(func(s *awstest.State) {
			addStatement(s, "spaces-backup", `{"Sid":"Frozen","Effect":"Deny","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`)
		}), verify.Trust, verify.Fails, "statement 1 (Frozen)"},
		{"trust of nobody", h.change(func(s *awstest.State) {
			r := s.Roles["spaces-backup"]
			r.Trust = strings.ReplaceAll(r.Trust, "mxp-controller", "vector")
			s.Roles["spaces-backup"] = r
		}), verify.Trust, verify.Fails, "--live"},
		{"permissions for another prefix", h.change(func(s *awstest.State) {
			r := s.Roles["spaces-backup"]
			r.Inline = map[string]string{"x": strings.ReplaceAll(r.Inline["SpacesIdentity-mxp-controller"], "prod/", "dev/")}
			s.Roles["spaces-backup"] = r
		}), verify.BackupConfig, verify.Fails, "do not allow s3:ListBucket"},
		{"prefix", config(`{"prefix":"staging"}`, `{"prefix":"prod"}`), verify.BackupConfig, verify.Fails, `the prefix is "staging"`},
		{"region", config(`{"config":{"region":"eu-west-1"}}`, `{"config":{"region":"us-west-2"}}`), verify.BackupConfig, verify.Fails, "config.region is eu-west-1"},
		{"access key", config(`{"config":{"access_key":"AKIDX"}}`, `{"config":{"access_key":null}}`), verify.BackupConfig, verify.Fails, "config.access_key is set"},
		{"aws_sdk_auth as a string", config(`{"config":{"aws_sdk_auth":"true"}}`, `{"config":{"aws_sdk_auth":null}}`), verify.BackupConfig, verify.Fails, "not a boolean"},
		{"a Secret config in use", func(t *testing.T) func() {
			h.Create(t, strings.NewReplacer("NAME", "keys", "source: InjectedIdentity", "source: Secret, secretRef: {name: s, key: k}").Replace(sharedConfig)+"\n---\n"+backupOf("second", "ctp-a", "keys"))
			return func() { h.remove(t, backups, "team", "second"); h.remove(t, sharedConfigs, "team", "keys") }
		}, verify.BackupConfig, verify.Fails, "credentials.source is Secret"},
		{"annotation of another role", func(t *testing.T) func() {
			h.annotate(t, roleAnnotation, `"`+strings.Replace(roleARN, "spaces-backup", "other", 1)+`"`)
			return func() { h.annotate(t, roleAnnotation, `"`+roleARN+`"`) }
		}, verify.Injected, verify.Fails, "fix the service account first"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repair := tt.breakIt(t)
			h.expect(t, h.file, tt.check, tt.state, tt.says)
			repair()
			h.user.verify(t, 0, h.file)
		})
	}
	h.configs(t)
}

// configs runs verify with configs that do not fit the cluster or the account.
func (h *chain) configs(t *testing.T) {
	t.Run("issuer of the config", func(t *testing.T) {
		other := writeConfig(t, strings.Replace(chainSettings, kubetest.Issuer, "https://oidc.eks.us-west-2.amazonaws.com/id/ANOTHER", 1))
		h.expect(t, other, verify.Issuer, verify.Fails, "kubectl config current-context", "--cluster-only")
	})
	t.Run("role in another account", func(t *testing.T) {
		other := writeConfig(t, strings.Replace(chainSettings, "123456789012", "210987654321", 1))
		h.expect(t, other, verify.RoleExists, verify.Unknown, "the role is in account 210987654321")
	})
	t.Run("no credentials", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		h.expect(t, h.file, verify.RoleExists, verify.Unknown, "found no working AWS credentials")
		o := h.user.run(t, "", "verify", "--output", "junit", "--config", h.file)
		if o.Status != 3 || !strings.Contains(o.Out, `<error message="found no working AWS credentials`) {
			t.Errorf("JUnit: exit status %d\n%s", o.Status, o.Out)
		}
		page := h.user.run(t, "", "verify", "--output", "html", "--config", h.file)
		if page.Status != 3 || !strings.HasPrefix(page.Out, "<!DOCTYPE html>\n") || !strings.HasSuffix(page.Out, "</html>\n") || !strings.Contains(page.Out, "found no working AWS credentials") {
			t.Errorf("HTML: exit status %d\n%s", page.Status, page.Out)
		}
	})
	t.Run("init on another cluster", func(t *testing.T) {
		repair := h.change(func(s *awstest.State) {
			s.Clusters = map[string]awstest.Cluster{"only": {Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/ANOTHER", Version: "1.36"}}
		})(t)
		defer repair()
		file := filepath.Join(t.TempDir(), "spaces-identity.yaml")
		o := h.user.run(t, "", "init", "--config", file, "--bucket", "spaces-backups")
		if o.Status != 2 || !strings.Contains(o.Err, "the kubeconfig's context is another cluster") || !strings.Contains(o.Err, "--kube-context") {
			t.Errorf("exit status %d\n%s", o.Status, o.Err)
		}
		plan := h.user.run(t, "", "plan", "--config", writeConfig(t, strings.Replace(chainSettings, kubetest.Issuer, "https://oidc.eks.us-west-2.amazonaws.com/id/ANOTHER", 1)))
		if plan.Status != 2 || !strings.Contains(plan.Err, "the kubeconfig's context is another cluster") {
			t.Errorf("plan: exit status %d\n%s", plan.Status, plan.Err)
		}
	})
	t.Run("explain the live policy", func(t *testing.T) {
		if out := h.user.must(t, "explain", planeA, "--live", "--config", h.file); !strings.Contains(out, "in AWS") {
			t.Errorf("explain does not say which document it judged:\n%s", out)
		}
	})
	t.Run("cluster only", func(t *testing.T) {
		for format, says := range map[string]string{"table": "left out: oidc-provider, role", "json": `"leftOut"`, "yaml": "leftOut:", "junit": "<skipped ", "html": "<h3>Left out</h3>"} {
			if out := h.user.must(t, "verify", "--cluster-only", "--output", format, "--config", h.file); !strings.Contains(out, says) || !strings.Contains(out, verify.Trust) {
				t.Errorf("%s does not name what was left out:\n%s", format, out)
			}
		}
	})
	t.Run("control planes out of scope", func(t *testing.T) {
		h.Create(t, `{apiVersion: spaces.upbound.io/v1beta1, kind: ControlPlane, metadata: {name: chosen, namespace: team}, spec: {crossplane: {autoUpgrade: {channel: Stable}}, hostNamespace: {name: prod-chosen}}, status: {controlPlaneID: 00000000-0000-4000-8000-000000000001}}
---
{apiVersion: spaces.upbound.io/v1beta1, kind: ControlPlane, metadata: {name: young, namespace: team}, spec: {crossplane: {autoUpgrade: {channel: Stable}}}}`)
		narrow := writeConfig(t, strings.Replace(chainSettings, ", discover: true", "", 1))
		scopes := map[string]string{}
		for _, row := range h.user.verify(t, 0, narrow).Rows {
			for _, c := range row.Checks {
				if c.Name == verify.InScope {
					scopes[row.ControlPlane.Name] = string(c.State) + ": " + c.Detail
				}
			}
		}
		want := map[string]string{"chosen": "warn: the config does not cover this control plane", "young": "warn: the control plane has no host namespace yet"}
		if diff := cmp.Diff(want, scopes); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
		o := h.user.run(t, "", "restart", "--config", narrow)
		if text := o.flat(); o.Status != 0 || !strings.Contains(text, "team/chosen (host namespace prod-chosen)") || !strings.Contains(text, "team/young has no host namespace yet") {
			t.Errorf("restart does not report them: exit status %d\n%s", o.Status, o.Out)
		}
	})
}
