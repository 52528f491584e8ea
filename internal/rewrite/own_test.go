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

// TestEachAppendedObjectHasItsLine appends two objects, which begin on new lines although
// the stream does not end with a line break.
func TestEachAppendedObjectHasItsLine(t *testing.T) {
	second := ownPolicy()[0]
	second.Name, second.Text = "more", []byte(strings.Replace(wantedPolicy, "name: ours", "name: more", 1))
	objects := append(ownPolicy(), second)
	both := "---\n" + wantedPolicy + "---\n" + string(second.Text)
	type position struct{ Document, Line int }
	for name, tt := range map[string]struct {
		stream, want string
		positions    []position
	}{
		"after a line break":        {serviceAccountOnly, serviceAccountOnly + both, []position{{2, 6}, {3, 13}}},
		"without a last line break": {strings.TrimSuffix(serviceAccountOnly, "\n"), serviceAccountOnly + both, []position{{2, 6}, {3, 13}}},
		"after two documents":       {"a: b\n---\nc: d", "a: b\n---\nc: d\n" + both, []position{{3, 5}, {4, 12}}},
		"after a marker":            {"a: b\n---", "a: b\n---\n" + both, []position{{3, 4}, {4, 11}}},
		"after a comment":           {"a: b # c", "a: b # c\n" + both, []position{{2, 3}, {3, 10}}},
		"after Windows lines":       {"a: b\r\nc: d", "a: b\r\nc: d\n" + both, []position{{2, 4}, {3, 11}}},
		"only the second":           {wantedPolicy + "---\na: b", wantedPolicy + "---\na: b\n---\n" + string(second.Text), []position{{1, 1}, {3, 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Run([]byte(tt.stream), desired.State{}, Options{Objects: objects})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if _, err := result.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			var positions []position
			for _, f := range result.Findings {
				positions = append(positions, position{f.Document, f.Line})
			}
			if diff := cmp.Diff(tt.positions, positions); diff != "" {
				t.Errorf("positions (-want +got):\n%s", diff)
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
