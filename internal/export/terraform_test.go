package export

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// block is a resource as the evaluator in testdata/hcl prints it.
type block struct {
	Type       string                     `json:"type"`
	Label      string                     `json:"label"`
	Arguments  map[string]json.RawMessage `json:"arguments"`
	References map[string]string          `json:"references"`
}

// evaluateHCL has HashiCorp's own library read the file. It is a module of its
// own, so that users do not download it.
func evaluateHCL(t *testing.T, src []byte) []block {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "-C", "testdata/hcl", ".")
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	cmd.Stdin = bytes.NewReader(src)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if bytes.Contains(stderr.Bytes(), []byte("dial tcp")) || bytes.Contains(stderr.Bytes(), []byte("GOPROXY=off")) {
		t.Skipf("the HCL library is not in the module cache and cannot be fetched: %s", stderr.Bytes())
	}
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, stderr.Bytes(), src)
	}
	var blocks []block
	if err := json.Unmarshal(out, &blocks); err != nil {
		t.Fatal(err)
	}
	return blocks
}

// text is the string value of an argument.
func (b block) text(t *testing.T, name string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(b.Arguments[name], &s); err != nil {
		t.Fatalf("%s: %v: %s", name, err, b.Arguments[name])
	}
	return s
}

func (b block) policy(t *testing.T, name string) iam.Document {
	t.Helper()
	doc, err := iam.Parse([]byte(b.text(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTerraformSaysTheSame(t *testing.T) {
	trusting := nastyComponent()
	trusting.PodIdentity = identity.PodIdentitySettings{}
	for _, c := range []identity.Component{backup(), trusting} {
		trust := newGrant(t, Trust, c)
		blocks := evaluateHCL(t, render(t, "terraform", trust))
		if len(blocks) != 3 {
			t.Fatalf("%d blocks", len(blocks))
		}
		for i, p := range trust.Providers {
			if got := blocks[i].text(t, "url"); got != p.URL || string(blocks[i].Arguments["client_id_list"]) != `["sts.amazonaws.com"]` {
				t.Errorf("provider %s is %+v", p.URL, blocks[i])
			}
		}
		role := blocks[2]
		if role.text(t, "name") != trust.RoleName() || role.text(t, "path") != trust.RolePath() {
			t.Errorf("role %s is %+v", c.Role, role)
		}
		if diff := cmp.Diff(trust.Document, role.policy(t, "assume_role_policy")); diff != "" {
			t.Error(diff)
		}
	}
	for _, c := range []identity.Component{backup(), nastyComponent()} {
		permissions := newGrant(t, Permissions, c)
		blocks := evaluateHCL(t, render(t, "terraform", permissions))
		if diff := cmp.Diff(permissions.Document, blocks[0].policy(t, "policy")); diff != "" || len(blocks) != 1 {
			t.Error(diff)
		}
	}
}

func TestTerraformAssociations(t *testing.T) {
	g := newGrant(t, Associations, nastyComponent())
	blocks := evaluateHCL(t, render(t, "terraform", g))
	var each map[string]struct {
		Region      string `json:"region"`
		ClusterName string `json:"cluster_name"`
		Namespace   string `json:"namespace"`
	}
	if err := json.Unmarshal(blocks[0].Arguments["for_each"], &each); err != nil {
		t.Fatal(err)
	}
	var got, want []iam.Association
	for _, a := range g.Associations {
		want = append(want, a.Association)
		e := each[a.Region+"/"+a.ClusterName+"/"+a.Namespace]
		var tags map[string]string
		if err := json.Unmarshal(blocks[0].Arguments["tags"], &tags); err != nil || e.Region != a.Region {
			t.Fatal(err, e)
		}
		got = append(got, iam.Association{ClusterName: e.ClusterName, Namespace: e.Namespace,
			ServiceAccount: blocks[0].text(t, "service_account"), RoleARN: blocks[0].text(t, "role_arn"), Tags: tags,
			DisableSessionTags: string(blocks[0].Arguments["disable_session_tags"]) == "true",
			TargetRoleARN:      blocks[0].text(t, "target_role_arn"), Policy: blocks[0].text(t, "policy")})
	}
	if diff := cmp.Diff(want, got); diff != "" || len(blocks) != 1 || len(each) != len(want) {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	wantReferences := map[string]string{"region": "each.value.region", "cluster_name": "each.value.cluster_name", "namespace": "each.value.namespace"}
	if diff := cmp.Diff(wantReferences, blocks[0].References); diff != "" {
		t.Error(diff)
	}
}

// TestQuote gives the library every kind of string.
func TestQuote(t *testing.T) {
	for _, s := range []string{"", "plain", nasty, "${x}", "$${x}", "$$${x}", "%{x}", "%%{", "$", "${", "a$", `\`, `"`, `\"`, "\n\r\t\x01\x7f",
		"é日本😀\u2028", "<<EOT\nx\nEOT", "#//*", `${"${"}`, "$%{x}", "%${x}"} {
		blocks := evaluateHCL(t, []byte("resource \"a\" \"b\" {\n  x = "+quote(s)+"\n}\n"))
		if got := blocks[0].text(t, "x"); got != s {
			t.Errorf("%q became %q by %s", s, got, quote(s))
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

func render(t *testing.T, format string, g Grant) []byte {
	t.Helper()
	out, err := Render(format, g)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
