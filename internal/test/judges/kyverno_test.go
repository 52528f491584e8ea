package judges

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// kyvernoVariable is the environment variable with the path of Kyverno's CLI.
const kyvernoVariable = "SPACES_IDENTITY_KYVERNO"

// object is the part of a Kubernetes object that the policies read or change.
type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace     string
		Labels, Annotations map[string]string
	}
	Spec struct {
		ServiceAccountName string `yaml:"serviceAccountName"`
		Template           struct {
			Metadata struct{ Labels, Annotations map[string]string }
		}
	}
}

func (o object) key() string { return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name }

const roleAnnotation = "eks.amazonaws.com/role-arn"

// labelledNamespace has the label of a control plane's namespace.
const labelledNamespace = "labelled"

// namespaces are inside and outside of what the configs of the test name.
var namespaces = []string{
	"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system", "mxp-zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz-system",
	"xmxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system", "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-systemx",
	"prod-a", "prod-b", "xprod-a", "default", labelledNamespace,
}

// fields are the fields of an object.
type fields = map[string]any

// resources returns ServiceAccounts, pods and Deployments of several names in every
// namespace, with and without annotations and labels. Kyverno's CLI does not read flow
// mappings.
func resources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	encoder := yaml.NewEncoder(&b)
	add := func(api, kind string, metadata, spec fields) {
		o := fields{"apiVersion": api, "kind": kind, "metadata": metadata}
		if spec != nil {
			o["spec"] = spec
		}
		if err := encoder.Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	for _, namespace := range namespaces {
		for _, account := range []string{"mxp-controller", "vector", "another"} {
			add("v1", "ServiceAccount", fields{"name": account, "namespace": namespace}, nil)
			pod := fields{"serviceAccountName": account, "containers": []fields{{"name": "main", "image": "x"}}}
			for i, labels := range []fields{{}, {"app": "x"}, {"team": "other"}} {
				add("v1", "Pod", fields{"name": fmt.Sprintf("%s-%d", account, i), "namespace": namespace, "labels": labels}, pod)
			}
			labels := fields{"app": "x"}
			add("apps/v1", "Deployment", fields{"name": account, "namespace": namespace}, fields{"selector": fields{"matchLabels": labels},
				"template": fields{"metadata": fields{"labels": labels}, "spec": pod}})
		}
		add("v1", "ServiceAccount", fields{"name": "mxp-controller-2", "namespace": namespace, "annotations": fields{roleAnnotation: "arn:aws:iam::123456789012:role/other"}}, nil)
	}
	return b.String()
}

// annotated returns a ServiceAccount of the component that has another role and an
// annotation of somebody else.
func annotated(namespace string) string {
	return "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: " + namespace +
		"\n  annotations:\n    " + roleAnnotation + ": arn:aws:iam::123456789012:role/other\n    mine: x\n"
}

// uuidNamespace matches the names that match: uuid means. In a trust policy the pattern
// cannot say that the digits are hexadecimal.
var uuidNamespace = regexp.MustCompile(`^mxp-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-system$`)

// expected returns an object as the config wants it.
func expected(s desired.State, o object) object {
	planes := s.Spec().ControlPlanes
	inScope := (desired.Subjects{Namespaces: planes.Namespaces, Match: planes.Match}).Admits(o.Metadata.Namespace) ||
		planes.Discover && o.Metadata.Namespace == labelledNamespace
	if planes.Match == identity.MatchUUID && !slices.Contains(planes.Namespaces, o.Metadata.Namespace) {
		inScope = uuidNamespace.MatchString(o.Metadata.Namespace) || planes.Discover && o.Metadata.Namespace == labelledNamespace
	}
	for _, c := range s.Components {
		switch {
		case !inScope:
		case o.Kind == "ServiceAccount" && o.Metadata.Name == c.ServiceAccount:
			o.Metadata.Annotations = united(o.Metadata.Annotations, c.Annotations)
		case o.Kind == "Pod" && o.Spec.ServiceAccountName == c.ServiceAccount:
			o.Metadata.Labels = united(c.PodLabels, o.Metadata.Labels)
		}
	}
	return o
}

// united returns the entries of both maps. The second one wins.
func united(first, second map[string]string) map[string]string {
	all := maps.Clone(first)
	if all == nil && len(second) > 0 {
		all = map[string]string{}
	}
	maps.Copy(all, second)
	return all
}

// TestKyvernoChangesWhatTheConfigSays lets Kyverno's CLI apply the policies to objects, and
// compares the objects that it writes. Its exit status proves nothing: it is 0 if Kyverno
// does not understand a policy at all.
func TestKyvernoChangesWhatTheConfigSays(t *testing.T) {
	component := func(change func(*identity.Component)) []identity.Component {
		c := identity.Component{Name: "mxp-controller", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}
		change(&c)
		return []identity.Component{c}
	}
	plain := component(func(*identity.Component) {})
	labelled := component(func(c *identity.Component) {
		c.PodLabels = map[string]string{"team": "storage", "example.com/tier": "backup"}
		c.ExtraAnnotations = map[string]string{"eks.amazonaws.com/sts-regional-endpoints": "true"}
	})
	two := append(slices.Clone(labelled), identity.Component{Name: "vector", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-billing"}})
	hostile := component(func(c *identity.Component) {
		c.Mode = identity.PodIdentity
		c.ExtraAnnotations = map[string]string{}
		for i, value := range []string{`"`, `\`, `\"`, `"}}}`, `" in x || true || "`, "'", "`", "${x}", "{{x}}", "{{ request.object }}", "$(x)", `\u0022`, "é\U0001f600", "---", "*"} {
			c.ExtraAnnotations[fmt.Sprintf("example.com/value-%d", i)] = value
		}
	})
	for name, settings := range map[string]identity.Settings{
		"uuid":           {ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID}, Components: plain},
		"names":          {ControlPlanes: identity.ControlPlanes{Namespaces: []string{"prod-a", "prod-b"}}, Components: labelled},
		"pattern":        {ControlPlanes: identity.ControlPlanes{Match: "mxp-*-system"}, Components: two, FailurePolicy: identity.FailureFails},
		"label":          {ControlPlanes: identity.ControlPlanes{Discover: true}, Components: labelled},
		"all ways":       {ControlPlanes: identity.ControlPlanes{Namespaces: []string{"prod-a"}, Match: identity.MatchUUID, Discover: true}, Components: two},
		"hostile values": {ControlPlanes: identity.ControlPlanes{Namespaces: []string{"prod-a"}}, Components: hostile},
		"pod identity": {ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID}, Components: component(func(c *identity.Component) {
			c.Mode, c.PodLabels = identity.PodIdentity, map[string]string{"team": "storage"}
		})},
		"nothing in scope": {ControlPlanes: identity.ControlPlanes{Namespaces: []string{"elsewhere"}}, Components: labelled},
	} {
		t.Run(name, func(t *testing.T) {
			state := desired.Of(fixture.Spec(t, settings))
			released, err := export.AdmissionPolicies(state, identity.KyvernoAdmissionPolicy)
			if err != nil {
				t.Fatal(err)
			}
			applied, err := export.AppliedPolicies(state, identity.KyvernoAdmissionPolicy)
			if err != nil {
				t.Fatal(err)
			}
			for what, policies := range map[string][]export.Object{"released": released, "applied": applied, "both": slices.Concat(released, applied)} {
				for _, manifests := range []string{resources(t), annotated("prod-a") + annotated("default")} {
					want := map[string]object{}
					for _, o := range decode(t, []byte(manifests)) {
						want[o.key()] = expected(state, o)
					}
					if diff := cmp.Diff(want, apply(t, manifests, export.Stream(policies)), cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("%s: Kyverno writes other objects (-want +got):\n%s", what, diff)
					}
				}
			}
		})
	}
}

// TestKyvernoChangesNothingForAnInvalidPolicy shows that the comparison notices a policy
// that Kyverno does not understand.
func TestKyvernoChangesNothingForAnInvalidPolicy(t *testing.T) {
	state := desired.Of(fixture.Spec(t, identity.Settings{ControlPlanes: identity.ControlPlanes{Namespaces: []string{"prod-a"}},
		Components: []identity.Component{{Name: "mxp-controller", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}}}))
	policies, err := export.AdmissionPolicies(state, identity.KyvernoAdmissionPolicy)
	if err != nil {
		t.Fatal(err)
	}
	account := "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: prod-a\n"
	annotations := func(text []byte) int {
		return len(apply(t, account, text)["ServiceAccount prod-a/mxp-controller"].Metadata.Annotations)
	}
	text := export.Stream(policies)
	if got := annotations(text); got != 1 {
		t.Errorf("a valid policy sets %d annotations", got)
	}
	if got := annotations(bytes.Replace(text, []byte("request.namespace in"), []byte("request.namespace inside"), 1)); got != 0 {
		t.Errorf("an invalid policy sets %d annotations", got)
	}
}

// apply runs Kyverno's CLI. It returns the objects by kind, namespace and name, as they are
// after all policies. Kyverno does not write an object that no policy selects.
func apply(t *testing.T, manifests string, policies []byte) map[string]object {
	t.Helper()
	program := os.Getenv(kyvernoVariable)
	if program == "" {
		t.Skip("needs Kyverno's CLI: run make judges")
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := filepath.Join(dir, "out.yaml")
	values := "apiVersion: cli.kyverno.io/v1alpha1\nkind: Values\nmetadata: {name: values}\nnamespaceSelector:\n- {name: " + labelledNamespace + ", labels: {" + identity.ControlPlaneLabel + ": ctp}}\n"
	cmd := exec.Command(program, "apply", file("policies.yaml", string(policies)), "--resource", file("resources.yaml", manifests),
		"--values-file", file("values.yaml", values), "--output", out)
	text, err := cmd.CombinedOutput() // the status proves nothing
	if err != nil {
		t.Logf("%v\n%s", err, text)
	}
	all := map[string]object{}
	for _, o := range decode(t, []byte(manifests)) {
		all[o.key()] = o
	}
	written, err := os.ReadFile(out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, o := range decode(t, written) {
		all[o.key()] = o
	}
	return all
}

func decode(t *testing.T, stream []byte) []object {
	t.Helper()
	var all []object
	decoder := yaml.NewDecoder(bytes.NewReader(stream))
	for {
		var o object
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%v\n%s", err, stream)
		case o.Kind != "":
			all = append(all, o)
		}
	}
}
