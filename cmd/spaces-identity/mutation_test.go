package main

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/rewrite"
	"spaces-identity.dev/internal/test/shared"
)

var (
	mutations    = flag.Int("mutations", 400, "how many mutated streams TestMutatedManifests runs")
	mutationSeed = flag.Uint64("mutation-seed", 1, "the seed of the mutations")
)

// TestMutatedManifests runs the engine on mutations of the goldens. Whatever the engine
// accepts, it changes as the report says and no further: an independent decoder reads
// exactly the report's changes, other documents keep their bytes, and a second run changes
// nothing.
func TestMutatedManifests(t *testing.T) {
	var seeds []string
	for _, file := range goldenFiles(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, section(archive, "in.yaml"))
	}
	checkMutations(t, seeds)
}

// TestSharedCorpusMutated does the same with renders of public charts.
func TestSharedCorpusMutated(t *testing.T) {
	var seeds []string
	for _, file := range shared.Files(t, "corpus/*.yaml") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, string(content))
	}
	checkMutations(t, seeds)
}

func checkMutations(t *testing.T, seeds []string) {
	t.Helper()
	states := mutationStates(t)
	random := rand.New(rand.NewPCG(*mutationSeed, 2))
	counts := map[string]int{}
	for i := range *mutations {
		stream := []byte(mutated(random, seeds))
		counts[checkMutation(t, stream, states[random.IntN(len(states))], random.IntN(4) == 0)]++
		if t.Failed() {
			t.Fatalf("mutation %d with seed %d: %q", i, *mutationSeed, stream)
		}
	}
	t.Logf("%d mutations: %v", *mutations, counts)
	if counts["changed"]*20 < *mutations {
		t.Errorf("only %d of %d mutations have a place", counts["changed"], *mutations)
	}
}

// mutationStates returns desired states of one and of several components, in each mode.
func mutationStates(t *testing.T) []desired.State {
	t.Helper()
	var states []desired.State
	for _, mode := range identity.Modes() {
		for _, names := range [][]string{{"mxp-controller"}, {"mxp-controller", "vector", "external-secrets-controller"}} {
			var settings identity.Settings
			for _, name := range names {
				settings.Components = append(settings.Components, identity.Component{Name: name, Mode: mode,
					Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}, PodLabels: map[string]string{"example.com/identity": "backup"}})
			}
			spec, problems := identity.New(settings)
			if len(problems) > 0 {
				t.Fatal(problems[0])
			}
			states = append(states, desired.Of(spec))
		}
	}
	return states
}

// mutated returns one of the seeds, or two of them joined, with up to four mutations.
func mutated(random *rand.Rand, seeds []string) string {
	text := seeds[random.IntN(len(seeds))]
	if random.IntN(4) == 0 {
		text += "\n---\n" + seeds[random.IntN(len(seeds))]
	}
	for range 1 + random.IntN(4) {
		text = mutationsOfText[random.IntN(len(mutationsOfText))](random, text)
	}
	return text
}

var mutationsOfText = []func(random *rand.Rand, text string) string{
	func(r *rand.Rand, s string) string { return insertAt(r, s, string([]byte{byte(r.IntN(256))})) },
	func(r *rand.Rand, s string) string { return insertAt(r, s, tokens[r.IntN(len(tokens))]) },
	func(r *rand.Rand, s string) string { return insertAt(r, s, tokens[r.IntN(len(tokens))]) },
	func(r *rand.Rand, s string) string { // another byte
		b := []byte(s)
		if len(b) > 0 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return string(b)
	},
	func(r *rand.Rand, s string) string { // a part is missing
		at := r.IntN(len(s) + 1)
		return s[:at] + s[min(len(s), at+r.IntN(12)):]
	},
	func(r *rand.Rand, s string) string { return s[:len(s)-r.IntN(min(len(s), 40)+1)] },
	inLines(func(r *rand.Rand, lines []string, i int) []string {
		return slices.Insert(lines, i, lines[r.IntN(len(lines))])
	}),
	inLines(func(_ *rand.Rand, lines []string, i int) []string { return slices.Insert(lines, i, lines[i]) }),
	inLines(func(_ *rand.Rand, lines []string, i int) []string { return slices.Delete(lines, i, i+1) }),
	inLines(func(r *rand.Rand, lines []string, i int) []string {
		j := r.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		return lines
	}),
	inLines(func(r *rand.Rand, lines []string, i int) []string { // deeper, for a few lines
		for j := i; j < min(len(lines), i+1+r.IntN(5)); j++ {
			lines[j] = strings.Repeat(" ", 1+r.IntN(3)) + lines[j]
		}
		return lines
	}),
	inLines(func(_ *rand.Rand, lines []string, i int) []string {
		lines[i] = strings.TrimPrefix(lines[i], " ")
		return lines
	}),
	inLines(func(_ *rand.Rand, lines []string, i int) []string {
		lines[i] = strings.TrimSuffix(lines[i], "\n") + "\r\n"
		return lines
	}),
	inLines(func(r *rand.Rand, lines []string, i int) []string { // an anchor, and an alias to it
		if key, value, ok := strings.Cut(lines[i], ": "); ok {
			lines[i] = key + ": &m " + value
			j := i + r.IntN(len(lines)-i)
			if key, _, ok := strings.Cut(lines[j], ": "); ok && j > i {
				lines[j] = key + ": *m\n"
			}
		}
		return lines
	}),
	inLines(func(_ *rand.Rand, lines []string, i int) []string { // an anchor on a block
		if strings.HasSuffix(lines[i], ":\n") {
			lines[i] = strings.TrimSuffix(lines[i], "\n") + " &b\n"
			lines = append(lines, "again: *b\n")
		}
		return lines
	}),
	inLines(func(_ *rand.Rand, lines []string, i int) []string {
		if key, value, ok := strings.Cut(strings.TrimSuffix(lines[i], "\n"), ": "); ok {
			lines[i] = key + ": '" + strings.ReplaceAll(value, "'", "''") + "'\n"
		}
		return lines
	}),
	func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	func(_ *rand.Rand, s string) string { return "\ufeff" + s },
	func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, "\n  ", "\n      ") },
}

var tokens = []string{
	"---\n", "...\n", "\n", " ", "\t", "#", " # c", ": ", "- ", "? ", "{", "}", "[", "]", ",", "\"", "'", "|", ">", "&a ", "*a", "!!str ", "!", "%", "@", "\\", "\r",
	"<<: *a\n", "null", "~", "\u2028", "\u0085", "\u200b", "\x00", "kind: Secret\n", "mxpController: {}", "controlPlanes: {mxpController: }", "mxp-controller", "{{ .Values }}",
	"{\"controlPlanes\":{\"mxpController\":{}}}", "\n---\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n",
}

func insertAt(random *rand.Rand, s, text string) string {
	at := random.IntN(len(s) + 1)
	return s[:at] + text + s[at:]
}

func inLines(mutate func(random *rand.Rand, lines []string, i int) []string) func(*rand.Rand, string) string {
	return func(random *rand.Rand, s string) string {
		lines := slices.Collect(strings.Lines(s))
		if len(lines) == 0 {
			return s
		}
		return strings.Join(mutate(random, lines, random.IntN(len(lines))), "")
	}
}

// checkMutation runs the engine on a stream and checks what it returns. It returns the kind
// of the outcome.
func checkMutation(t *testing.T, stream []byte, state desired.State, inspect bool) string {
	t.Helper()
	options := rewrite.Options{OnMissing: rewrite.MissingWarns, Unrecognised: inspect}
	given := bytes.Clone(stream)
	first, err := rewrite.Run(stream, state, options)
	if !bytes.Equal(given, stream) {
		t.Error("the engine changed its input")
	}
	if err != nil {
		return "rejected"
	}
	out := writtenBy(t, first)
	var changes []rewrite.Finding
	for _, f := range first.Findings {
		if f.Outcome == rewrite.Changed {
			changes = append(changes, f)
		}
	}
	second, err := rewrite.Run(out, state, options)
	if err != nil {
		t.Errorf("the second run: %v\n%q", err, out)
		return "failed"
	}
	if again := writtenBy(t, second); !bytes.Equal(out, again) {
		t.Errorf("the second run changes the output:\n%q\n%q", out, again)
	}
	output.Unified(first.Changes())
	if len(changes) == 0 {
		if !bytes.Equal(stream, out) {
			t.Errorf("no change is reported, but the output is %q", out)
		}
		return "unchanged"
	}
	return checkDocuments(t, stream, out, changes)
}

func writtenBy(t *testing.T, r *rewrite.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := r.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// checkDocuments compares each document with the report, by its bytes and with the
// independent decoder. A document that this decoder does not read, such as one with a
// key twice, is compared by its lines only.
func checkDocuments(t *testing.T, in, out []byte, changes []rewrite.Finding) string {
	t.Helper()
	before, after := slices.Collect(manifest.Split(in)), slices.Collect(manifest.Split(out))
	if len(before) != len(after) {
		t.Errorf("%d documents became %d", len(before), len(after))
		return "failed"
	}
	outcome := "changed"
	for i := range before {
		was, is := string(in[before[i].Start:before[i].End]), string(out[after[i].Start:after[i].End])
		var own []rewrite.Finding
		for _, f := range changes {
			if f.Document == i+1 {
				f.Document = 1
				own = append(own, f)
			}
		}
		if (was != is) != (len(own) > 0) {
			t.Errorf("document %d has %d changes in the report: %q became %q", i+1, len(own), was, is)
		}
		if len(own) == 0 {
			continue
		}
		want, err := expected(was, own)
		if err != nil || len(want) != 1 {
			outcome = "changed, not decoded"
			continue
		}
		compareDecoded(t, want, is, own)
	}
	return outcome
}
