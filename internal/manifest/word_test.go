package manifest

import (
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

// TestPlainASCIIExaminesEveryByte puts each byte at each place of a word.
func TestPlainASCIIExaminesEveryByte(t *testing.T) {
	for at := range wordSize {
		for b := range 256 {
			word := []byte("aaaaaaaa")
			word[at] = byte(b)
			if got, want := isPlainASCII(string(word)), b >= ' ' && b < 0x7f; got != want {
				t.Errorf("byte %#x at %d: %t", b, at, got)
			}
		}
	}
	if isPlainASCII("aaaaaaa") {
		t.Error("seven characters are no word")
	}
}

// TestLinesWithoutCarriageReturnsAreFoundTheSame compares texts with and without a carriage
// return, which is a line break of its own.
func TestLinesWithoutCarriageReturnsAreFoundTheSame(t *testing.T) {
	for _, text := range []string{"", "a", "a\n", "a\nb", "\n\n\na\n\nb\n", "\ufeffa\n\nb\n"} {
		last := len(text)
		with := NewLines([]byte(text + "\r"))
		want := slices.DeleteFunc(slices.Clone(with.starts), func(at int) bool { return at > last })
		if got := NewLines([]byte(text)).starts; !slices.Equal(got, want) && !slices.Equal(got, slices.Compact(want)) {
			t.Errorf("%q: the lines start at %v, want %v", text, got, want)
		}
	}
}

// TestOneStringIsOpenedInSeveralWays patches two documents of one string, and opens a string
// with and without its beginning.
func TestOneStringIsOpenedInSeveralWays(t *testing.T) {
	text := []byte("v: \"a: {b: c}\\n---\\nd: {e: f}\\n\"\n")
	root, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var sets []Set
	for number, key := range []string{"a", "d"} {
		sets = append(sets, Set{Path: identity.Path{}.Field("v").Inside(identity.Into{Document: number}).Field(key, "k"), Value: "w"})
	}
	patched, err := PatchParsed(text, root, sets)
	if err != nil || strings.Count(string(patched), `{\"k\": \"w\", `) != 2 {
		t.Errorf("%s: %v", patched, err)
	}
	node, opened := &Node{Kind: Scalar, Value: "--x=a: 1"}, openStrings{}
	for skip, want := range map[int]string{0: "--x=a: 1", 4: "a: 1"} {
		s, ok := opened.open(node, identity.Into{Skip: skip})
		if !ok || string(s.stream) != want {
			t.Errorf("without %d bytes: %+v, want %q", skip, s, want)
		}
	}
	s, _ := new(openStrings).open(&Node{Kind: Scalar, Value: "a: 1\n---\nb: 2\n"}, identity.Into{})
	for number, key := range []string{"a", "b"} {
		if root, err := s.parse(number); err != nil || root.Field(key) == nil {
			t.Errorf("document %d lacks %s: %v", number, key, err)
		}
	}
}
