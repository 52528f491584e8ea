package output

import (
	"fmt"
	"strings"

	"spaces-identity.dev/internal/lazyregexp"
)

// Page collects the text of a table.
type Page struct {
	text    strings.Builder
	wide    bool
	colours bool
	width   int
}

func writeTable(p *Printer, r Result) ([]byte, error) { return p.page(r, false), nil }

func writeWide(p *Printer, r Result) ([]byte, error) { return p.page(r, true), nil }

func (p *Printer) page(r Result, wide bool) []byte {
	page := &Page{wide: wide, colours: p.outColours, width: p.width}
	r.Text(page)
	return []byte(page.text.String())
}

// Wide reports whether the page shows names whole and all columns.
func (p *Page) Wide() bool { return p.wide }

// Paint returns text in a colour, or as it is if the page has no colours.
func (p *Page) Paint(c Colour, text string) string { return paint(p.colours, c, text) }

// Line writes a line that is never wrapped or cut, such as a command to copy.
func (p *Page) Line(format string, args ...any) {
	p.text.WriteString(fmt.Sprintf(format, args...) + "\n")
}

// Write writes text as it is.
func (p *Page) Write(text []byte) (int, error) { return p.text.Write(text) }

// Blank writes an empty line between two parts of a page. It writes none at the top.
func (p *Page) Blank() {
	if p.text.Len() > 0 {
		p.text.WriteString("\n")
	}
}

// Prose writes text, indented by depth and wrapped. It indents the lines after the first
// by one more level. It keeps the line breaks of the text and never splits a word.
func (p *Page) Prose(depth int, text string) {
	for i, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i == 1 {
			depth++
		}
		p.wrap(depth, paragraph)
	}
}

// Wrap returns prose with line breaks, as [Page.Prose] writes it at 80 columns.
func Wrap(text string) string {
	page := &Page{width: maxWidth}
	page.Prose(0, text)
	return page.text.String()
}

func (p *Page) wrap(depth int, paragraph string) {
	line := strings.Repeat("  ", depth)
	empty := true
	for _, word := range words(paragraph) {
		if !empty && visibleWidth(line)+1+visibleWidth(word) > p.width {
			p.Line("%s", line)
			line, empty = strings.Repeat("  ", depth+1), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	p.Line("%s", line)
}

// words splits text at its spaces, except between `backquotes`, so that a command to copy
// stays on one line.
func words(text string) []string {
	var all []string
	for field := range strings.FieldsSeq(text) {
		last := len(all) - 1
		if last >= 0 && strings.Count(all[last], "`")%2 == 1 {
			all[last] += " " + field
			continue
		}
		all = append(all, field)
	}
	return all
}

// Table writes rows, the first of which is the header, with aligned columns.
func (p *Page) Table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], visibleWidth(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-visibleWidth(cell)+2))
		}
		p.Line("%s", strings.TrimRight(line.String(), " "))
	}
}

// longID matches the UUID in a host namespace, such as
// mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system.
var longID = lazyregexp.New(`([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Shorten returns names with their UUIDs cut to the first eight digits. It returns them
// unchanged if the page is wide, or if two different names would become the same.
func (p *Page) Shorten(names []string) []string {
	if p.wide {
		return names
	}
	short := make([]string, len(names))
	whole := map[string]string{} // by short name
	for i, name := range names {
		short[i] = longID.Get().ReplaceAllString(name, "$1…")
		if other, taken := whole[short[i]]; taken && other != name {
			return names
		}
		whole[short[i]] = name
	}
	return short
}

// Note writes a paragraph that begins with a coloured word, such as "warning:".
func (p *Page) Note(c Colour, word, text string) {
	p.Blank()
	p.Prose(0, p.Paint(c, word+":")+" "+text)
}

// Remark writes a paragraph about a row of the table: its name, how many more rows have the
// same problem, and a sentence about it. If fix is not empty, it adds what to do.
func (p *Page) Remark(what string, more int, text, fix string) {
	if more > 0 {
		what += fmt.Sprintf(" (and %d more)", more)
	}
	p.Blank()
	p.Prose(0, what+": "+text)
	if fix != "" {
		p.Prose(1, "fix: "+fix)
	}
}

// Group returns groups of items with the same key. The groups are in the order of their
// first items.
func Group[T any](items []T, key func(T) string) [][]T {
	var groups [][]T
	at := map[string]int{}
	for _, item := range items {
		i, known := at[key(item)]
		if !known {
			i, groups = len(groups), append(groups, nil)
			at[key(item)] = i
		}
		groups[i] = append(groups[i], item)
	}
	return groups
}

// Count returns a number with its noun: "1 role", "2 roles".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
