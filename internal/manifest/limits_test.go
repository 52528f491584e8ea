package manifest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

// nestings write values that are nested n levels deep below the root.
var nestings = map[string]func(n int) string{
	"lists in flow style":       func(n int) string { return "a: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" },
	"mappings in flow style":    func(n int) string { return "a: " + strings.Repeat("{b: ", n) + "c" + strings.Repeat("}", n) + "\n" },
	"JSON":                      func(n int) string { return `{"a": ` + strings.Repeat(`[`, n) + strings.Repeat("]", n) + "}" },
	"lists on one line":         func(n int) string { return "a:\n" + strings.Repeat("- ", n-1) + "b\n" },
	"keys that are mappings":    func(n int) string { return "a:\n  " + strings.Repeat("? ", n-1) + "b\n" },
	"pairs in lists":            func(n int) string { return "a: " + strings.Repeat("[b: ", n/2) + "c" + strings.Repeat("]", n/2) + "\n" },
	"mappings by indentation":   func(n int) string { return indented(n) + strings.Repeat(" ", min(n, 2*maxDepth)) + "b: c\n" },
	"anchors and tags":          func(n int) string { return "a: " + strings.Repeat("&x !!seq [", n) + strings.Repeat("]", n) + "\n" },
	"lists that are not closed": func(n int) string { return "a: " + strings.Repeat("[", 20*n) },
}

// indented writes mappings by indentation. The size of the text grows with the square of n.
func indented(n int) string {
	n = min(n, 2*maxDepth)
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func TestParseLimitsNesting(t *testing.T) {
	for name, nested := range nestings {
		t.Run(name, func(t *testing.T) {
			if name != "lists that are not closed" {
				if _, err := Parse([]byte(nested(maxDepth - 2))); err != nil {
					t.Errorf("nested %d levels deep: %v", maxDepth-2, err)
				}
			}
			for _, n := range []int{maxDepth + 2, 8 * maxDepth, 20 * maxDepth} {
				_, err := Parse([]byte(nested(n)))
				if syntax, ok := errors.AsType[*SyntaxError](err); !ok || name != "lists that are not closed" && syntax.Problem != tooDeep {
					t.Errorf("nested %d levels deep: %v", n, err)
				}
			}
		})
	}
}

// TestParseTakesMemoryInProportionToTheText measures documents that are 18 KB long.
func TestParseTakesMemoryInProportionToTheText(t *testing.T) {
	for name, nested := range nestings {
		text := []byte(nested(18 << 10))
		if name == "mappings by indentation" {
			text = []byte(indented(180))
		}
		const perByte = 16 << 10 // a rejected text is read about twenty times, to find the position
		if allocated := allocatedBy(func() { _, _ = Parse(text) }); allocated > perByte*uint64(len(text)) {
			t.Errorf("%s: %d bytes took %d bytes of memory", name, len(text), allocated)
		}
	}
}

// TestPatchOfALargeDocumentTakesLittleMemory patches a document of a megabyte. The two
// trees and the new text are most of what it allocates.
func TestPatchOfALargeDocumentTakesLittleMemory(t *testing.T) {
	text := []byte("metadata:\n  name: x\nenv:\n" + strings.Repeat("- name: VARIABLE # one of many\n  value: \"a value of some length, with words in it\"\n", 1<<20/84))
	sets := []Set{{identity.Path{}.Field("metadata", "annotations", "k"), "v"}}
	const perByte = 14
	if allocated := allocatedBy(func() {
		if _, err := Patch(text, sets); err != nil {
			t.Fatal(err)
		}
	}); allocated > perByte*uint64(len(text)) {
		t.Errorf("%d bytes took %d bytes of memory, %.1f times as many", len(text), allocated, float64(allocated)/float64(len(text)))
	}
}

// allocatedBy returns how many bytes a function allocates.
func allocatedBy(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestAliasesAreLimitedByWhatTheyAdd(t *testing.T) {
	many := strings.Repeat("- x\n", maxExpansion+10)
	for name, test := range map[string]struct {
		text string
		ok   bool
	}{
		"a large document with one alias": {"a: &a b\nc: *a\nd:\n" + many, true},
		"lists of lists":                  {expanding("[%s]"), false},
		"merge keys":                      {"x0: &x0 {a: b}\n" + expanding("{<<: [%s]}"), false},
		"a long string many times":        {"a: &a " + strings.Repeat("word ", 20_000) + "\nb: [" + strings.Repeat("*a, ", 400) + "]\n", false},
		"a value inside itself":           {"a: &a [*a]\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := Parse([]byte(test.text))
			if syntax, isSyntax := errors.AsType[*SyntaxError](err); (err == nil) != test.ok || err != nil && (!isSyntax || syntax.Offset == 0) {
				t.Errorf("error %v", err)
			}
			root.Field("missing")
		})
	}
}

// expanding writes values each of which refers to the one before it ten times.
func expanding(form string) string {
	var b strings.Builder
	b.WriteString("x0: &x0 {a: b}\n")
	for i := range 8 {
		aliases := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i), 10), ", ")
		fmt.Fprintf(&b, "x%d: &x%d "+form+"\n", i+1, i+1, aliases)
	}
	return b.String()
}

// TestFieldVisitsEachMergedMappingOnce has merge keys with which a search of every way to a
// mapping would take 2^12 steps for each field.
func TestFieldVisitsEachMergedMappingOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 {a: b}\n")
	for i := range 12 {
		fmt.Fprintf(&b, "x%d: &x%d {<<: [*x%d, *x%d]}\n", i+1, i+1, i, i)
	}
	root, err := Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	last := root.Field("x12")
	if merged := last.merged(); len(merged) != 12 {
		t.Errorf("%d mappings are merged", len(merged))
	}
	if last.Text("a") != "b" || len(last.effective()) != 1 {
		t.Error("the field of the first mapping is not found")
	}
}

// crowds are documents with many places, and the path of the place with a number.
var crowds = map[string]struct {
	text func(i int) string
	path func(i int) identity.Path
	head string
}{
	"strings in a mapping": {
		head: "data:\n", text: func(i int) string { return fmt.Sprintf("  k%d: |\n    m:\n      x: y\n", i) },
		path: func(i int) identity.Path {
			return identity.Path{}.Field("data", fmt.Sprintf("k%d", i)).Inside(identity.Into{}).Field("m", "a")
		},
	},
	"documents in a string": {
		head: "data:\n  v: |\n", text: func(int) string { return "    ---\n    m: {}\n" },
		path: func(i int) identity.Path {
			return identity.Path{}.Field("data", "v").Inside(identity.Into{Document: i}).Field("m", "a")
		},
	},
	"keys in a string": {
		head: "data:\n  v: |\n", text: func(i int) string { return fmt.Sprintf("    k%d:\n      x: y\n", i) },
		path: func(i int) identity.Path {
			return identity.Path{}.Field("data", "v").Inside(identity.Into{}).Field(fmt.Sprintf("k%d", i), "a")
		},
	},
	"empty values": {
		head: "data:\n", text: func(i int) string { return fmt.Sprintf("  k%d:\n", i) },
		path: func(i int) identity.Path { return identity.Path{}.Field("data", fmt.Sprintf("k%d", i), "a") },
	},
	"anchored values": {
		head: "data:\n", text: func(i int) string { return fmt.Sprintf("- m: &m%d {x: y}\n- m: *m%d\n", i, i) },
		path: func(i int) identity.Path { return identity.Path{}.Field("data").Item(2*i).Field("m", "a") },
	},
}

// crowd returns a document with many places, and sets for them.
func crowd(name string, count int) ([]byte, []Set) {
	c := crowds[name]
	var b strings.Builder
	b.WriteString(c.head)
	sets := make([]Set, count)
	for i := range sets {
		b.WriteString(c.text(i))
		sets[i] = Set{c.path(i), "v"}
	}
	return []byte(b.String()), sets
}

// TestPatchTakesMemoryInProportionToTheSets doubles the number of sets.
func TestPatchTakesMemoryInProportionToTheSets(t *testing.T) {
	for name := range crowds {
		t.Run(name, func(t *testing.T) {
			allocated := func(count int) uint64 {
				text, sets := crowd(name, count)
				return allocatedBy(func() {
					patched, err := Patch(text, sets)
					if err != nil {
						t.Fatal(err)
					}
					if again, err := Patch(patched, sets); err != nil || string(again) != string(patched) {
						t.Fatalf("the second time differs, error %v", err)
					}
				})
			}
			if once, twice := allocated(500), allocated(1000); twice > 3*once {
				t.Errorf("500 sets allocate %d bytes, 1000 sets %d", once, twice)
			}
		})
	}
}

// BenchmarkPatchManySets shows that the time is in proportion to the sets, too.
func BenchmarkPatchManySets(b *testing.B) {
	for name := range crowds {
		for _, count := range []int{5_000, 10_000, 20_000} {
			text, sets := crowd(name, count)
			b.Run(fmt.Sprintf("%s/%d", name, count), func(b *testing.B) { benchmarkPatch(b, string(text), sets) })
		}
	}
}
