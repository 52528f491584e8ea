package rewrite

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
)

const (
	serviceAccountOnly = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n"
	wantedPolicy       = "apiVersion: admissionregistration.k8s.io/v1\nkind: Policy\nmetadata:\n  name: ours\nspec:\n  a: \"1\"\n"
	otherPolicy        = "apiVersion: admissionregistration.k8s.io/v1\nkind: Policy\nmetadata: {name: ours}\nspec:\n  a: \"2\" # old\n"
	helm4Policy        = "apiVersion: admissionregistration.k8s.io/v1\nkind: Policy\nmetadata:\n  name: ours\n  annotations:\n    postrenderer.helm.sh/postrender-filename: generated.yaml\nspec:\n  a: \"1\"\n"
	helm4Again         = "apiVersion: admissionregistration.k8s.io/v1\nkind: Policy\nmetadata:\n  annotations:\n    postrenderer.helm.sh/postrender-filename: generated.yaml\n  name: ours\nspec:\n  a: \"1\"\n"
)

func TestOwnObjectsAreUpdated(t *testing.T) {
	for name, tt := range map[string]struct {
		stream, want string
		outcome      Outcome
	}{
		"appended":                  {serviceAccountOnly, serviceAccountOnly + "---\n" + wantedPolicy, Changed},
		"without a last line break": {strings.TrimSuffix(serviceAccountOnly, "\n"), serviceAccountOnly + "---\n" + wantedPolicy, Changed},
		"after an end marker":       {serviceAccountOnly + "...\n", serviceAccountOnly + "...\n---\n" + wantedPolicy, Changed},
		"up to date":                {wantedPolicy + "---\n" + serviceAccountOnly, wantedPolicy + "---\n" + serviceAccountOnly, Unchanged},
		"written otherwise":         {strings.Replace(wantedPolicy, "\"1\"", "'1' # ours", 1), strings.Replace(wantedPolicy, "\"1\"", "'1' # ours", 1), Unchanged},
		"replaced":                  {"# before\n---\n" + otherPolicy + "---\n" + serviceAccountOnly, "# before\n---\n" + wantedPolicy + "---\n" + serviceAccountOnly, Changed},
		"Helm 4's annotation stays": {helm4Policy, helm4Policy, Unchanged},
		"replaced, annotation kept": {strings.Replace(helm4Policy, `"1"`, `"2"`, 1), helm4Again, Changed},
		"nothing":                   {"\n", "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, findings := runWithPolicy(t, tt.stream)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			var outcome Outcome
			if len(findings) > 0 {
				outcome = findings[0].Outcome
			}
			if outcome != tt.outcome {
				t.Errorf("the outcome is %q, want %q", outcome, tt.outcome)
			}
			if again, _ := runWithPolicy(t, got); again != got {
				t.Errorf("a second run changes the output:\n%s", cmp.Diff(got, again))
			}
		})
	}
}

func TestOwnObjectsThatCannotBeUpdatedAreErrors(t *testing.T) {
	for name, tt := range map[string]struct{ stream, want string }{
		"in a List":            {"kind: List\nitems:\n- {apiVersion: admissionregistration.k8s.io/v1, kind: Policy, metadata: {name: ours}}\n", "manifests:3:3: this object belongs to spaces-identity, which cannot update it inside a List"},
		"without a line break": {"data: |\n  x", "nothing can be appended to the manifests, because they end inside a text block"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run([]byte(tt.stream), desired.State{}, Options{Objects: ownPolicy()})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s…", err, tt.want)
			}
		})
	}
}

func ownPolicy() []Object {
	return []Object{{Component: "mxp-controller", Group: "admissionregistration.k8s.io", Kind: "Policy", Name: "ours", Text: []byte(wantedPolicy)}}
}

func runWithPolicy(t *testing.T, stream string) (string, []Finding) {
	t.Helper()
	result, err := Run([]byte(stream), desired.State{}, Options{Objects: ownPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := result.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.String(), result.Findings
}
