package export_test

import (
	"errors"
	"strings"
	"testing"

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
			objects, err := export.AdmissionPolicies(stateOf(t, settings))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "admission/"+name+".yaml", export.Stream(objects))
		})
	}
}

// TestAppliedPoliciesDifferOnlyInTheirNames compares the objects that a user applies with
// those of a release.
func TestAppliedPoliciesDifferOnlyInTheirNames(t *testing.T) {
	s := stateOf(t, backupSettings(identity.ControlPlanes{Match: "mxp-*", Discover: true}, func(c *identity.Component) {
		c.PodLabels = map[string]string{"team": "storage"}
	}))
	released, err := export.AdmissionPolicies(s)
	if err != nil {
		t.Fatal(err)
	}
	applied, err := export.AppliedPolicies(s)
	if err != nil || len(applied) != 8 {
		t.Fatalf("%v, %d objects", err, len(applied))
	}
	for i, r := range released {
		a := applied[i]
		if a.Name != r.Name+export.AppliedSuffix || a.Kind != r.Kind || string(a.Text) != strings.ReplaceAll(string(r.Text), r.Name, a.Name) {
			t.Errorf("%s %s and %s %s differ in more than their names", r.Kind, r.Name, a.Kind, a.Name)
		}
	}
}

func TestAdmissionPoliciesRefuseBadConfigs(t *testing.T) {
	uuid := identity.ControlPlanes{Match: identity.MatchUUID}
	_, err := export.AdmissionPolicies(stateOf(t, backupSettings(uuid, func(c *identity.Component) { c.Role = identity.RoleARN{} })))
	if missing, ok := errors.AsType[*desired.MissingError](err); !ok || missing.Missing[0].Key != "components[0].roleARN" {
		t.Errorf("without a role: %v", err)
	}
	if _, err := export.AdmissionPolicies(stateOf(t, backupSettings(identity.ControlPlanes{}, unchanged))); !errors.Is(err, desired.ErrNoSubjects) {
		t.Errorf("without a control plane: %v", err)
	}
	s := stateOf(t, backupSettings(uuid, unchanged))
	s.Components[0].Name = strings.Repeat("controller-", 22) + "controller"
	if _, err := export.AdmissionPolicies(s); err == nil {
		t.Error("a name of more than 253 characters was accepted")
	}
}
