package export_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

// backupSettings returns a config with mxp-controller, after a change of the component.
func backupSettings(planes identity.ControlPlanes, change func(*identity.Component)) identity.Settings {
	s := identity.Settings{ControlPlanes: planes, Components: []identity.Component{{Name: "mxp-controller",
		Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}}}
	change(&s.Components[0])
	return s
}

func unchanged(*identity.Component) {}

func TestAdmissionPoliciesMatchTheirGoldens(t *testing.T) {
	labelled := func(c *identity.Component) {
		c.PodLabels = map[string]string{"team": "storage", "example.com/tier": "backup"}
		c.ExtraAnnotations = map[string]string{"eks.amazonaws.com/sts-regional-endpoints": "true"}
	}
	strict := backupSettings(identity.ControlPlanes{Match: identity.MatchUUID}, unchanged)
	strict.FailurePolicy = identity.FailureFails
	pattern := backupSettings(identity.ControlPlanes{Match: "mxp-*-system?"}, unchanged)
	pattern.Components = append(pattern.Components, identity.Component{Name: "vector",
		Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-billing"}})
	for name, settings := range map[string]identity.Settings{
		"uuid":    strict,
		"names":   backupSettings(identity.ControlPlanes{Namespaces: []string{"prod-b", "prod-a", "prod-b"}}, unchanged),
		"pattern": pattern,
		"labels":  backupSettings(identity.ControlPlanes{Discover: true}, labelled),
		"all-ways": backupSettings(identity.ControlPlanes{Namespaces: []string{"prod-a"}, Match: "mxp-*-system", Discover: true}, func(c *identity.Component) {
			labelled(c)
			c.Mode = identity.PodIdentity
		}),
		"nothing": backupSettings(identity.ControlPlanes{}, func(c *identity.Component) { c.Mode, c.Role = identity.PodIdentity, identity.RoleARN{} }),
	} {
		t.Run(name, func(t *testing.T) {
			for kind, directory := range map[identity.AdmissionPolicy]string{identity.NativeAdmissionPolicy: "admission/", identity.KyvernoAdmissionPolicy: "admission/kyverno/"} {
				objects, err := export.AdmissionPolicies(stateOf(t, settings), kind)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, directory+name+".yaml", export.Stream(objects))
			}
		})
	}
}

// TestAppliedPoliciesDifferOnlyInTheirNames compares the objects that a user applies with
// those of a release.
func TestAppliedPoliciesDifferOnlyInTheirNames(t *testing.T) {
	s := stateOf(t, backupSettings(identity.ControlPlanes{Match: "mxp-*", Discover: true}, func(c *identity.Component) {
		c.PodLabels = map[string]string{"team": "storage"}
	}))
	for kind, count := range map[identity.AdmissionPolicy]int{identity.NativeAdmissionPolicy: 8, identity.KyvernoAdmissionPolicy: 4} {
		released, err := export.AdmissionPolicies(s, kind)
		if err != nil {
			t.Fatal(err)
		}
		applied, err := export.AppliedPolicies(s, kind)
		if err != nil || len(applied) != count {
			t.Fatalf("%s: %v, %d objects", kind, err, len(applied))
		}
		for i, r := range released {
			a := applied[i]
			if a.Name != r.Name+export.AppliedSuffix || a.Kind != r.Kind || string(a.Text) != strings.ReplaceAll(string(r.Text), r.Name, a.Name) {
				t.Errorf("%s %s and %s %s differ in more than their names", r.Kind, r.Name, a.Kind, a.Name)
			}
		}
	}
}

func TestAdmissionPoliciesRefuseBadConfigs(t *testing.T) {
	uuid := identity.ControlPlanes{Match: identity.MatchUUID}
	const native, kyverno = identity.NativeAdmissionPolicy, identity.KyvernoAdmissionPolicy
	_, err := export.AdmissionPolicies(stateOf(t, backupSettings(uuid, func(c *identity.Component) { c.Role = identity.RoleARN{} })), native)
	if missing, ok := errors.AsType[*desired.MissingError](err); !ok || missing.Missing[0].Key != "components[0].roleARN" {
		t.Errorf("without a role: %v", err)
	}
	if _, err := export.AdmissionPolicies(stateOf(t, backupSettings(identity.ControlPlanes{}, unchanged)), kyverno); !errors.Is(err, desired.ErrNoSubjects) {
		t.Errorf("without a control plane: %v", err)
	}
	s := stateOf(t, backupSettings(uuid, unchanged))
	s.Components[0].Name = strings.Repeat("controller-", 22) + "controller"
	if _, err := export.AdmissionPolicies(s, native); err == nil {
		t.Error("a name of more than 253 characters was accepted")
	}
	s.Components[0].Name = strings.Repeat("controller-", 16) + "controller"
	if _, err := export.AdmissionPolicies(s, native); err != nil {
		t.Error(err)
	}
	if _, err := export.AdmissionPolicies(s, kyverno); err == nil || !strings.Contains(err.Error(), "webhook") {
		t.Errorf("Kyverno's webhook would have a name of more than 253 characters: %v", err)
	}
}

// TestKyvernoPoliciesHaveTheSpecOfTheNativeOnes compares the two kinds. Kyverno's has
// switches besides: it acts only on admission, and makes no rules for pod templates.
func TestKyvernoPoliciesHaveTheSpecOfTheNativeOnes(t *testing.T) {
	s := stateOf(t, backupSettings(identity.ControlPlanes{Match: "mxp-*", Discover: true}, func(c *identity.Component) {
		c.PodLabels = map[string]string{"team": "storage"}
	}))
	specs := map[identity.AdmissionPolicy]map[string]map[string]any{}
	for _, kind := range identity.AdmissionPolicies() {
		objects, err := export.AdmissionPolicies(s, kind)
		if err != nil {
			t.Fatal(err)
		}
		specs[kind] = map[string]map[string]any{}
		for _, o := range objects {
			var object struct{ Spec map[string]any }
			if err := yaml.Unmarshal(o.Text, &object); err != nil {
				t.Fatal(err)
			}
			if o.Kind != export.BindingKind {
				specs[kind][o.Name] = object.Spec
			}
		}
	}
	for _, native := range specs[identity.NativeAdmissionPolicy] {
		no := map[string]any{"enabled": false}
		native["evaluation"] = map[string]any{"admission": map[string]any{"enabled": true}, "background": no, "mutateExisting": no}
		native["autogen"] = map[string]any{"podControllers": map[string]any{"controllers": []any{}}, "mutatingAdmissionPolicy": no}
	}
	if diff := cmp.Diff(specs[identity.NativeAdmissionPolicy], specs[identity.KyvernoAdmissionPolicy]); diff != "" {
		t.Errorf("the specs differ (-native +kyverno):\n%s", diff)
	}
}

func TestFailingPolicyOfKyvernoIsAWarning(t *testing.T) {
	fails := func(change func(*identity.Component)) desired.State {
		settings := backupSettings(identity.ControlPlanes{Match: identity.MatchUUID}, change)
		settings.FailurePolicy = identity.FailureFails
		return stateOf(t, settings)
	}
	const kyverno = identity.KyvernoAdmissionPolicy
	labelled := fails(func(c *identity.Component) { c.PodLabels = map[string]string{"team": "storage"} })
	for name, tt := range map[string]struct {
		got  []string
		want string
	}{
		"annotations":    {export.AdmissionWarnings(fails(unchanged), kyverno), "delivery.failurePolicy: Fail: while Kyverno is down, the API server rejects the service accounts mxp-controller in control planes"},
		"labels":         {export.AdmissionWarnings(labelled, kyverno), "delivery.failurePolicy: Fail: while Kyverno is down, the API server rejects the service accounts mxp-controller and the pods of mxp-controller in control planes"},
		"native":         {export.AdmissionWarnings(labelled, identity.NativeAdmissionPolicy), ""},
		"ignored":        {export.AdmissionWarnings(stateOf(t, backupSettings(identity.ControlPlanes{Match: identity.MatchUUID}, unchanged)), kyverno), ""},
		"nothing to set": {export.AdmissionWarnings(fails(func(c *identity.Component) { c.Mode = identity.PodIdentity }), kyverno), ""},
	} {
		if got := strings.Join(tt.got, "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
