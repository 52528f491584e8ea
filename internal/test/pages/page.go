package pages

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Page is a Markdown file with commands.
type Page struct {
	path  string
	lines []string
	Steps []Step
}

// Step is a command with the output that the page shows, or a file to write.
type Step struct {
	Line    int    // of the command or of the file's text, from 1
	Command string // may have several lines
	File    string // its name, if it is a file; its text is what the page shows
	Helm    string // 3 or 4, or empty for both
	Marked  bool   // whether a comment asks to run it
	Cluster bool   // whether it needs a cluster

	first, end int // the lines of the output in the page
}

const (
	blockStart   = "```console"
	blockEnd     = "```"
	prompt       = "$ "
	elision      = "…"
	needsCluster = "<!-- cluster:"
	runMark      = "<!-- run -->"
)

// Read returns the commands of a page. It fails if a block does not begin with a command.
func Read(path string) (*Page, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &Page{path: path, lines: strings.Split(string(text), "\n")}
	cluster := false
	for i := 0; i < len(p.lines); i++ {
		if strings.HasPrefix(p.lines[i], needsCluster) {
			cluster = true
		}
		if !strings.HasPrefix(p.lines[i], blockEnd) {
			continue
		}
		end, err := p.readBlock(i, Step{
			Cluster: cluster, Helm: p.comment(i, "Helm "), File: p.comment(i, "file: "), Marked: i > 0 && p.lines[i-1] == runMark,
		})
		if err != nil {
			return nil, err
		}
		i = end
	}
	return p, nil
}

// comment returns the rest of the comment on the line before a block, after its first word.
// It is empty if the comment begins with another word.
func (p *Page) comment(block int, word string) string {
	if block == 0 {
		return ""
	}
	rest, named := strings.CutPrefix(p.lines[block-1], "<!-- "+word)
	value, ended := strings.CutSuffix(rest, " -->")
	if !named || !ended {
		return ""
	}
	return value
}

// readBlock adds the steps of the block that begins at a line, if it has any. It returns the
// line of its end. The steps have the settings of block.
func (p *Page) readBlock(start int, block Step) (end int, err error) {
	length := slices.Index(p.lines[start+1:], blockEnd)
	if length < 0 {
		return 0, fmt.Errorf("%s:%d: the block has no end", p.path, start+1)
	}
	end = start + 1 + length
	if block.File != "" {
		block.Line, block.first, block.end = start+2, start+1, end
		p.Steps = append(p.Steps, block)
		return end, nil
	}
	if p.lines[start] != blockStart {
		return end, nil
	}
	return end, p.readCommands(start+1, end, block)
}

// readCommands adds the steps of the lines from first to the one before end.
func (p *Page) readCommands(first, end int, block Step) error {
	for i := first; i < end; {
		if !strings.HasPrefix(p.lines[i], prompt) {
			return fmt.Errorf("%s:%d: the block does not begin with a command", p.path, i+1)
		}
		s := block
		s.Line, s.Command = i+1, p.lines[i][len(prompt):]
		for i++; continues(s.Command); i++ {
			if i == end {
				return fmt.Errorf("%s:%d: the command has no end", p.path, s.Line)
			}
			s.Command += "\n" + p.lines[i]
		}
		s.first = i
		for i < end && !strings.HasPrefix(p.lines[i], prompt) {
			i++
		}
		s.end = i
		p.Steps = append(p.Steps, s)
	}
	return nil
}

func continues(command string) bool {
	return strings.HasSuffix(command, `\`) || strings.HasSuffix(command, "&&") || strings.HasSuffix(command, "|")
}

// Shown returns the lines that the page shows for a step: its output, or the text of a file.
func (p *Page) Shown(s Step) []string { return p.lines[s.first:s.end] }

// Replace replaces the output of steps, by their index, and writes the page. It keeps a
// line with an elision between as many lines as it had around it.
func (p *Page) Replace(printed map[int][]string) error {
	var lines []string
	from := 0
	for i, s := range p.Steps {
		if got, ok := printed[i]; ok {
			lines = append(append(lines, p.lines[from:s.first]...), shorten(got, p.Shown(s))...)
			from = s.end
		}
	}
	lines = append(lines, p.lines[from:]...)
	return os.WriteFile(p.path, []byte(strings.Join(lines, "\n")), 0o644)
}

// shorten leaves out the lines that the page left out before.
func shorten(got, shown []string) []string {
	for i, line := range shown {
		after := len(shown) - i - 1
		if strings.HasPrefix(line, elision) && len(got) > i+after {
			return append(append(append([]string{}, got[:i]...), line), got[len(got)-after:]...)
		}
	}
	return got
}
