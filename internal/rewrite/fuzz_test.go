package rewrite_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
	"spaces-identity.dev/internal/rewrite"
)

// moreDocuments have places. The fuzz test appends them to other documents.
const moreDocuments = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: behind\n" +
	"---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: behind\n  namespace: behind\nspec:\n  template:\n    spec:\n      serviceAccountName: mxp-controller\n"

// FuzzRun checks three properties of every stream that Run accepts. A second run changes
// nothing. Documents without an edit keep their bytes. Joining two streams before the run
// gives the same as joining them after it.
func FuzzRun(f *testing.F) {
	files, err := filepath.Glob("../../testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("there are no manifests to start with", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range archive.Files {
			if section.Name == "in.yaml" {
				f.Add(section.Data)
			}
		}
	}
	f.Add([]byte("kind: ConfigMap\ndata:\n  v: |\n    controlPlanes:\n      mxpController: {}\n"))
	f.Add([]byte("kind: Secret\nmetadata: {name: s}\ndata:\n  v: Y29udHJvbFBsYW5lczoKICBteHBDb250cm9sbGVyOiB7fQo=\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		stream = append(bytes.Clone(stream), "\n---\nlast: one\n"...)
		result, err := run(stream)
		joined, joinedErr := run(append(bytes.Clone(stream), moreDocuments...))
		if err != nil && joinedErr == nil || err == nil && joinedErr != nil && !isInvalidYAML(stream, joinedErr) {
			t.Fatalf("alone: %v; before other documents: %v", err, joinedErr)
		}
		if joinedErr != nil {
			return
		}
		out := written(t, result)
		checkSecondRun(t, out, result)
		checkUnchanged(t, stream, out, result)
		after, err := run([]byte(moreDocuments))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(out)+string(written(t, after)), string(written(t, joined))); diff != "" {
			t.Errorf("-one by one +joined:\n%s", diff)
		}
	})
}

// isInvalidYAML reports whether an error is about a document that is not valid YAML. Run
// reads such a document only if another document changes a label that this one may select.
func isInvalidYAML(stream []byte, err error) bool {
	input, ok := errors.AsType[*rewrite.InputError](err)
	if !ok {
		return false
	}
	for doc := range manifest.Split(stream) {
		if doc.Number == input.Document {
			_, err := manifest.Parse(stream[doc.Start:doc.End])
			return err != nil
		}
	}
	return false
}

// run sets a role and a label for two components.
func run(stream []byte) (*rewrite.Result, error) {
	var settings identity.Settings
	for _, name := range []string{"mxp-controller", "vector"} {
		settings.Components = append(settings.Components, identity.Component{Name: name,
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}, PodLabels: map[string]string{"on": "y"}})
	}
	spec, _ := identity.New(settings)
	return rewrite.Run(stream, desired.Of(spec), rewrite.Options{OnMissing: rewrite.MissingWarns, Unrecognised: true})
}

func written(t *testing.T, r *rewrite.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := r.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// checkSecondRun checks that a run on the output changes nothing.
func checkSecondRun(t *testing.T, out []byte, first *rewrite.Result) {
	t.Helper()
	again, err := run(out)
	if err != nil {
		t.Fatalf("the second run: %v\n%q", err, out)
	}
	if diff := cmp.Diff(string(out), string(written(t, again))); diff != "" {
		t.Errorf("the second run changes the output (-first +second):\n%s", diff)
	}
	if before, after := places(first), places(again); before != after {
		t.Errorf("the first run found %d places, the second %d", before, after)
	}
}

// places returns the number of places that were changed or need no change. It does not
// count dependent pod templates, which are places only if embedded values change.
func places(r *rewrite.Result) int {
	n := 0
	for _, f := range r.Findings {
		if (f.Outcome == rewrite.Changed || f.Outcome == rewrite.Unchanged) && f.Place != rewrite.DependentPlace {
			n++
		}
	}
	return n
}

// checkUnchanged checks that exactly the documents with a change differ.
func checkUnchanged(t *testing.T, in, out []byte, result *rewrite.Result) {
	t.Helper()
	changed := map[int]bool{}
	for _, f := range result.Findings {
		changed[f.Document] = changed[f.Document] || f.Outcome == rewrite.Changed
	}
	before, after := documents(in), documents(out)
	if len(before) != len(after) {
		t.Fatalf("%d documents became %d", len(before), len(after))
	}
	for i := range before {
		if same := before[i] == after[i]; same == changed[i+1] {
			t.Errorf("document %d: reported as changed: %v; has the same bytes: %v\n%q\n%q", i+1, changed[i+1], same, before[i], after[i])
		}
	}
}

func documents(stream []byte) []string {
	var all []string
	for doc := range manifest.Split(stream) {
		all = append(all, string(stream[doc.Start:doc.End]))
	}
	return all
}
