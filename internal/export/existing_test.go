package export_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

// existingSettings returns a config that a form can write for an existing role. ACK cannot
// write the policies of such a role.
func existingSettings(form string) identity.Settings {
	s := manyComponents()
	if form == "ack" {
		s.Components[0].Bucket = ""
	}
	return s
}

// existingChoices are the combinations of the flags, by the name of their golden file.
var existingChoices = map[string]export.Existing{
	"existing":          {Providers: true, Roles: true},
	"existing-provider": {Providers: true},
	"existing-role":     {Roles: true},
}

// TestFormsLeaveOutWhatExists compares the account that each form would create with the
// desired state without the parts that exist. The remaining parts must still be those of the
// role.
func TestFormsLeaveOutWhatExists(t *testing.T) {
	for _, form := range export.Forms() {
		if form == export.Script {
			continue
		}
		for name, existing := range existingChoices {
			t.Run(form+"/"+name, func(t *testing.T) {
				settings := existingSettings(form)
				out, err := export.Render(formOf(t, form), stateOf(t, settings), export.Options{Existing: existing})
				if err != nil {
					t.Fatal(err)
				}
				golden(t, form+"/"+name+"."+extensions[form], out)
				want := accountOf(rolesOf(t, settings))
				if existing.Providers {
					clear(want.Providers)
				}
				if existing.Roles {
					clear(want.Roles)
				}
				if diff := cmp.Diff(want, readers[form](t, out), ignoreOrder()...); diff != "" {
					t.Errorf("differs (-want +got):\n%s\n%s", diff, out)
				}
			})
		}
	}
}

func TestScriptRefusesTheFlagsForWhatExists(t *testing.T) {
	for existing := range maps.Values(existingChoices) {
		_, err := export.Render(formOf(t, export.Script), stateOf(t, oneComponent()), export.Options{Existing: existing})
		if err == nil || !strings.Contains(err.Error(), "creates only what is missing") {
			t.Error(err)
		}
	}
}

func TestACKRefusesPoliciesOfAnExistingRole(t *testing.T) {
	managed := companySettings()
	managed.Components[0].Bucket = ""
	for _, settings := range []identity.Settings{oneComponent(), managed} {
		_, err := export.Render(formOf(t, "ack"), stateOf(t, settings), export.Options{Existing: export.Existing{Roles: true}})
		if err == nil || !strings.Contains(err.Error(), "ACK has no resource for a policy of an existing role") {
			t.Error(err)
		}
	}
}

// TestFormsWithNothingToWriteFail has one role that needs no policy and no association.
func TestFormsWithNothingToWriteFail(t *testing.T) {
	s := oneComponent()
	s.Components[0] = identity.Component{Name: "vector", Role: s.Components[0].Role}
	for _, form := range []string{"ack", "cloudformation"} {
		_, err := export.Render(formOf(t, form), stateOf(t, s), export.Options{Existing: export.Existing{Providers: true, Roles: true}})
		if err == nil || !strings.Contains(err.Error(), "there is nothing to write") {
			t.Errorf("%s: %v", form, err)
		}
	}
}

// TestFormsSayWhoOwnsTheTrustPolicy reads the first lines.
func TestFormsSayWhoOwnsTheTrustPolicy(t *testing.T) {
	for _, form := range export.Forms() {
		if form == export.Script {
			continue
		}
		for want, existing := range map[string]export.Existing{
			"This document owns the whole trust policy of each role": {},
			"its owner keeps its trust policy":                       {Roles: true},
		} {
			out, err := export.Render(formOf(t, form), stateOf(t, existingSettings(form)), export.Options{Existing: existing})
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.SplitN(string(out), "\n", 3); !strings.HasPrefix(lines[1], "# ") || !strings.Contains(lines[1], want) {
				t.Errorf("%s: the second line is %q, want %q", form, lines[1], want)
			}
		}
	}
}
