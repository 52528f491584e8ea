package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// markdownFiles returns the pages of the project by their path from its root.
func markdownFiles(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	patterns := []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md", "testdata/chart/*.md"}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.ToSlash(name)] = readFile(t, file)
		}
	}
	return pages
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	link      = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	pages, links := markdownFiles(t), 0
	for name, page := range pages {
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			target, anchor, _ := strings.Cut(m[1], "#")
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: the link %s leads nowhere: %v", name, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(pages[to]), anchor) {
				t.Errorf("%s: the link %s leads to no heading of %s", name, m[1], to)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(page string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		text := regexp.MustCompile(`\]\([^)]*\)`).ReplaceAllString(m[1], "")
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, text))
	}
	return all
}

// ours are the sections of docs/troubleshooting.md with messages of this program.
var ours = []string{"In the program", "Findings of verify", "In backups"}

// TestQuotedMessagesExist looks for the messages that docs/troubleshooting.md quotes in
// headings. Each is a part of a text of the source.
func TestQuotedMessagesExist(t *testing.T) {
	texts, quoted := sourceTexts(t), 0
	for section := range strings.SplitSeq(readFile(t, root+"/docs/troubleshooting.md"), "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if !slices.Contains(ours, title) {
			continue
		}
		for _, m := range regexp.MustCompile("(?m)^### `(.*)`$").FindAllStringSubmatch(body, -1) {
			quoted++
			if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, strings.Trim(m[1], " …")) }) {
				t.Errorf("no text of the source contains %q", m[1])
			}
		}
	}
	if quoted < 20 {
		t.Errorf("only %d messages are quoted", quoted)
	}
}

// verb matches a verb of package fmt.
var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// sourceTexts returns the texts in the source, with … for each verb of package fmt.
func sourceTexts(t *testing.T) []string {
	t.Helper()
	var texts []string
	err := filepath.WalkDir(root+"/internal", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains(filepath.ToSlash(file), "/internal/test/") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := constantText(e)
			if ok {
				texts = append(texts, verb.ReplaceAllString(text, "…"))
			}
			return !ok
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// constantText returns the text of a string literal, or of several that are added.
func constantText(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		left, ok := constantText(e.X)
		right, too := constantText(e.Y)
		return left + right, ok && too && e.Op == token.ADD
	}
	return "", false
}

// A reader finds each page from the index.
func TestIndexListsEveryPage(t *testing.T) {
	index := readFile(t, root+"/docs/README.md")
	for name := range markdownFiles(t) {
		if page, ok := strings.CutPrefix(name, "docs/"); ok && page != "README.md" && !strings.Contains(index, "]("+page+")") {
			t.Errorf("docs/README.md does not list %s", page)
		}
	}
}
