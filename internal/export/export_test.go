package export_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/export/terraform"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

var extensions = map[string]string{"aws-cli": "sh", "terraform": "tf", "cloudformation": "yaml", "crossplane": "yaml", "ack": "yaml"}

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
	for _, form := range export.Forms() {
		for name, settings := range settingsOf(t, form) {
			t.Run(form+"/"+name, func(t *testing.T) {
				out, err := export.Render(formOf(t, form), stateOf(t, settings), export.Options{})
				if err != nil {
					t.Fatal(err)
				}
				golden(t, form+"/"+name+"."+extensions[form], out)
			})
		}
	}
}

// account is an AWS account after a form was applied to it.
type account struct {
	Providers    map[string]provider     // by ARN
	Roles        map[string]role         // by ARN
	Policies     map[string]iam.Document // by role and name
	Attached     []string                // managed policies: role and ARN
	Associations []desired.Association
}

type provider struct {
	URL, Audience string
	Tags          map[string]string
}

type role struct {
	Trust             iam.Document
	Tags              map[string]string
	Boundary, Session string
}

func newAccount() account {
	return account{Providers: map[string]provider{}, Roles: map[string]role{}, Policies: map[string]iam.Document{}}
}

// accountOf returns the account that the desired state describes.
func accountOf(roles []desired.Role) account {
	a := newAccount()
	for _, r := range roles {
		a.Roles[r.ARN.String()] = role{r.TrustPolicy, r.Tags, r.Boundary.String(), ""}
		if r.Tags[desired.ManagedByTag] != desired.ManagedByValue {
			panic("a role without the tag of this program")
		}
		if n := r.MaxSessionDuration; n != 0 {
			x := a.Roles[r.ARN.String()]
			x.Session = strconv.Itoa(n)
			a.Roles[r.ARN.String()] = x
		}
		for _, policy := range r.ManagedPolicies {
			a.Attached = append(a.Attached, r.ARN.BaseName()+" "+policy.String())
		}
		for _, p := range r.Providers {
			a.Providers[p.ARN] = provider{p.URL, "sts.amazonaws.com", export.ProviderTags(roles)}
		}
		for _, p := range r.Policies {
			a.Policies[r.ARN.BaseName()+" SpacesIdentity-"+p.Component] = p.Document
		}
		a.Associations = append(a.Associations, r.Associations...)
	}
	return a
}

// readers return the account that each form would create. They follow the references in
// the form.
var readers = map[string]func(t *testing.T, text []byte) account{
	"terraform": readTerraform, "cloudformation": readCloudFormation, "crossplane": readCrossplane, "ack": readACK, "aws-cli": readScript,
}

// TestEveryFormHasTheDesiredState compares the account that each form would create with
// the desired state.
func TestEveryFormHasTheDesiredState(t *testing.T) {
	for _, form := range export.Forms() {
		for name, settings := range settingsOf(t, form) {
			t.Run(form+"/"+name, func(t *testing.T) {
				out, err := export.Render(formOf(t, form), stateOf(t, settings), export.Options{})
				if err != nil {
					t.Fatal(err)
				}
				read := readers[form]
				if read == nil {
					t.Fatal("readers has no function for this form")
				}
				if diff := cmp.Diff(accountOf(rolesOf(t, settings)), read(t, out), ignoreOrder()...); diff != "" {
					t.Errorf("differs (-want +got):\n%s\n%s", diff, out)
				}
			})
		}
	}
}

// TestDocumentationDescribesEveryForm compares the table of docs/export.md with the forms.
func TestDocumentationDescribesEveryForm(t *testing.T) {
	documented := fixture.FirstColumn(t, "export.md", "\n| form | ", "\n\n")
	if diff := cmp.Diff(export.Forms(), documented); diff != "" {
		t.Errorf("differs (-forms +page):\n%s", diff)
	}
}

// rolesWithSessionPolicy returns roles whose associations have a session policy, which
// EKS Pod Identity accepts only without session tags.
func rolesWithSessionPolicy(t *testing.T) []desired.Role {
	t.Helper()
	roles := rolesOf(t, hostileSettings())[:1]
	for i := range roles[0].Associations {
		roles[0].Associations[i].DisableSessionTags = true
		roles[0].Associations[i].Policy = `{"Version":"2012-10-17","Statement":{"Sid":"it's $(touch pwned) ${x} %{x} \" \\ \n` +
			"`touch pwned`" + `","Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	}
	return roles
}

func TestFormsKeepOrRefuseTheSessionPolicy(t *testing.T) {
	roles := rolesWithSessionPolicy(t)
	for _, form := range export.Forms() {
		out, err := formOf(t, form).Write(export.Grant{Roles: roles, Region: prodCluster.Region})
		if form == "crossplane" {
			if err == nil || !strings.Contains(err.Error(), "has no field for it") {
				t.Errorf("%s: got the error %v, want one about the session policy", form, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got := readers[form](t, out)
		if diff := cmp.Diff(accountOf(roles), got, cmpopts.IgnoreFields(desired.Association{}, "Component"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", form, diff)
		}
	}
}

func TestRenderRefusesBadInput(t *testing.T) {
	if _, err := export.Find("pulumi"); err == nil || err.Error() != `unknown form "pulumi": use terraform, cloudformation, crossplane, ack or aws-cli` {
		t.Error(err)
	}
	roleless := oneComponent()
	roleless.Components[0].Role = identity.RoleARN{}
	_, err := export.Render(formOf(t, "terraform"), stateOf(t, roleless), export.Options{})
	if _, ok := errors.AsType[*desired.MissingError](err); !ok {
		t.Errorf("without a role: %v", err)
	}
	accounts := manyComponents()
	accounts.Components[1].Role.Account = "999999999999"
	if _, err := export.Render(formOf(t, "aws-cli"), stateOf(t, accounts), export.Options{}); err == nil || !strings.Contains(err.Error(), "different accounts") {
		t.Errorf("two accounts: %v", err)
	}
}

// TestFormsKeepToThePartition exports roles of other partitions. No form may contain an ARN
// of the usual one.
func TestFormsKeepToThePartition(t *testing.T) {
	for _, partition := range []string{"aws-cn", "aws-us-gov"} {
		settings := sharedSettings()
		for i := range settings.Components {
			settings.Components[i].Role.Partition = partition
		}
		settings.Components[0].KMSKey = identity.KMSKeyARN{Partition: partition, Region: "us-west-2", Account: "123456789012", ID: "k"}
		settings.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: partition, Account: "999999999999", Name: "vault"}
		for _, form := range export.Forms() {
			out, err := export.Render(formOf(t, form), stateOf(t, settings), export.Options{})
			if err != nil || strings.Contains(string(out), "arn:aws:") || !strings.Contains(string(out), "arn:"+partition+":iam::") {
				t.Errorf("%s in %s: %v\n%s", form, partition, err, out)
			}
		}
	}
}

func TestObjectNamesAreValidAndDifferent(t *testing.T) {
	tests := map[string][]string{
		"spaces-identity-a.b": {"a", "b"},
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
	all := [][]string{{"a_b"}, {"a.b"}, {"a", "b"}, {"a-b"}, {"a-b", "c"}, {"a", "b-c"}, {"a.b", "c"}, {"a", "b.c"}, {"A"}, {"a"}, {"_a"}}
	seen := map[string][]string{}
	for _, parts := range all {
		name := export.ObjectName(parts...)
		if other, ok := seen[name]; ok || identity.ValidateObjectName(name) != nil {
			t.Errorf("%q and %q are named %s", parts, other, name)
		}
		seen[name] = parts
	}
}

// TestAssociationsAreGroupedByComponentAndCluster has associations that differ in one of
// these, in the region alone, or in the namespace alone.
func TestAssociationsAreGroupedByComponentAndCluster(t *testing.T) {
	list := []desired.Association{
		{Component: "a", Region: "us-west-2", ClusterName: "one", Namespace: "1"},
		{Component: "a", Region: "us-west-2", ClusterName: "two", Namespace: "1"},
		{Component: "a", Region: "us-west-1", ClusterName: "one", Namespace: "1"},
		{Component: "b", Region: "us-west-2", ClusterName: "one", Namespace: "1"},
		{Component: "a", Region: "us-west-2", ClusterName: "one", Namespace: "2"},
		{Component: "b", Region: "us-west-2", ClusterName: "one", Namespace: "2"},
	}
	want := [][]desired.Association{{list[0], list[4]}, {list[1]}, {list[2]}, {list[3], list[5]}}
	if diff := cmp.Diff(want, export.ByCluster(list)); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

// TestTerraformKeepsClustersOfOneRegionApart has two clusters in one region. The labels of
// their resources, and the associations, must differ.
func TestTerraformKeepsClustersOfOneRegionApart(t *testing.T) {
	s := sharedSettings()
	s.AdditionalClusters[0].Name, s.AdditionalClusters[0].Region = "other-space", s.Cluster.Region
	out, err := export.Render(terraform.Form, stateOf(t, s), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, a := range readTerraform(t, out).Associations {
		got = append(got, strings.Join([]string{a.Region, a.ClusterName, a.Namespace, a.ServiceAccount}, " "))
	}
	for _, r := range rolesOf(t, s) {
		for _, a := range r.Associations {
			want = append(want, strings.Join([]string{a.Region, a.ClusterName, a.Namespace, a.ServiceAccount}, " "))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 4 {
		t.Errorf("associations (-want +got):\n%s", diff)
	}
}
