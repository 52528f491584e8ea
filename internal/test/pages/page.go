package pages

import (
	"fmt"
	"os"
	"strings"
)

// Page is a Markdown file with commands.
type Page struct {
	path  string
	lines []string
	Steps []Step
}

// Step is a command with the output that the page shows.
type Step struct {
	Line    int    // of the command, from 1
	Command string // may have several lines
	Helm    string // 3 or 4, or empty for both
	Cluster bool   // whether it needs a cluster

	first, end int // the lines of the output in the page
}

const (
	blockStart   = "```console"
	blockEnd     = "```"
	prompt       = "$ "
	elision      = "…"
	needsCluster = "<!-- cluster:"
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
		if p.lines[i] != blockStart {
			continue
		}
		next, err := p.readBlock(i, Step{Helm: helmOf(p.lines[:i]), Cluster: cluster})
		if err != nil {
			return nil, err
		}
		i = next
	}
	return p, nil
}

// helmOf returns the Helm that the comment before a block names.
func helmOf(before []string) string {
	if len(before) == 0 {
		return ""
	}
	rest, named := strings.CutPrefix(before[len(before)-1], "<!-- Helm ")
	version, ended := strings.CutSuffix(rest, " -->")
	if !named || !ended {
		return ""
	}
	return version
}

// readBlock adds the steps of the block that begins at a line. It returns the line of its
// end. The steps have the settings of block.
func (p *Page) readBlock(start int, block Step) (end int, err error) {
	i := start + 1
	for i < len(p.lines) && p.lines[i] != blockEnd {
		if !strings.HasPrefix(p.lines[i], prompt) {
			return 0, fmt.Errorf("%s:%d: the block does not begin with a command", p.path, i+1)
		}
		s := block
		s.Line, s.Command = i+1, p.lines[i][len(prompt):]
		for i++; continues(s.Command); i++ {
			if i >= len(p.lines) || p.lines[i] == blockEnd {
				return 0, fmt.Errorf("%s:%d: the command has no end", p.path, s.Line)
			}
			s.Command += "\n" + p.lines[i]
		}
		s.first = i
		for i < len(p.lines) && p.lines[i] != blockEnd && !strings.HasPrefix(p.lines[i], prompt) {
			i++
		}
		s.end = i
		p.Steps = append(p.Steps, s)
	}
	if i == len(p.lines) {
		return 0, fmt.Errorf("%s:%d: the block has no end", p.path, start+1)
	}
	return i, nil
}

func continues(command string) bool {
	return strings.HasSuffix(command, `\`) || strings.HasSuffix(command, "&&") || strings.HasSuffix(command, "|")
}

// Shown returns the lines of output that the page shows for a step.
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
