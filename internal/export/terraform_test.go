package export_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/export/terraform"
)

// The resource types of the AWS provider.
const (
	providerType    = "aws_iam_openid_connect_provider"
	roleType        = "aws_iam_role"
	rolePolicyType  = "aws_iam_role_policy"
	attachmentType  = "aws_iam_role_policy_attachment"
	associationType = "aws_eks_pod_identity_association"
)

// evaluator evaluates a file with HashiCorp's library. A resource may only refer to
// resources above it.
type evaluator struct {
	t         *testing.T
	resources map[string]map[string]cty.Value // by type and label
	each      cty.Value
}

func (tf *evaluator) value(e hcl.Expression) cty.Value {
	tf.t.Helper()
	variables, found := map[string]cty.Value{"each": tf.each}, map[string]cty.Value{}
	for kind, labels := range tf.resources {
		if name, data := strings.CutPrefix(kind, "data."); data {
			found[name] = cty.ObjectVal(labels)
		} else {
			variables[kind] = cty.ObjectVal(labels)
		}
	}
	variables["data"] = cty.ObjectVal(found)
	toSet := function.New(&function.Spec{Params: []function.Parameter{{Type: cty.DynamicPseudoType}},
		Type: function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return cty.SetVal(args[0].AsValueSlice()), nil }})
	v, diags := e.Value(&hcl.EvalContext{Variables: variables, Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc, "toset": toSet}})
	if diags.HasErrors() {
		tf.t.Fatal(diags)
	}
	return v
}

// arguments returns the arguments of a block as text. Lists and maps are JSON.
func (tf *evaluator) arguments(b *hclsyntax.Block) map[string]string {
	tf.t.Helper()
	all := map[string]string{}
	for name, attribute := range b.Body.Attributes {
		if name == "for_each" {
			continue
		}
		v := tf.value(attribute.Expr)
		if v.Type() != cty.String {
			var err error
			if v, err = stdlib.JSONEncode(v); err != nil {
				tf.t.Fatal(err)
			}
		}
		all[name] = v.AsString()
	}
	return all
}

func blocksOf(t *testing.T, text []byte) hclsyntax.Blocks {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(text, "main.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, text)
	}
	return file.Body.(*hclsyntax.Body).Blocks
}

func readTerraform(t *testing.T, text []byte) account {
	t.Helper()
	tf := &evaluator{t: t, each: cty.NilVal, resources: map[string]map[string]cty.Value{providerType: {}, roleType: {}, "data." + providerType: {}, "data." + roleType: {}}}
	a := newAccount()
	seen := map[string]bool{}
	for _, b := range blocksOf(t, text) {
		kind, label := b.Labels[0], b.Labels[1]
		if b.Type != "resource" && b.Type != "data" || seen[kind+label] {
			t.Errorf("%s %q is not a resource, or appears twice", b.Type, b.Labels)
		}
		seen[kind+label] = true
		if keeps := kind == providerType || kind == roleType; keeps != (len(b.Body.Blocks) == 1) && b.Type == "resource" {
			t.Errorf("%s: %d nested blocks", b.Labels, len(b.Body.Blocks))
		}
		if b.Type == "data" {
			tf.resources["data."+kind][label] = foundBy(t, tf.arguments(b))
			continue
		}
		switch kind {
		case associationType:
			a.Associations = append(a.Associations, tf.associations(b)...)
			continue
		case attachmentType:
			for it := tf.value(b.Body.Attributes["for_each"].Expr).ElementIterator(); it.Next(); {
				_, value := it.Element()
				tf.each = cty.ObjectVal(map[string]cty.Value{"value": value})
				arguments := tf.arguments(b)
				a.Attached = append(a.Attached, arguments["role"]+" "+arguments["policy_arn"])
			}
			tf.each = cty.NilVal
			continue
		}
		arguments := tf.arguments(b)
		switch kind {
		case providerType:
			arn := "arn:aws:iam::123456789012:oidc-provider/" + strings.TrimPrefix(arguments["url"], "https://")
			a.Providers[arn] = provider{arguments["url"], decode[[]string](t, arguments["client_id_list"])[0], decode[map[string]string](t, arguments["tags"])}
			tf.resources[kind][label] = cty.ObjectVal(map[string]cty.Value{"arn": cty.StringVal(arn)})
		case roleType:
			arn := "arn:aws:iam::123456789012:role" + arguments["path"] + arguments["name"]
			trust := parsePolicy(t, arguments["assume_role_policy"])
			a.Roles[arn] = role{trust, decode[map[string]string](t, arguments["tags"]), arguments["permissions_boundary"], arguments["max_session_duration"]}
			tf.resources[kind][label] = cty.ObjectVal(map[string]cty.Value{"arn": cty.StringVal(arn), "name": cty.StringVal(arguments["name"])})
		case rolePolicyType:
			a.Policies[arguments["role"]+" "+arguments["name"]] = parsePolicy(t, arguments["policy"])
		}
	}
	return a
}

// foundBy returns what a data source finds with its only argument: a provider by its URL, or
// a role by its name.
func foundBy(t *testing.T, arguments map[string]string) cty.Value {
	t.Helper()
	if url, ok := arguments["url"]; ok {
		return cty.ObjectVal(map[string]cty.Value{"arn": cty.StringVal("arn:aws:iam::123456789012:oidc-provider/" + strings.TrimPrefix(url, "https://"))})
	}
	name := arguments["name"]
	return cty.ObjectVal(map[string]cty.Value{"arn": cty.StringVal(existingRole(t, name).String()), "name": cty.StringVal(name)})
}

func (tf *evaluator) associations(b *hclsyntax.Block) []desired.Association {
	tf.t.Helper()
	var all []desired.Association
	for it := tf.value(b.Body.Attributes["for_each"].Expr).ElementIterator(); it.Next(); {
		key, value := it.Element()
		tf.each = cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})
		arguments := tf.arguments(b)
		all = append(all, desired.Association{Region: arguments["region"], ClusterName: arguments["cluster_name"], Namespace: arguments["namespace"],
			ServiceAccount: arguments["service_account"], RoleARN: arguments["role_arn"], Tags: decode[map[string]string](tf.t, arguments["tags"]),
			DisableSessionTags: arguments["disable_session_tags"] == "true", TargetRoleARN: arguments["target_role_arn"], Policy: arguments["policy"]})
	}
	tf.each = cty.NilVal
	slices.SortStableFunc(all, func(a, b desired.Association) int { return strings.Compare(a.Namespace, b.Namespace) })
	return all
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if text == "" {
		return v
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// TestTerraformResourcesReferToEachOther checks the references by which Terraform finds
// the order of creation.
func TestTerraformResourcesReferToEachOther(t *testing.T) {
	out, err := export.Render(formOf(t, "terraform"), stateOf(t, manyComponents()), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, b := range blocksOf(t, out) {
		for _, attribute := range b.Body.Attributes {
			for _, v := range attribute.Expr.Variables() {
				if v.RootName() != "each" {
					got[b.Labels[0]] = append(got[b.Labels[0]], v.RootName()+"."+v[1].(hcl.TraverseAttr).Name)
				}
			}
		}
	}
	for kind := range got {
		slices.Sort(got[kind])
		got[kind] = slices.Compact(got[kind])
	}
	others := "spaces_spaces_others_" + desired.ShortHash("spaces_spaces.others")
	want := map[string][]string{
		roleType:        {providerType + ".spaces_Prod_Space_EU_eu-central-1", providerType + ".spaces_prod-space_us-west-2"},
		rolePolicyType:  {roleType + ".spaces_spaces-backup"},
		associationType: {roleType + ".spaces_spaces-backup", roleType + "." + others},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

// providerArguments are the arguments of the AWS provider that the form may use.
//
// Source: cdktf-cdktf-provider-aws 21.22.1, generated from version 6.25 of the provider;
// terraform-provider-aws#48869 for the session policy.
var providerArguments = map[string][]string{
	providerType:    {"url", "client_id_list", "tags", "thumbprint_list"},
	roleType:        {"name", "path", "assume_role_policy", "tags", "description", "max_session_duration", "permissions_boundary"},
	rolePolicyType:  {"name", "role", "policy"},
	attachmentType:  {"for_each", "role", "policy_arn"},
	associationType: {"for_each", "region", "cluster_name", "namespace", "service_account", "role_arn", "disable_session_tags", "target_role_arn", "policy", "tags"},
}

func TestTerraformUsesArgumentsOfTheProvider(t *testing.T) {
	for _, roles := range [][]desired.Role{rolesOf(t, hostileSettings()), rolesOf(t, companySettings()), rolesWithSessionPolicy(t)} {
		out, err := terraform.Form.Write(export.Grant{Roles: roles, Region: prodCluster.Region})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocksOf(t, out) {
			for name := range b.Body.Attributes {
				if !slices.Contains(providerArguments[b.Labels[0]], name) {
					t.Errorf("%s has no argument %s", b.Labels[0], name)
				}
			}
			for _, nested := range b.Body.Blocks { // a meta-argument of Terraform itself
				if v := nested.Body.Attributes["prevent_destroy"]; nested.Type != "lifecycle" || len(nested.Body.Attributes) != 1 || v == nil {
					t.Errorf("%s has a block %s with %v", b.Labels, nested.Type, nested.Body.Attributes)
				}
			}
		}
	}
}

// TestTerraformKeepsEveryString writes strings that HCL could take for code, and reads
// them with HashiCorp's parser.
func TestTerraformKeepsEveryString(t *testing.T) {
	for _, s := range []string{"", "plain", hostileText, "${x}", "$${x}", "$$${x}", "%{x}", "%%{", "$", "${", "a$", `\`, `"`, `\"`, "\n\r\t\x01\x7f",
		"é日本😀\u2028", "<<EOT\nx\nEOT", "#//*", `${"${"}`, "$%{x}", "%${x}"} {
		roles := rolesOf(t, oneComponent())
		roles[0].TrustPolicy.Statement[0].Sid = s
		roles[0].Policies, roles[0].Associations = nil, nil
		out, err := terraform.Form.Write(export.Grant{Roles: roles, Region: prodCluster.Region})
		if err != nil {
			t.Fatal(err)
		}
		if got := readTerraform(t, out).Roles[roles[0].ARN.String()].Trust.Statement[0].Sid; got != s {
			t.Errorf("%q became %q in\n%s", s, got, out)
		}
	}
}

func TestTerraformIsFormatted(t *testing.T) {
	tool, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	cmd := exec.CommandContext(t.Context(), tool, "fmt", "-check", "-diff", "testdata/terraform")
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
