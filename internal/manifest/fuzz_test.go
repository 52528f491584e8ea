package manifest

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"spaces-identity.dev/internal/identity"
)

// ownTexts returns the streams of the own suite. Fuzz tests start with them.
func ownTexts(f *testing.F) []string {
	f.Helper()
	archive, err := txtar.ParseFile("testdata/suite.txtar")
	if err != nil || len(archive.Files) == 0 {
		f.Fatal("there are no seeds", err)
	}
	var texts []string
	for _, file := range archive.Files {
		texts = append(texts, visible(string(file.Data)))
	}
	return texts
}

// FuzzSplit checks that the documents of any stream make up the stream, and that
// joining two streams joins their documents.
func FuzzSplit(f *testing.F) {
	for _, text := range ownTexts(f) {
		f.Add([]byte(text), []byte("a: b\n---\nc: d\n"))
		f.Add([]byte("a: b\r\n...\r\n"), []byte(text))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		checkRanges(t, a)
		a, b = slices.Concat(a, []byte("\n---\nlast: of a\n")), slices.Concat([]byte("--- # b\n"), b)
		joined := slices.Concat(a, b)
		checkRanges(t, joined)
		want := slices.Collect(Split(a))
		for _, doc := range slices.Collect(Split(b)) {
			want = append(want, Document{want[len(want)-1].Number + 1, doc.Start + len(a), doc.End + len(a)})
		}
		if diff := cmp.Diff(want, slices.Collect(Split(joined))); diff != "" {
			t.Errorf("-one by one +joined:\n%s\n%q", diff, joined)
		}
	})
}

// FuzzPatch sets a value at any path of any document. If Patch succeeds, another
// decoder must read the same document with that value.
func FuzzPatch(f *testing.F) {
	for _, text := range ownTexts(f) {
		for _, path := range []string{"a", "k", "a/b", "a/k/l", "0/b", "a/0", "data/k"} {
			f.Add(text, path, "on")
		}
	}
	f.Fuzz(func(t *testing.T, text, path, value string) {
		sets := []Set{{pathOf(path), value}}
		if !utf8.ValidString(path) || !utf8.ValidString(value) || len(sets[0].Path) == 0 {
			return
		}
		patched, err := Patch([]byte(text), sets)
		if err != nil {
			return
		}
		checkAgain(t, patched, sets)
		before, err := readIndependently([]byte(text))
		if err != nil {
			return // only the quick parser reads it
		}
		after, err := readIndependently(patched)
		if err != nil {
			t.Fatalf("another decoder: %v\nof %q", err, patched)
		}
		if diff := cmp.Diff(before.set(sets[0].Path, value), after); diff != "" {
			t.Errorf("-want +read:\n%s\nof %q", diff, patched)
		}
	})
}

func checkAgain(t *testing.T, patched []byte, sets []Set) {
	t.Helper()
	if again, err := Patch(patched, sets); err != nil || !bytes.Equal(again, patched) {
		t.Fatalf("%q becomes %q in a second run, error %v", patched, again, err)
	}
}

// pathOf reads a path written with slashes. Numbers are items.
func pathOf(s string) identity.Path {
	var path identity.Path
	for key := range strings.SplitSeq(s, "/") {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 {
			path = path.Item(i)
		} else if key != "" {
			path = path.Field(key)
		}
	}
	return path
}

// FuzzNested does the same as FuzzPatch with a document inside a string, in each style.
func FuzzNested(f *testing.F) {
	for i, text := range ownTexts(f) {
		f.Add(text, uint(i), "a/k", "on")
		f.Add(text, uint(i+1), "k", "on")
		f.Add(text, uint(i+2), "a/b/k", "on")
	}
	f.Fuzz(func(t *testing.T, inner string, style uint, path, value string) {
		w := wrappings[style%uint(len(wrappings))]
		written, ok := w.write(inner)
		if !ok || !w.exact && w.name != "base64" || !utf8.ValidString(inner+path+value) || pathOf(path) == nil {
			return
		}
		in := wrapped("ConfigMap", "", written, "old")
		into := identity.Into{Base64: w.name == "base64"}
		sets := []Set{{append(identity.Path{}.Field("data", "it").Inside(into), pathOf(path)...), value}}
		out, err := Patch([]byte(in), sets)
		if err != nil {
			return
		}
		checkAgain(t, out, sets)
		before, after := stringsIn(t, []byte(in), into), stringsIn(t, out, into)
		if before.last != after.last || before.others != after.others {
			t.Fatalf("more than the string changed in %q", out)
		}
		checkInner(t, before.it, after.it, sets[0].Path[3:], value)
	})
}

// checkInner compares the streams in a string before and after a set in the first
// document.
func checkInner(t *testing.T, before, after []byte, path identity.Path, value string) {
	t.Helper()
	old, now := slices.Collect(Split(before)), slices.Collect(Split(after))
	if !bytes.Equal(before[old[0].End:], after[now[0].End:]) {
		t.Fatalf("another document changed: %q, now %q", before, after)
	}
	want, err := readIndependently(before[:old[0].End])
	if err != nil {
		return // only the quick parser reads it
	}
	got, err := readIndependently(after[:now[0].End])
	if err != nil {
		t.Fatalf("another decoder: %v\nof %q", err, after)
	}
	if diff := cmp.Diff(want.set(path, value), got); diff != "" {
		t.Errorf("-want +read:\n%s\nof %q", diff, after)
	}
}

// wrappedTexts are the values that another decoder reads from a wrapped document.
type wrappedTexts struct {
	it           []byte
	last, others string
}

func stringsIn(t *testing.T, doc []byte, into identity.Into) wrappedTexts {
	t.Helper()
	var read struct {
		Kind     string
		Metadata struct{ Annotations map[string]string }
		Data     map[string]string
	}
	if err := yaml.Unmarshal(doc, &read); err != nil {
		t.Fatalf("another decoder: %v\nof %q", err, doc)
	}
	found := wrappedTexts{[]byte(read.Data["it"]), read.Data["last"], read.Kind + read.Metadata.Annotations["b"]}
	if into.Base64 {
		decoded, err := base64.StdEncoding.DecodeString(read.Data["it"])
		if err != nil {
			t.Fatal(err)
		}
		found.it = decoded
	}
	return found
}
