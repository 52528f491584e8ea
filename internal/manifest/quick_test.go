package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/test/shared"
)

// TestQuickParserBuildsTheLibrarysTrees runs on real manifests. The quick parser
// must also read most of them.
func TestQuickParserBuildsTheLibrarysTrees(t *testing.T) {
	files, err := filepath.Glob("testdata/quick/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	compareParsers(t, files)
}

// TestSharedCorpusParsesTheSame compares the parsers on renders of public charts.
func TestSharedCorpusParsesTheSame(t *testing.T) {
	compareParsers(t, shared.Files(t, "corpus/*.yaml"))
}

func compareParsers(t *testing.T, files []string) {
	t.Helper()
	documents, quick := 0, 0
	for _, file := range files {
		stream, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range Split(stream) {
			documents++
			if sameTrees(t, file, stream[doc.Start:doc.End]) {
				quick++
			}
		}
	}
	t.Logf("%d of %d documents parsed without the library", quick, documents)
	if quick*10 < documents*8 {
		t.Errorf("only %d of %d documents were parsed without the library", quick, documents)
	}
}

// wholeNodes compares nodes with everything in them.
var wholeNodes = cmp.AllowUnexported(Node{}, rest{}, properties{})

// sameTrees compares the trees of both parsers, if the quick parser reads the document.
func sameTrees(t *testing.T, name string, text []byte) bool {
	t.Helper()
	got, ok := quickParse(new(treeMemory), text)
	if !ok {
		return false
	}
	want, err := libraryParse(text)
	if err != nil {
		t.Errorf("%s: the library rejects what the quick parser reads: %v\n%s", name, err, text)
		return true
	}
	if diff := cmp.Diff(want, got, wholeNodes); diff != "" {
		t.Errorf("%s: -library +quick:\n%s\nof:\n%s", name, diff, text)
	}
	return true
}

// FuzzQuickParse checks that the quick parser builds the library's tree, or gives up.
func FuzzQuickParse(f *testing.F) {
	for _, seed := range []string{
		"a: b\n", "a:\n- b\n- c: d\n  e: |\n    f\n\n    g\nh: {\"i\": [1, 'j']}\n", "- - a\n  - b: c\n", "a: b\n  c\n\n  d\ne: 'f''g'\n",
		"# c\n---\na: # d\n  # e\n  b: \"\\u0041\\n\" # f\n", "{\n  \"a\": {},\n  \"b\": []\n}\n", "a: |+2\n    b\n\n", "a:\nb: \n  - \n  -\n    c: d\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := quickParse(new(treeMemory), []byte(text)); ok {
			want, err := libraryParse([]byte(text))
			if err != nil && (strings.Contains(text, `\/`) || strings.Contains(text, "?")) {
				return // valid all the same: see 3UYS and JR7V of the YAML test suite
			}
			if err != nil {
				t.Fatalf("the library rejects what the quick parser reads: %v\n%q", err, text)
			}
			if diff := cmp.Diff(want, got, wholeNodes); diff != "" {
				t.Fatalf("-library +quick:\n%s\nof %q", diff, text)
			}
		}
	})
}
