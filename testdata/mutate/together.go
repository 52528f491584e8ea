package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// together is the code of a package with many mutants in it. A file outside of the code has
// the number of the active one, so that the tests are compiled once for all mutants.
type together struct {
	dir     string // of the changed files, the test binaries and the file active
	pkg     string
	name    string // of the package
	mutants []*mutant
}

// bring writes the code of a package with all mutants that compile. It sets the state of
// each mutant.
func bring(ctx context.Context, dir, pkg string, mutants []*mutant) (*together, error) {
	t := &together{dir: dir, pkg: pkg, mutants: mutants}
	for i, m := range mutants {
		m.number = i + 1
	}
	if err := t.activate(0); err != nil {
		return nil, err
	}
	for {
		texts, err := t.write()
		if err != nil {
			return nil, err
		}
		build := exec.CommandContext(ctx, "go", "build", "-gcflags=-e", t.overlay(), "./"+pkg)
		out, err := build.CombinedOutput()
		if err == nil {
			return t, nil
		}
		if !t.leaveOut(texts, out) || ctx.Err() != nil {
			return nil, fmt.Errorf("%s with mutants does not compile: %w\n%s", pkg, err, out)
		}
	}
}

// activate makes the mutant of that number the active one. 0 is the original.
func (t *together) activate(number int) error {
	return os.WriteFile(filepath.Join(t.dir, "active"), []byte(strconv.Itoa(number)), 0o600)
}

// try runs the tests on a mutant.
func (t *together) try(ctx context.Context, m *mutant, runs []run) (verdict, error) {
	switch m.state {
	case invalid:
		return noCompile, nil
	case alone:
		v, _, err := testAlone(ctx, *m, runs)
		return v, err
	}
	if err := t.activate(m.number); err != nil {
		return noCompile, err
	}
	v, _, err := test(ctx, runs, t.dir, t.overlay())
	return v, err
}

func (t *together) overlay() string {
	return "-overlay=" + filepath.Join(t.dir, "overlay.json")
}

// write writes the changed files and the overlay of go build that puts them in place. It
// returns the texts of the files by their names.
func (t *together) write() (map[string]string, error) {
	texts, replaced := map[string]string{}, map[string]string{}
	for _, m := range t.mutants {
		if base := filepath.Base(m.file); texts[base] == "" {
			text, err := t.changed(m.file)
			if err != nil {
				return nil, err
			}
			texts[base] = text
		}
	}
	texts["zz_mutants.go"] = fmt.Sprintf(activeCode, t.name, filepath.Join(t.dir, "active"))
	for base, text := range texts {
		original, err := filepath.Abs(filepath.Join(t.pkg, base))
		if err != nil {
			return nil, err
		}
		replaced[original] = filepath.Join(t.dir, base)
		if err := os.WriteFile(replaced[original], []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	content, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return nil, err
	}
	return texts, os.WriteFile(filepath.Join(t.dir, "overlay.json"), content, 0o600)
}

const activeCode = `package %s

import (
	"os"
	"strconv"
)

var mutantActive = func() int {
	text, _ := os.ReadFile(%q)
	number, _ := strconv.Atoi(string(text))
	return number
}()

func mutantPick[T any](number int, original, changed T) T {
	if mutantActive == number {
		return changed
	}
	return original
}
`

// insertion replaces the bytes from start to end of a file.
type insertion struct {
	start, end int
	text       string
}

// changed returns the text of a file with its mutants. A function begins with a switch that
// has its whole body once for each mutant. A literal outside of functions becomes a call.
func (t *together) changed(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, text, 0)
	if err != nil {
		return "", err
	}
	t.name = tree.Name.Name
	var edits []insertion
	for _, d := range tree.Decls {
		start, end := fset.Position(d.Pos()).Offset, fset.Position(d.End()).Offset
		var within []*mutant
		for _, m := range t.mutants {
			if m.file == file && m.state == inBinary && m.start >= start && m.end <= end {
				within = append(within, m)
			}
		}
		if f, ok := d.(*ast.FuncDecl); !ok {
			edits = append(edits, picks(d, within)...)
		} else if f.Body != nil && len(within) > 0 {
			edits = append(edits, bodies(fset, text, f, within))
		}
	}
	slices.SortFunc(edits, func(a, b insertion) int { return b.start - a.start })
	for _, e := range edits {
		text = slices.Concat(text[:e.start], []byte(e.text), text[e.end:])
	}
	return string(text), nil
}

// picks returns the calls that replace literals of a declaration. Constants and types
// cannot have calls.
func picks(d ast.Decl, within []*mutant) []insertion {
	var edits []insertion
	for _, m := range within {
		if general, ok := d.(*ast.GenDecl); !ok || general.Tok != token.VAR || m.operator != "string" && m.operator != "number" && m.operator != "boolean" {
			m.state = alone
			continue
		}
		edits = append(edits, insertion{m.start, m.end, fmt.Sprintf("/*pick %d*/ mutantPick(%d, %s, %s)", m.number, m.number, m.old, m.new)})
	}
	return edits
}

// bodies returns the switch at the begin of a function.
func bodies(fset *token.FileSet, text []byte, f *ast.FuncDecl, within []*mutant) insertion {
	start, end := fset.Position(f.Body.Lbrace).Offset+1, fset.Position(f.Body.Rbrace).Offset
	ending := "return"
	if f.Type.Results != nil {
		ending = `panic("mutate: the function ended")`
	}
	labels := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		_, label := n.(*ast.LabeledStmt)
		labels = labels || label
		return true
	})
	var cases strings.Builder
	for _, m := range within {
		// A label may occur once, and a function that no longer ends does not compile.
		if labels || strings.HasPrefix(m.old, "panic(") || m.start < start || m.end > end {
			m.state = alone
			continue
		}
		fmt.Fprintf(&cases, "\n//body %d\ncase %d: {%s%s%s\n}\n%s\n//end", m.number, m.number, text[start:m.start], m.new, text[m.end:end], ending)
	}
	if cases.Len() == 0 {
		return insertion{start, start, ""}
	}
	return insertion{start, start, "\nswitch mutantActive {" + cases.String() + "\n}\n"}
}

var (
	compileError = regexp.MustCompile(`(?m)(\w+\.go):(\d+)(?::\d+)?: `)
	bodyLine     = regexp.MustCompile(`^//(body|end)(?: (\d+))?$`)
	pickInLine   = regexp.MustCompile(`/\*pick (\d+)\*/`)
)

// leaveOut changes the state of the mutants whose lines have errors. It returns false if it
// finds none.
func (t *together) leaveOut(texts map[string]string, out []byte) bool {
	found := false
	for _, match := range compileError.FindAllSubmatch(out, -1) {
		lines := strings.Split(texts[string(match[1])], "\n")
		number, _ := strconv.Atoi(string(match[2]))
		if number > len(lines) {
			continue
		}
		for _, pick := range pickInLine.FindAllStringSubmatch(lines[number-1], -1) {
			found = t.set(pick[1], alone) || found
		}
		for i := number - 1; i >= 0; i-- {
			if line := bodyLine.FindStringSubmatch(lines[i]); line != nil {
				found = line[1] == "body" && t.set(line[2], invalid) || found
				break
			}
		}
	}
	return found
}

func (t *together) set(number string, s state) bool {
	n, _ := strconv.Atoi(number)
	t.mutants[n-1].state = s
	return true
}
