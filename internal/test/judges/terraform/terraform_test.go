// Package terraform applies the example for Terraform with OpenTofu and the Helm provider.
// `make judge-terraform` builds both and runs the test.
package terraform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"spaces-identity.dev/internal/test/kubetest"
)

const (
	repository = "../../../.."
	plane      = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	role       = "arn:aws:iam::123456789012:role/spaces-backup"
)

// The variables with the paths of the programs.
const (
	tofuVariable     = "SPACES_IDENTITY_TOFU"
	providerVariable = "SPACES_IDENTITY_HELM_PROVIDER"
)

// TestTerraformAppliesTheExample installs and upgrades the release of the example in an API
// server. Only version 1.3.2 of the provider can be built from Go modules, so the test
// rewrites main.tf for it. See [example.adapt].
func TestTerraformAppliesTheExample(t *testing.T) {
	if os.Getenv(tofuVariable) == "" {
		t.Skip("it needs OpenTofu and the Helm provider: run make judge-terraform")
	}
	c := kubetest.Start(t, true)
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+plane+"}}")
	e := newExample(t, c)

	e.apply(t)
	e.expect(t, c, role)
	if status, out := e.plan(t); status != 0 {
		t.Errorf("a plan after apply has exit status %d:\n%s", status, out)
	}

	e.replace(t, "spaces-identity.yaml", role, role+"-2")
	if status, out := e.plan(t); status != changes || !strings.Contains(out, "description") {
		t.Errorf("a plan after a change of the config has exit status %d:\n%s", status, out)
	}
	e.apply(t)
	e.expect(t, c, role+"-2")

	e.replace(t, "spaces-identity.yaml", "roleARN: "+role, "roleARN: nonsense # ")
	if status, out := e.run(t, "apply", "-auto-approve"); status == 0 || !strings.Contains(out, "nonsense") {
		t.Errorf("apply with a bad config has exit status %d:\n%s", status, out)
	}
	e.expect(t, c, role+"-2")
}

// TestConfigAloneIsNoChange shows why the example has a description.
func TestConfigAloneIsNoChange(t *testing.T) {
	if os.Getenv(tofuVariable) == "" {
		t.Skip("it needs OpenTofu and the Helm provider: run make judge-terraform")
	}
	c := kubetest.Start(t, true)
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+plane+"}}")
	e := newExample(t, c)
	e.replace(t, "main.tf", "\n  description", "\n  # description")
	e.apply(t)
	e.replace(t, "spaces-identity.yaml", role, role+"-2")
	if status, out := e.plan(t); status != 0 {
		t.Errorf("a plan has exit status %d:\n%s", status, out)
	}
}

// changes is the exit status of plan -detailed-exitcode if something would change.
const changes = 2

// example is a copy of the example.
type example struct {
	dir string
	env []string
}

func newExample(t *testing.T, c *kubetest.Cluster) example {
	t.Helper()
	e := example{dir: t.TempDir()}
	for _, name := range []string{"main.tf", "spaces-identity.yaml"} {
		content, err := os.ReadFile(filepath.Join(repository, "examples", "terraform-helm", name))
		if err != nil {
			t.Fatal(err)
		}
		e.write(t, name, string(content))
	}
	e.adapt(t, c.Kubeconfig(t, kubetest.AdminToken))
	e.write(t, "tofu.rc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n}\n",
		"registry.opentofu.org/hashicorp/helm", filepath.Dir(os.Getenv(providerVariable))))
	programs, err := filepath.Abs(filepath.Join(repository, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	e.env = append(slices.DeleteFunc(os.Environ(), isSetting), "TF_CLI_CONFIG_FILE="+filepath.Join(e.dir, "tofu.rc"),
		"PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+e.dir)
	return e
}

func isSetting(variable string) bool {
	return strings.HasPrefix(variable, "HELM_") || strings.HasPrefix(variable, "SPACES_IDENTITY_") || strings.HasPrefix(variable, "TF_")
}

// adapt removes the AWS provider and what depends on it, and names the cluster and the chart.
// In the old provider, kubernetes and postrender are blocks, and postrender has no args: the
// program takes its config from the working directory.
func (e example) adapt(t *testing.T, kubeconfig string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	chart, err := filepath.Abs(filepath.Join(repository, "testdata", "chart"))
	if err != nil {
		t.Fatal(err)
	}
	file, problems := hclwrite.ParseConfig(text, "main.tf", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	body := file.Body()
	required := body.FirstMatchingBlock("terraform", nil).Body().FirstMatchingBlock("required_providers", nil).Body()
	required.RemoveAttribute("aws")
	required.SetAttributeValue("helm", cty.ObjectVal(map[string]cty.Value{"source": cty.StringVal("hashicorp/helm")}))
	body.RemoveBlock(body.FirstMatchingBlock("provider", []string{"aws"}))
	provider := body.FirstMatchingBlock("provider", []string{"helm"}).Body()
	provider.RemoveAttribute("kubernetes")
	provider.AppendNewBlock("kubernetes", nil).Body().SetAttributeValue("config_path", cty.StringVal(kubeconfig))
	release := body.FirstMatchingBlock("resource", []string{"helm_release", "spaces"}).Body()
	release.RemoveAttribute("depends_on")
	release.RemoveAttribute("postrender")
	release.AppendNewBlock("postrender", nil).Body().SetAttributeValue("binary_path", cty.StringVal("spaces-identity"))
	release.SetAttributeValue("chart", cty.StringVal(chart))
	release.SetAttributeValue("values", cty.ListVal([]cty.Value{cty.StringVal("standIn: {hostNamespaces: [" + plane + "]}")}))
	e.write(t, "main.tf", string(file.Bytes()))
}

func (e example) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (e example) replace(t *testing.T, file, old, text string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(e.dir, file))
	if err != nil || !strings.Contains(string(content), old) {
		t.Fatalf("%s lacks %q: %v", file, old, err)
	}
	e.write(t, file, strings.Replace(string(content), old, text, 1))
}

func (e example) apply(t *testing.T) {
	t.Helper()
	if status, out := e.run(t, "apply", "-auto-approve"); status != 0 {
		t.Fatalf("apply has exit status %d:\n%s", status, out)
	}
}

func (e example) plan(t *testing.T) (status int, out string) {
	t.Helper()
	return e.run(t, "plan", "-detailed-exitcode")
}

// run runs OpenTofu. The working directory is that of the root module.
func (e example) run(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv(tofuVariable), append(args, "-no-color", "-input=false")...)
	cmd.Dir, cmd.Env = e.dir, e.env
	text, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// expect compares the role of a service account in the cluster, and the artifacts in the
// working directory.
func (e example) expect(t *testing.T, c *kubetest.Cluster, want string) {
	t.Helper()
	if got := c.Get(t, kubetest.ServiceAccounts, plane, "mxp-controller").GetAnnotations()["eks.amazonaws.com/role-arn"]; got != want {
		t.Errorf("the service account has the role %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(e.dir, "identity-artifacts", "mxp-controller.trust-policy.json")); err != nil {
		t.Error(err)
	}
}
