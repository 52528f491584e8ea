package plugin_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"helm.sh/helm/v3/pkg/postrender"
)

// releaseArguments are the arguments of helm_release that the example may use.
//
// Source: https://github.com/hashicorp/terraform-provider-helm, helm/resource_helm_release.go.
var releaseArguments = []string{"name", "namespace", "create_namespace", "chart", "postrender", "description", "depends_on"}

// TestTerraformExample runs the post-renderer of the example as the Helm provider does. The
// provider is not available to this project: the test reads main.tf with HashiCorp's library,
// evaluates the arguments, and gives them to the function of Helm that the provider calls.
func TestTerraformExample(t *testing.T) {
	findHelms(t)
	dependOnFiles(t)
	rendered, err := os.ReadFile(filepath.Join(repository(), "examples", "demo", "rendered.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	program := binary()
	dir := enterExample(t, "terraform-helm")
	release := blockOf(t, readHCL(t, "main.tf"), "helm_release", "spaces")
	for name := range release.Body.Attributes {
		if !slices.Contains(releaseArguments, name) {
			t.Errorf("helm_release has no argument %s", name)
		}
	}
	command := commandOf(t, terraformValue(t, release.Body.Attributes["postrender"].Expr))
	want, err := runAsProvider(t, []string{program, "post-render", "--config", filepath.Join(dir, "spaces-identity.yaml"), "--artifacts-dir", "none"}, rendered)
	if err != nil {
		t.Fatal(err)
	}
	got, err := runAsProvider(t, command, rendered)
	if d := cmp.Diff(want, got); d != "" || err != nil || !strings.Contains(got, "role/spaces-billing") {
		t.Errorf("error %v, output (-post-render +provider):\n%s", err, d)
	}
	if _, err := os.Stat(filepath.Join(dir, "identity-artifacts", "vector.trust-policy.json")); err != nil {
		t.Error(err)
	}

	description := terraformValue(t, release.Body.Attributes["description"].Expr)
	appendTo(t, "spaces-identity.yaml", "- {name: crossplane, roleARN: nonsense}\n")
	if terraformValue(t, release.Body.Attributes["description"].Expr).RawEquals(description) {
		t.Error("a change of the config is no change of the release")
	}
	if _, err := runAsProvider(t, command, rendered); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("with a bad config, the error is %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := runAsProvider(t, command, rendered); err == nil || !strings.Contains(err.Error(), "unable to find binary at spaces-identity") {
		t.Errorf("without the program, the error is %v", err)
	}
}

// TestTerraformExampleWaitsForTheRoles checks that the release depends on everything that the
// export gives to the roles.
func TestTerraformExampleWaitsForTheRoles(t *testing.T) {
	dependOnFiles(t)
	enterExample(t, "terraform-helm")
	release := blockOf(t, readHCL(t, "main.tf"), "helm_release", "spaces")
	var named, want []string
	for _, reference := range release.Body.Attributes["depends_on"].Expr.Variables() {
		named = append(named, reference.RootName()+"."+reference[1].(hcl.TraverseAttr).Name)
	}
	for _, b := range readHCL(t, "spaces-identity.tf") {
		if b.Labels[0] != "aws_iam_openid_connect_provider" && b.Labels[0] != "aws_iam_role" { // the policies refer to these
			want = append(want, strings.Join(b.Labels, "."))
		}
	}
	if d := cmp.Diff(want, named); d != "" || len(want) < 2 {
		t.Errorf("depends_on (-want +got):\n%s", d)
	}
}

// TestTerraformPageHasTheBlockOfVersion2 reads the block for version 2 of the provider in the
// page. It must run the same command as main.tf.
func TestTerraformPageHasTheBlockOfVersion2(t *testing.T) {
	dependOnFiles(t)
	enterExample(t, "terraform-helm")
	want := commandOf(t, terraformValue(t, blockOf(t, readHCL(t, "main.tf"), "helm_release", "spaces").Body.Attributes["postrender"].Expr))
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindSubmatch(page)
	if text == nil {
		t.Fatal("the page has no HCL")
	}
	release := blockOf(t, parseHCL(t, "README.md", text[1]), "helm_release", "spaces")
	if len(release.Body.Blocks) != 1 || release.Body.Blocks[0].Type != "postrender" {
		t.Fatal("the release has no block postrender")
	}
	values := map[string]cty.Value{}
	for name, attribute := range release.Body.Blocks[0].Body.Attributes {
		values[name] = terraformValue(t, attribute.Expr)
	}
	if d := cmp.Diff(want, commandOf(t, cty.ObjectVal(values))); d != "" {
		t.Errorf("the command (-main.tf +page):\n%s", d)
	}
}

func TestTerraformExamplesAreFormatted(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository(), "examples", "*", "*.tf"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(hclwrite.Format(text)), string(text)); d != "" {
			t.Errorf("%s (-formatted +got):\n%s", file, d)
		}
	}
}

// enterExample copies an example to a directory, makes it the working directory, as that of
// Terraform and its providers, and puts the program on PATH.
func enterExample(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository(), "examples", name))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(binary())+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Chdir(dir)
	return dir
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(old, text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readHCL(t *testing.T, file string) hclsyntax.Blocks {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseHCL(t, file, text)
}

func parseHCL(t *testing.T, file string, text []byte) hclsyntax.Blocks {
	t.Helper()
	parsed, problems := hclsyntax.ParseConfig(text, file, hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return parsed.Body.(*hclsyntax.Body).Blocks
}

// blockOf returns the resource of a type and name.
func blockOf(t *testing.T, blocks hclsyntax.Blocks, labels ...string) *hclsyntax.Block {
	t.Helper()
	i := slices.IndexFunc(blocks, func(b *hclsyntax.Block) bool { return b.Type == "resource" && slices.Equal(b.Labels, labels) })
	if i < 0 {
		t.Fatalf("there is no resource %q", labels)
	}
	return blocks[i]
}

// terraformValue evaluates an expression with the local value, path.module and filesha256, as
// Terraform does in the root module.
func terraformValue(t *testing.T, e hcl.Expression) cty.Value {
	t.Helper()
	sum := function.New(&function.Spec{Params: []function.Parameter{{Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			content, err := os.ReadFile(args[0].AsString())
			return cty.StringVal(fmt.Sprintf("%x", sha256.Sum256(content))), err
		}})
	v, problems := e.Value(&hcl.EvalContext{Functions: map[string]function.Function{"filesha256": sum}, Variables: map[string]cty.Value{
		"path":  cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(".")}),
		"local": cty.ObjectVal(map[string]cty.Value{"identity_config": cty.StringVal("./spaces-identity.yaml")}),
	}})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return v
}

// commandOf returns the program and the arguments of a postrender.
func commandOf(t *testing.T, v cty.Value) []string {
	t.Helper()
	values := v.AsValueMap()
	command := []string{values["binary_path"].AsString()}
	for _, arg := range values["args"].AsValueSlice() {
		command = append(command, arg.AsString())
	}
	if len(values) != 2 {
		t.Errorf("postrender has no such argument: %v", values)
	}
	return command
}

// runAsProvider gives manifests to a post-renderer with the function that the provider calls.
func runAsProvider(t *testing.T, command []string, manifests []byte) (string, error) {
	t.Helper()
	renderer, err := postrender.NewExec(command[0], command[1:]...)
	if err != nil {
		return "", err
	}
	out, err := renderer.Run(bytes.NewBuffer(slices.Clone(manifests)))
	if err != nil {
		return "", err
	}
	return out.String(), nil
}
