package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/kubetest"
)

const agreementSettings = clusterSetting + `
controlPlanes: {namespaces: [` + planeA + `, ` + planeB + `]}
components:
- {name: mxp-controller, roleARN: ` + roleARN + `, bucket: spaces-backups, prefix: prod, podLabels: {team: platform}}
- {name: vector, roleARN: ` + roleARN + `, serviceAccountAnnotations: {example.com/owner: billing}}
- {name: external-secrets-controller, mode: pod-identity, roleARN: "arn:aws:iam::123456789012:role/space-secrets", bucket: space-secrets}
- {name: crossplane, roleARN: "arn:aws:iam::123456789012:role/uxp"}
- {name: spaces-controller, mode: pod-identity, roleARN: "arn:aws:iam::123456789012:role/space-backup", bucket: space-backups}
delivery: {admissionPolicy: native}
`

// componentRoles are the roles of the components of agreementSettings, by name.
var componentRoles = map[string]string{"mxp-controller": "spaces-backup", "vector": "spaces-backup", "external-secrets-controller": "space-secrets",
	"crossplane": "uxp", "spaces-controller": "space-backup"}

// syncedCrossplane is the name that vcluster gives to the service account of Crossplane (UXP v2).
const syncedCrossplane = "crossplane-x-crossplane-system-x-vcluster"

// TestAllOutputsHaveTheSameNamesAndDocuments uses one config for every command: post-render,
// policy, export, values, apply, plan and verify. All of them must have the same names,
// subjects and documents.
func TestAllOutputsHaveTheSameNamesAndDocuments(t *testing.T) {
	account := awstest.New(t)
	account.Change(func(s *awstest.State) {
		s.Clusters["prod-space"] = awstest.Cluster{Issuer: kubetest.Issuer, Version: "1.36"}
	})
	c := kubetest.Start(t, true)
	c.InstallCRDs(t, repositoryRoot)
	kind := admissionKind(t, c)
	hook := c.SimulateWebhook(t)
	bindRole(t, c, "spaces-identity-reader")
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))
	artifacts := t.TempDir()
	file := writeConfig(t, strings.Replace(agreementSettings, "native", string(kind), 1)+"artifacts: {dir: "+artifacts+"}\n")

	rendered := user.run(t, agreementStream(), "post-render", "--config", file)
	if rendered.Status != 0 {
		t.Fatalf("post-render: %s", rendered.Err)
	}
	user.must(t, "apply", "--approve", "--config", file)
	live := account.State()

	t.Run("documents", func(t *testing.T) {
		for component, name := range componentRoles {
			sameDocument(t, component+": trust policy in AWS", live.Roles[name].Trust, readFile(t, filepath.Join(artifacts, component+".trust-policy.json")))
			sameDocument(t, component+": policy trust", user.must(t, "policy", "trust", "--component", component, "--config", file), live.Roles[name].Trust)
		}
		for _, component := range []string{"mxp-controller", "external-secrets-controller", "spaces-controller"} {
			inline := live.Roles[componentRoles[component]].Inline["SpacesIdentity-"+component]
			sameDocument(t, component+": permissions", readFile(t, filepath.Join(artifacts, component+".permissions-policy.json")), inline)
			sameDocument(t, component+": policy permissions", user.must(t, "policy", "permissions", "--component", component, "--config", file), inline)
		}
		if got := len(live.Roles["spaces-backup"].Inline); got != 1 {
			t.Errorf("the shared role has %d inline policies", got)
		}
	})
	t.Run("associations", func(t *testing.T) {
		var written []desired.Association
		for _, component := range []string{"external-secrets-controller", "spaces-controller"} {
			var of []desired.Association
			decodeJSON(t, readFile(t, filepath.Join(artifacts, component+".pod-identity-associations.json")), &of)
			written = append(written, of...)
		}
		var created []desired.Association
		for _, a := range live.Associations {
			created = append(created, desired.Association{ClusterName: a.Cluster, Namespace: a.Namespace, ServiceAccount: a.ServiceAccount, RoleARN: a.RoleARN, Tags: a.Tags})
		}
		if diff := cmp.Diff(written, created); diff != "" {
			t.Errorf("the artifact and AWS differ (-artifact +AWS):\n%s", diff)
		}
	})
	t.Run("forms", func(t *testing.T) {
		inAWS := "spaces-identity.dev/managed-by"
		for _, name := range []string{"spaces-backup", "space-secrets", "uxp", "space-backup"} {
			inAWS += live.Roles[name].Trust
			for policy, document := range live.Roles[name].Inline {
				inAWS += " " + policy + " " + document
			}
		}
		want := namesIn(inAWS)
		for _, form := range []string{"terraform", "crossplane", "aws-cli"} {
			got := namesIn(user.must(t, "export", form, "--config", file))
			if form == "aws-cli" { // the script also recognises what it may replace
				got = slices.DeleteFunc(got, func(name string) bool {
					return name == desired.SidPrefix || name == desired.NobodyStatement().Sid
				})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s names other things (-AWS +%s):\n%s", form, form, diff)
			}
		}
	})
	t.Run("annotations and labels", func(t *testing.T) {
		annotations := annotationsIn(t, rendered.Out)
		if diff := cmp.Diff(map[string]map[string]string{
			"mxp-controller":              {roleAnnotation: roleARN},
			"vector":                      {roleAnnotation: roleARN, "example.com/owner": "billing"},
			"external-secrets-controller": nil,
			syncedCrossplane:              {roleAnnotation: "arn:aws:iam::123456789012:role/uxp"},
		}, annotations); diff != "" {
			t.Errorf("the manifests (-want +got):\n%s", diff)
		}
		values := user.must(t, "values", "--config", file)
		policy := user.must(t, "policy", "admission", "--config", file)
		for component, pairs := range annotations {
			for key, value := range pairs {
				pair := fmt.Sprintf("%s: %s", key, value)
				if !strings.Contains(values, pair) {
					t.Errorf("values of %s do not have %s:\n%s", component, pair, values)
				}
				if quoted := fmt.Sprintf("%q: %q", key, value); !strings.Contains(policy, quoted) || !strings.Contains(rendered.Out, quoted) {
					t.Errorf("the admission policy of %s does not have %s", component, quoted)
				}
			}
		}
		for _, output := range []string{values, policy, rendered.Out} {
			if !strings.Contains(strings.ReplaceAll(output, `"`, ""), "team") {
				t.Errorf("the pod label is not in:\n%s", output)
			}
		}
	})
	t.Run("plan", func(t *testing.T) {
		if o := user.run(t, "", "plan", "--exit-code", "--config", file); o.Status != 0 || !strings.Contains(o.Out, "Up to date: 4 roles, 3 associations") {
			t.Errorf("plan after apply: exit status %d\n%s%s", o.Status, o.Out, o.Err)
		}
	})
	t.Run("verify", func(t *testing.T) {
		for _, a := range live.Associations {
			hook.Associate(a.Namespace, a.ServiceAccount, true)
		}
		createPlanes(t, c, rendered.Out)
		if kind == identity.KyvernoAdmissionPolicy {
			simulateKyverno(t, c)
		}
		for namespace, checks := range statesOf(user.verify(t, 0, file)) {
			for check, state := range checks {
				if state == "fail" || state == "unknown" {
					t.Errorf("%s: %s is %s", namespace, check, state)
				}
			}
		}
	})
}

// agreementStream returns the manifests of the control planes: the service accounts of all
// components and a Deployment of mxp-controller. In upbound-system it has those of
// spaces-controller.
func agreementStream() string {
	var documents []string
	for _, namespace := range []string{planeA, planeB} {
		for _, component := range []string{"mxp-controller", "vector", "external-secrets-controller", syncedCrossplane} {
			documents = append(documents, fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: %s\n  namespace: %s\n", component, namespace))
		}
		documents = append(documents, strings.TrimPrefix(strings.ReplaceAll(deployment, "NAMESPACE", namespace), "\n"))
	}
	documents = append(documents, "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: spaces-controller\n  namespace: upbound-system\n",
		strings.NewReplacer("\napiVersion", "apiVersion", "mxp-controller", "spaces-controller", "NAMESPACE", "upbound-system").Replace(deployment))
	return strings.Join(documents, "---\n")
}

// createPlanes creates the namespaces, the rendered manifests, and a pod of each other
// component.
func createPlanes(t *testing.T, c *kubetest.Cluster, rendered string) {
	t.Helper()
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	for i, namespace := range []string{planeA, planeB} {
		controlPlaneObject(t, c, fmt.Sprintf("ctp-%d", i), namespace)
		c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+namespace+"}}")
	}
	createNamespaces(t, c, "upbound-system")
	c.Create(t, rendered)
	waitRunning(t, c, "upbound-system")
	for _, namespace := range []string{planeA, planeB} {
		c.Create(t, "{apiVersion: v1, kind: Pod, metadata: {name: vector, namespace: "+namespace+"}, spec: {serviceAccountName: vector, containers: [{name: vector, image: x}]}}")
		c.Create(t, "{apiVersion: v1, kind: Pod, metadata: {name: external-secrets, namespace: "+namespace+`}, spec: {serviceAccountName: external-secrets-controller,
  containers: [{name: main, image: x}]}}`)
		c.Create(t, "{apiVersion: v1, kind: Pod, metadata: {name: crossplane, namespace: "+namespace+"}, spec: {serviceAccountName: "+syncedCrossplane+", containers: [{name: main, image: x}]}}")
		waitRunning(t, c, namespace)
		waitPods(t, c, namespace, 4)
	}
}

// waitPods waits until a number of pods of a namespace run.
func waitPods(t *testing.T, c *kubetest.Cluster, namespace string, want int) {
	t.Helper()
	err := kubetest.Eventually(t.Context(), func() (bool, error) {
		running := 0
		for _, pod := range listPods(t, c, namespace) {
			status, _ := pod.Object["status"].(map[string]any)
			if status["phase"] == "Running" {
				running++
			}
		}
		return running == want, nil
	})
	if err != nil {
		t.Fatalf("not all pods of %s run: %v", namespace, err)
	}
}

// namePattern matches token subjects, host namespaces, Sids, names of inline policies and
// tags.
var namePattern = regexp.MustCompile(`system:serviceaccount:[\w:-]+|mxp-[0-9a-f-]{36}-system|SpacesIdentity[\w-]*|spaces-identity\.dev/managed-by`)

func namesIn(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(namePattern.FindAllString(text, -1))))
}

func sameDocument(t *testing.T, what, a, b string) {
	t.Helper()
	first, err := iam.Parse([]byte(a))
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, a)
	}
	second, err := iam.Parse([]byte(b))
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, b)
	}
	if diff := cmp.Diff(string(first.JSON()), string(second.JSON())); diff != "" {
		t.Errorf("%s differs:\n%s", what, diff)
	}
}

func decodeJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// annotationsIn returns the annotations of the ServiceAccounts in planeA, by name.
func annotationsIn(t *testing.T, stream string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	decoder := yaml.NewDecoder(strings.NewReader(stream))
	for {
		var o struct {
			Kind     string
			Metadata struct {
				Name, Namespace string
				Annotations     map[string]string
			}
		}
		if decoder.Decode(&o) != nil {
			return all
		}
		if o.Kind == "ServiceAccount" && o.Metadata.Namespace == planeA {
			all[o.Metadata.Name] = o.Metadata.Annotations
		}
	}
}
