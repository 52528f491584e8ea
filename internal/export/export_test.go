package export_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/export/terraform"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

var extensions = map[string]string{"aws-cli": "sh", "terraform": "tf", "crossplane": "yaml"}

// formOf returns a form with its writer, as the live program has it.
func formOf(t *testing.T, name string) export.Form {
	t.Helper()
	form, err := export.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	if name == terraform.Form.Name {
		return terraform.Form
	}
	return form
}

func TestFormGoldens(t *testing.T) {
	for name, settings := range map[string]identity.Settings{"one": one(), "many": many(), "nasty": nastySettings()} {
		for _, form := range export.Forms() {
			t.Run(form+"/"+name, func(t *testing.T) {
				out, err := export.Render(formOf(t, form), stateOf(t, settings))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, form+"/"+name+"."+extensions[form], out)
			})
		}
	}
}

// account is what a form makes of an AWS account, by ARN or name.
type account struct {
	Providers    map[string]provider // by ARN
	Roles        map[string]role     // by ARN
	Policies     map[string]iam.Document
	Associations []desired.Association
}

type provider struct{ URL, Audience string }

type role struct {
	Trust iam.Document
	Tags  map[string]string
}

func newAccount() account {
	return account{Providers: map[string]provider{}, Roles: map[string]role{}, Policies: map[string]iam.Document{}}
}

// meant is the account that the roles ask for.
func meant(roles []desired.Role) account {
	a := newAccount()
	for _, r := range roles {
		a.Roles[r.ARN.String()] = role{r.TrustPolicy, map[string]string{"spaces-identity.dev/managed-by": "spaces-identity"}}
		for _, p := range r.Providers {
			a.Providers[p.ARN] = provider{p.URL, "sts.amazonaws.com"}
		}
		for _, p := range r.Policies {
			a.Policies[r.ARN.BaseName()+" SpacesIdentity-"+p.Component] = p.Document
		}
		a.Associations = append(a.Associations, r.Associations...)
	}
	return a
}

// readers say what each form would make of an account. They follow the references
// within the form.
var readers = map[string]func(t *testing.T, text []byte) account{
	"terraform": readTerraform, "crossplane": readCrossplane, "aws-cli": readScript,
}

// TestFormsSayTheSame compares what each form does with the desired state.
func TestFormsSayTheSame(t *testing.T) {
	for name, settings := range map[string]identity.Settings{"one": one(), "many": many(), "nasty": nastySettings()} {
		for _, form := range export.Forms() {
			t.Run(form+"/"+name, func(t *testing.T) {
				out, err := export.Render(formOf(t, form), stateOf(t, settings))
				if err != nil {
					t.Fatal(err)
				}
				got := readers[form](t, out)
				if diff := cmp.Diff(meant(rolesOf(t, settings)), got, cmpopts.IgnoreFields(desired.Association{}, "Component")); diff != "" {
					t.Errorf("differs (-meant +got):\n%s\n%s", diff, out)
				}
			})
		}
	}
}

// sessionPolicy is an association with what only EKS Pod Identity without session tags
// takes.
func sessionPolicy(t *testing.T) []desired.Role {
	t.Helper()
	roles := rolesOf(t, nastySettings())[:1]
	for i := range roles[0].Associations {
		roles[0].Associations[i].DisableSessionTags = true
		roles[0].Associations[i].Policy = `{"Version":"2012-10-17","Statement":{"Sid":"it's $(touch pwned) ${x} %{x} \" \\ \n` +
			"`touch pwned`" + `","Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	}
	return roles
}

func TestFormsKeepTheSessionPolicy(t *testing.T) {
	roles := sessionPolicy(t)
	for _, form := range export.Forms() {
		out, err := formOf(t, form).Write(roles)
		if form == "crossplane" {
			if err == nil || !strings.Contains(err.Error(), "has no field for the session policy") {
				t.Errorf("%s lost a session policy: %v", form, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got := readers[form](t, out)
		if diff := cmp.Diff(meant(roles), got, cmpopts.IgnoreFields(desired.Association{}, "Component")); diff != "" {
			t.Errorf("%s differs (-meant +got):\n%s", form, diff)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	if _, err := export.Find("pulumi"); err == nil || err.Error() != `unknown form "pulumi": use terraform, crossplane or aws-cli` {
		t.Error(err)
	}
	roleless := one()
	roleless.Components[0].Role = identity.RoleARN{}
	_, err := export.Render(formOf(t, "terraform"), stateOf(t, roleless))
	if _, ok := errors.AsType[*desired.MissingError](err); !ok {
		t.Errorf("without a role: %v", err)
	}
	accounts := many()
	accounts.Components[1].Role.Account = "999999999999"
	if _, err := export.Render(formOf(t, "aws-cli"), stateOf(t, accounts)); err == nil || !strings.Contains(err.Error(), "different accounts") {
		t.Errorf("two accounts: %v", err)
	}
}

func TestObjectNames(t *testing.T) {
	tests := map[string][]string{
		"spaces-identity-a-b": {"a", "b"},
		"spaces-identity-prod-space-eu-" + desired.ShortHash("spaces-identity-Prod_Space_EU"): {"Prod_Space_EU"},
		"spaces-identity-a-b-" + desired.ShortHash("spaces-identity-a.b"):                     {"a.b"},
	}
	for want, in := range tests {
		if got := export.ObjectName(in...); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	long := export.ObjectName(strings.Repeat("a", 200), strings.Repeat("B", 200))
	if len(long) > 253 || identity.ValidateObjectName(long) != nil {
		t.Errorf("%d characters: %s", len(long), long)
	}
	if export.ObjectName("a_b") == export.ObjectName("a.b") {
		t.Error("two names became one")
	}
}
