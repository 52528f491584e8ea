// Package output prints results: as a table for people, as JSON or YAML for programs,
// and in formats that only some results have. It knows colours, the width of prose, and
// how errors and their hints are printed.
//
// Each format is a file with one writer. Each result is a value with a kind and a table.
// The results of the live commands, such as live.PlanView, are in package live.
package output

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"spaces-identity.dev/internal/identity"
)

// APIVersion is the version of the JSON and YAML results.
const APIVersion = "spaces-identity.dev/v1alpha1"

// Format is the name of an output format, as users type it.
type Format string

// The formats. Every result has a table, JSON and YAML; docs/output.md lists
// which commands have the others.
const (
	Table Format = "table"
	Wide  Format = "wide" // the table, with full names
	JSON  Format = "json"
	YAML  Format = "yaml"
	JUnit Format = "junit"
	Diff  Format = "diff"
	HTML  Format = "html" // one page for a browser, which needs no network

	SARIF  Format = "sarif"  // for services that show the results of linters
	GitHub Format = "github" // workflow commands, which mark lines in a pull request
	GitLab Format = "gitlab" // a Code Quality report, for a merge request
)

// writers print a result in each format.
var writers = map[Format]func(*Printer, Result) ([]byte, error){
	Table: writeTable, Wide: writeWide, JSON: writeJSON, YAML: writeYAML, JUnit: writeJUnit, Diff: writeDiff,
	SARIF: writeSARIF, GitHub: writeGitHub, GitLab: writeGitLab, HTML: writeHTML,
}

// Parse returns the word that a value names, such as a format. It must be one of the allowed
// words, which the error lists.
func Parse[T ~string](what, value string, allowed ...T) (T, error) {
	if slices.Contains(allowed, T(value)) {
		return T(value), nil
	}
	names := identity.Words(allowed)
	return "", identity.WithHint(identity.DidYouMean(value, names), "unknown %s %q: use %s", what, value, identity.OneOf(names))
}

// Result is what a command found or did.
//
// JSON and YAML show the exported fields of the value, or of what its method
// Data() any returns if it has one.
type Result interface {
	Kind() string // in JSON and YAML
	Text(*Page)   // writes the table
}

// Printer writes results to one stream and messages to another.
type Printer struct {
	Hints func(error) string // finds the next step after an error; nil: [identity.HintOf]

	out, errs             io.Writer
	outColours, errColour bool
	outTerminal           bool
	width                 int // of prose, in columns
}

// New returns a printer. env looks up NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM and
// COLUMNS. terminal reports whether a stream is a terminal.
func New(out, errs io.Writer, env func(string) string, terminal func(any) bool) *Printer {
	return &Printer{out: out, errs: errs, width: proseWidth(out, env, terminal),
		outTerminal: terminal(out), outColours: useColours(env, terminal(out)), errColour: useColours(env, terminal(errs))}
}

// Prose has at most maxWidth columns, and at least minWidth in a small window.
const maxWidth, minWidth = 80, 40

// proseWidth returns the width of prose in columns: that of COLUMNS, or else of the
// terminal, within the limits.
func proseWidth(out io.Writer, env func(string) string, terminal func(any) bool) int {
	columns, err := strconv.Atoi(env("COLUMNS"))
	if f, isFile := out.(*os.File); err != nil && isFile && terminal(out) {
		columns, _, _ = term.GetSize(int(f.Fd())) // zero if unknown
	}
	return min(max(cmp.Or(columns, maxWidth), minWidth), maxWidth)
}

// Print writes a result in a format. It writes once: a result that cannot be encoded
// prints nothing.
func (p *Printer) Print(f Format, r Result) error {
	write, ok := writers[f]
	if !ok {
		return fmt.Errorf("%s: unknown output format %q", r.Kind(), f)
	}
	text, err := write(p, r)
	if err != nil {
		return fmt.Errorf("%s as %s: %w", r.Kind(), f, err)
	}
	_, err = p.out.Write(text)
	return err
}

// Warn prints a line "warning: …" to the stream of messages.
func (p *Printer) Warn(text string) { p.say(Yellow, "warning", text) }

// Note prints a line "note: …" to the stream of messages.
func (p *Printer) Note(text string) { p.say(Cyan, "note", text) }

// say prints a message. Further lines of the text are indented. An error of the
// stream is ignored: there is nowhere else to report it.
func (p *Printer) say(c Colour, word, text string) {
	text = strings.ReplaceAll(visible(strings.TrimRight(text, "\n"), "\n\t"), "\n", "\n  ")
	_, _ = fmt.Fprintf(p.errs, "%s %s\n", paint(p.errColour, c, word+":"), text)
}

// visible returns a text with escapes such as \x1b for the characters that a terminal does
// not show: control characters, and those that hide or reorder text. Names and values of
// manifests may contain them. It keeps the characters in keep.
func visible(text, keep string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(r)):
			fmt.Fprintf(&b, "\\x%02x", text[i])
		case strconv.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
