package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

const foreignStatement = `{"Sid":"Auditors","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}`

// TestInitPlanApplyAndVerifyFromAnEmptyAccount starts without the role. It runs init,
// plan and apply, and installs the chart through the post-renderer. Then it creates another
// control plane, and runs apply and verify again. At last it removes a control plane: its
// subject is removed, and a foreign statement stays. Helm, the cluster and the AWS clients
// are real. The AWS account is simulated.
func TestInitPlanApplyAndVerifyFromAnEmptyAccount(t *testing.T) {
	helm := os.Getenv("SPACES_IDENTITY_HELM3")
	if helm == "" {
		t.Skip("needs the Helms: run make e2e")
	}
	account := awstest.New(t)
	account.Change(func(s *awstest.State) {
		s.Clusters["prod-space"] = awstest.Cluster{Issuer: kubetest.Issuer, Version: "1.36"}
	})
	c := kubetest.Start(t, true)
	c.InstallCRDs(t, repositoryRoot)
	if !servesNative(t, c) {
		return
	}
	c.SimulateWebhook(t)
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))
	bindRole(t, c, "spaces-identity-reader")
	bindRole(t, c, "spaces-identity-restarter")
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	newSpace(t, c, "ctp-a", planeA)

	file := filepath.Join(t.TempDir(), "spaces-identity.yaml")
	user.must(t, "init", "--config", file, "--bucket", "spaces-backups", "--cluster", "prod-space")
	config := readFile(t, file) + "artifacts: {dir: none}\n"
	if !strings.Contains(config, "\n  admissionPolicy: \"native\"\n") {
		t.Errorf("on Kubernetes 1.36 init does not choose the native admission policy:\n%s", config)
	}
	writeFile(t, file, config)
	if o := user.run(t, "", "plan", "--exit-code", "--config", file); o.Status != 3 {
		t.Fatalf("plan: exit status %d\n%s%s", o.Status, o.Out, o.Err)
	}
	user.must(t, "apply", "--approve", "--config", file)
	expectTrusted(t, account, planeA)
	account.Change(func(s *awstest.State) { addStatement(s, "spaces-backup", foreignStatement) })

	h := newHelm(t, helm, c.Kubeconfig(t, kubetest.AdminToken), config)
	h.run(t, "install", "spaces", absolutePath(t, repositoryRoot, "testdata", "chart"), "--namespace", "upbound-system", "--create-namespace",
		"--set", "standIn.carrier=none", "--post-renderer", h.postRenderer(t))
	inForce(t, c, planeA, "mxp-controller")
	newSpace(t, c, "ctp-b", planeB)

	before := user.verify(t, 3, file)
	if got := statesOf(before)[planeB][verify.Trust]; got != verify.Fails {
		t.Errorf("before apply, the trust of the new control plane is %s", got)
	}
	user.must(t, "apply", "--approve", "--config", file)
	expectTrusted(t, account, planeA, planeB)
	user.restart(t, 0, file)
	after := statesOf(user.verify(t, 0, file))
	for _, namespace := range []string{planeA, planeB} {
		for check, state := range after[namespace] {
			if state == verify.Fails || state == verify.Unknown {
				t.Errorf("%s: %s is %s", namespace, check, state)
			}
		}
	}
	if diff := cmp.Diff("Up to date", strings.SplitN(user.must(t, "apply", "--approve", "--config", file), ":", 2)[0]); diff != "" {
		t.Errorf("apply again (-want +got):\n%s", diff)
	}

	deletePlane(t, c, "ctp-a", planeA)
	user.must(t, "apply", "--approve", "--config", file)
	expectTrusted(t, account, planeA, planeB) // nothing is removed without --prune
	user.must(t, "apply", "--approve", "--prune", "--config", file)
	expectTrusted(t, account, planeB)
	if doc := liveTrust(t, account); !slices.ContainsFunc(doc.Statement, func(s iam.Statement) bool { return s.Sid == "Auditors" }) {
		t.Errorf("the foreign statement was removed: %s", doc.JSON())
	}
}

// newSpace creates a control plane like a Space: its object, its labelled host namespace
// and the workload in it.
func newSpace(t *testing.T, c *kubetest.Cluster, name, namespace string) {
	t.Helper()
	controlPlaneObject(t, c, name, namespace)
	c.Create(t, fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {internal.spaces.upbound.io/controlplane-name: %s, internal.spaces.upbound.io/controlplane-namespace: team}}}`, namespace, name))
	serviceAccount(t, c, namespace, "mxp-controller", "")
	c.Create(t, strings.ReplaceAll(deployment, "NAMESPACE", namespace))
	waitRunning(t, c, namespace)
}

// deletePlane deletes a control plane and waits until its namespace is deleted.
func deletePlane(t *testing.T, c *kubetest.Cluster, name, namespace string) {
	t.Helper()
	planes := schema.GroupVersionResource{Group: "spaces.upbound.io", Version: "v1beta1", Resource: "controlplanes"}
	namespaces := schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	if err := c.Objects.Resource(planes).Namespace("team").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Objects.Resource(namespaces).Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	err := kubetest.Eventually(t.Context(), func() (bool, error) {
		_, err := c.Objects.Resource(namespaces).Get(t.Context(), namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		t.Fatalf("the namespace %s still exists: %v", namespace, err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// addStatement inserts a statement at the beginning of a role's trust policy.
func addStatement(s *awstest.State, role, statement string) {
	r := s.Roles[role]
	r.Trust = strings.Replace(r.Trust, `"Statement":[`, `"Statement":[`+statement+`,`, 1)
	s.Roles[role] = r
}

func liveTrust(t *testing.T, account *awstest.Server) iam.Document {
	t.Helper()
	doc, err := iam.Parse([]byte(account.State().Roles["spaces-backup"].Trust))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// expectTrusted fails the test if the live trust policy admits other control planes.
func expectTrusted(t *testing.T, account *awstest.Server, namespaces ...string) {
	t.Helper()
	var admitted []string
	for _, statement := range liveTrust(t, account).Statement {
		for _, keys := range statement.Condition {
			for key, values := range keys {
				if strings.HasSuffix(key, ":sub") {
					admitted = append(admitted, values...)
				}
			}
		}
	}
	var want []string
	for _, namespace := range namespaces {
		want = append(want, "system:serviceaccount:"+namespace+":mxp-controller")
	}
	slices.Sort(want)
	slices.Sort(admitted)
	if diff := cmp.Diff(want, admitted); diff != "" {
		t.Errorf("the trust policy admits others (-want +got):\n%s", diff)
	}
}
