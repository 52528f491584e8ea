package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
	"spaces-identity.dev/internal/test/fixture"
)

var update = flag.Bool("update", false, "write the golden files")

// environment looks up variables in pairs of name and value.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func noTerminal(any) bool { return false }

// printed returns a result in a format.
func printed(t *testing.T, f Format, r Result, env ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := New(&out, io.Discard, environment(env...), noTerminal).Print(f, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

const roleARN = "arn:aws:iam::123456789012:role/spaces-backup"

func inspection() InspectView {
	old := "arn:aws:iam::123456789012:role/old"
	return InspectView{Result: &rewrite.Result{
		Findings: []rewrite.Finding{
			{Outcome: rewrite.Changed, Component: "mxp-controller", Place: rewrite.EmbeddedPlace, Document: 1, Line: 12, Source: "spaces/templates/values.yaml",
				Kind: "ConfigMap", Namespace: "upbound-system", Name: "mxp-values", Path: `data["values.yaml"].controlPlanes.serviceAccount.annotations["eks.amazonaws.com/role-arn"]`,
				Old: &old, New: roleARN},
			{Outcome: rewrite.Unchanged, Component: "vector", Place: rewrite.ServiceAccountPlace, Document: 2, Line: 31, Kind: "ServiceAccount", Name: "vector",
				Path: `metadata.annotations["eks.amazonaws.com/role-arn"]`},
			{Outcome: rewrite.Left, Component: "vector", Place: rewrite.PodTemplatePlace, Document: 3, Line: 44, Kind: "Job", Name: "vector-a",
				Path: "spec.template.metadata.labels", Reason: "the pod template of a Job that is not a Helm hook cannot change"},
			{Outcome: rewrite.Left, Component: "vector", Place: rewrite.PodTemplatePlace, Document: 4, Line: 60, Kind: "Job", Name: "vector-b",
				Path: "spec.template.metadata.labels", Reason: "the pod template of a Job that is not a Helm hook cannot change"},
			{Outcome: rewrite.Unrecognised, Component: "mxp-controller", Place: rewrite.TextPlace, Document: 5, Line: 77, Kind: "ConfigMap", Name: "other",
				Path: `data["it's.yaml"]`},
		},
		Advice:   []identity.Place{{Kind: "ConfigMap", Name: "other", Path: identity.Path{}.Field("data", "it's.yaml"), Encoding: "yaml", Component: "mxp-controller"}},
		Warnings: []string{"the PodMonitor upbound-system/custom has a pod template that runs as the service account mxp-controller, and the program does not edit this kind"},
	}}
}

func explanation() ExplainView {
	return ExplainView{desired.Explanation{
		Namespace: "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system", ServiceAccount: "mxp-controller", Component: "mxp-controller", Role: roleARN,
		Policy: "the trust policy in old.json", Verdict: iam.Denied,
		Ways: []desired.Way{{Mechanism: identity.IRSA, Cluster: "prod-space", Action: "sts:AssumeRoleWithWebIdentity", Decision: iam.Decision{
			Verdict: iam.Denied, Reason: "no statement allows it", Statement: 1, Sid: "SpacesIdentityA",
			Statements: []iam.StatementResult{{Number: 1, Sid: "SpacesIdentityA", Effect: iam.Allow, Applies: "no", Findings: []iam.Finding{
				{Element: "Condition", Operator: "StringEquals", Key: "oidc.example:sub", Expected: []string{"system:serviceaccount:prod:mxp-controller"}, Actual: []string{"system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"}, Cannot: "aws:SourceArn"}}}},
			Changes: []string{`in statement 1 (Allow, Sid SpacesIdentityA), StringEquals oidc.example:sub admitted "system:serviceaccount:mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system:mxp-controller"; it is "system:serviceaccount:prod:mxp-controller"`}}}},
		Notes: []string{"EKS Pod Identity also needs an association of this namespace and service account; the policy alone gives no access"},
	}}
}

func TestResultsInEachFormat(t *testing.T) {
	version := VersionView{Version: "1.2.3", Commit: "0123456789abcdef0123456789abcdef01234567", Go: "go1.26.0", Platform: "linux/amd64"}
	for name, r := range map[string]Result{"inspect": inspection(), "explain": explanation(), "version": version} {
		golden(t, name+".txt", printed(t, Table, r))
		golden(t, name+".json", printed(t, JSON, r))
		golden(t, name+".yaml", printed(t, YAML, r))
	}
	golden(t, "inspect.coloured.txt", printed(t, Table, inspection(), "CLICOLOR_FORCE", "1"))
}

// lists is a result with empty lists at several depths, and with strings that YAML could
// take for something else.
type lists struct {
	Names  []string `json:"names"`
	Nested []*lists `json:"nested"`
	Policy struct{ Statement []int }
	Odd    []string `json:"odd,omitempty"`
	hidden []string
}

func (*lists) Kind() string { return "Lists" }
func (*lists) Text(*Page)   {}

func TestJSONAndYAMLHaveEmptyListsAndTheSameFields(t *testing.T) {
	r := &lists{Nested: []*lists{{}}, Odd: []string{"<&>", "yes", "1e3", "null", "two\nlines\n", "", " x: # y", "\u2028", "\x7f\x00", "~"}}
	text := printed(t, JSON, r)
	if strings.Contains(text, `\u003c`) {
		t.Errorf("HTML is escaped:\n%s", text)
	}
	golden(t, "lists.json", text)
	golden(t, "lists.yaml", printed(t, YAML, r))
	var fromJSON, fromYAML any
	if err := errors.Join(json.Unmarshal([]byte(text), &fromJSON), yaml.Unmarshal([]byte(printed(t, YAML, r)), &fromYAML)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("YAML differs from JSON:\n%s", diff)
	}
	if r.Names != nil || r.hidden != nil {
		t.Error("printing changed the result")
	}
}

func TestEmptyResultIsValidJSON(t *testing.T) {
	want := "{\n  \"apiVersion\": \"spaces-identity.dev/v1alpha1\",\n  \"kind\": \"Inspection\",\n  \"findings\": [],\n  \"warnings\": [],\n  \"places\": []\n}\n"
	if diff := cmp.Diff(want, printed(t, JSON, InspectView{Result: &rewrite.Result{}})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("No place for an identity was found.\n", printed(t, Table, InspectView{Result: &rewrite.Result{}})); diff != "" {
		t.Error(diff)
	}
}

func TestParseErrorsListTheFormats(t *testing.T) {
	if f, err := Parse("output format", "yaml", Table, JSON, YAML); f != YAML || err != nil {
		t.Errorf("got %q, %v", f, err)
	}
	for value, want := range map[string]string{
		"jsno": "error: unknown output format \"jsno\": use table, json or yaml\nhint: did you mean \"json\"?\n",
		"JSON": "error: unknown output format \"JSON\": use table, json or yaml\nhint: did you mean \"json\"?\n",
		"text": "error: unknown output format \"text\": use table, json or yaml\n",
		"":     "error: unknown output format \"\": use table, json or yaml\n",
	} {
		_, err := Parse("output format", value, Table, JSON, YAML)
		if diff := cmp.Diff(want, reported(err)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUnsupportedFormatPrintsNothing(t *testing.T) {
	var out bytes.Buffer
	p := New(&out, io.Discard, environment(), noTerminal)
	for _, f := range []Format{JUnit, Diff, "gif"} {
		if err := p.Print(f, VersionView{}); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v, output %q", f, err, out.String())
		}
	}
}

// reported returns how an error is printed.
func reported(err error) string {
	var errs bytes.Buffer
	New(io.Discard, &errs, environment(), noTerminal).Error(err)
	return errs.String()
}

type ownHint struct{ error }

func (ownHint) Hint() string { return "ask" }

type quietWrapper struct{ error }

func (w quietWrapper) Unwrap() error { return w.error }

func TestErrorsPrintTheirHints(t *testing.T) {
	disk, network := errors.New("disk full"), errors.New("no route")
	hinted := Hint(disk, "free some space")
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"plain":              {disk, "error: disk full\n"},
		"with hint":          {hinted, "error: disk full\nhint: free some space\n"},
		"hint inside":        {fmt.Errorf("write: %w", hinted), "error: write: disk full\nhint: free some space\n"},
		"outermost hint":     {Hint(fmt.Errorf("write: %w", hinted), "use another disk"), "error: write: disk full\nhint: use another disk\n"},
		"joined":             {errors.Join(hinted, network), "error: disk full\nhint: free some space\nerror: no route\n"},
		"joined in wrappers": {quietWrapper{errors.Join(network, errors.Join(disk, network))}, "error: no route\nerror: disk full\nerror: no route\n"},
		"hint for joined":    {Hint(quietWrapper{errors.Join(network, disk)}, "go home"), "error: no route\nerror: disk full\nhint: go home\n"},
		"method Hint":        {fmt.Errorf("read: %w", ownHint{network}), "error: read: no route\nhint: ask\n"},
		"two causes":         {fmt.Errorf("%w and %w", disk, network), "error: disk full and no route\n"},
		"several lines":      {errors.New("bad file:\nline 1\nline 2\n"), "error: bad file:\n  line 1\n  line 2\n"}, //nolint:revive // another library ends its messages so
		"none":               {nil, ""},
		"hint for none":      {Hint(nil, "x"), ""},
	} {
		if diff := cmp.Diff(test.want, reported(test.err)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if !errors.Is(fmt.Errorf("write: %w", hinted), disk) {
		t.Error("errors.Is does not find the error inside a hint")
	}
}

func TestWarningsAndNotesIndentFurtherLines(t *testing.T) {
	var errs bytes.Buffer
	p := New(io.Discard, &errs, environment("CLICOLOR_FORCE", "1"), noTerminal)
	p.Warn("low on quota\nways out:\n  none")
	p.Note("all is well")
	if diff := cmp.Diff("\x1b[33mwarning:\x1b[0m low on quota\n  ways out:\n    none\n\x1b[36mnote:\x1b[0m all is well\n", errs.String()); diff != "" {
		t.Error(diff)
	}
}

// Source: https://no-color.org, https://bixense.com/clicolors.
func TestColoursFollowTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		env      []string
		terminal bool
		want     bool
	}{
		{nil, true, true},
		{nil, false, false},
		{[]string{"NO_COLOR", "1"}, true, false},
		{[]string{"NO_COLOR", "1", "CLICOLOR_FORCE", "1"}, true, false},
		{[]string{"CLICOLOR_FORCE", "1"}, false, true},
		{[]string{"CLICOLOR_FORCE", "0"}, false, false},
		{[]string{"CLICOLOR", "0"}, true, false},
		{[]string{"CLICOLOR", "1"}, false, false},
		{[]string{"TERM", "dumb"}, true, false},
	} {
		if got := useColours(environment(test.env...), test.terminal); got != test.want {
			t.Errorf("%v, terminal %v: %v", test.env, test.terminal, got)
		}
	}
}

func TestProseWrapsButKeepsCommandsWhole(t *testing.T) {
	for _, test := range []struct{ columns, text, want string }{
		{"", strings.Repeat("word ", 20), strings.TrimSpace(strings.Repeat("word ", 16)) + "\n  word word word word\n"},
		{"200", strings.Repeat("word ", 17), strings.TrimSpace(strings.Repeat("word ", 16)) + "\n  word\n"},
		{"40", "run `spaces-identity apply --prune --approve` again", "run\n  `spaces-identity apply --prune --approve`\n  again\n"},
		{"1", "the role " + roleARN + " exists", "the role\n  " + roleARN + "\n  exists\n"},
		{"40", "ways out:\n  one\n  two", "ways out:\n  one\n  two\n"},
		{"40", "", "\n"},
	} {
		page := &Page{width: proseWidth(io.Discard, environment("COLUMNS", test.columns), noTerminal)}
		page.Prose(0, test.text)
		if diff := cmp.Diff(test.want, page.text.String()); diff != "" {
			t.Errorf("%q:\n%s", test.text, diff)
		}
	}
}

func TestShortenKeepsNamesDifferent(t *testing.T) {
	first, second := "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system", "mxp-706c49fa-5bb8-4a7e-9f41-000000000000-system"
	for _, test := range []struct {
		wide        bool
		names, want []string
	}{
		{false, []string{first, "upbound-system", first}, []string{"mxp-706c49fa…-system", "upbound-system", "mxp-706c49fa…-system"}},
		{false, []string{first, second}, []string{first, second}},
		{true, []string{first}, []string{first}},
	} {
		page := &Page{wide: test.wide}
		if diff := cmp.Diff(test.want, page.Shorten(test.names)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestDocumentationListsEveryFormat compares the first table of docs/output.md with the
// formats.
func TestDocumentationListsEveryFormat(t *testing.T) {
	documented := map[Format]bool{}
	for _, name := range fixture.FirstColumn(t, "output.md", "\n| format | ", "\n\n") {
		documented[Format(name)] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(writers)), slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("differs (-formats +page):\n%s", diff)
	}
}
