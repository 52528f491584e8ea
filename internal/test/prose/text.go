package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"regexp"
	"strings"
)

// line is a line of Markdown with its number in the file it comes from.
type line struct {
	number int
	text   string
}

func markdownLines(source string) []line {
	var lines []line
	for text := range strings.Lines(source) {
		lines = append(lines, line{len(lines) + 1, strings.TrimRight(text, "\n")})
	}
	return lines
}

// directive is a comment for a tool: //go:embed, //nolint.
var directive = regexp.MustCompile(`^//([a-z]+:[a-z]|nolint|export |extern )`)

// commentLines returns the comments of a Go file, with a blank line after each
// group: doc comments are almost Markdown.
func commentLines(source []byte) ([]line, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if !directive.MatchString(comment.Text) {
				lines = append(lines, linesOf(set, comment)...)
			}
		}
		lines = append(lines, line{})
	}
	return lines, nil
}

func linesOf(set *token.FileSet, comment *ast.Comment) []line {
	text := strings.TrimSuffix(strings.TrimPrefix(comment.Text, "/*"), "*/")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "//"), " ")
	first := set.Position(comment.Pos()).Line
	var lines []line
	for text := range strings.SplitSeq(text, "\n") {
		lines = append(lines, line{first + len(lines), text})
	}
	return lines
}

// helpText returns the text of the program's help and of the help of every
// command. What several commands have in common is in it once.
func helpText(program string) (string, error) {
	overview, err := exec.Command(program, "help").Output()
	if err != nil {
		return "", fmt.Errorf("%s help: %w", program, err)
	}
	pages := []string{string(overview)}
	_, list, _ := strings.Cut(string(overview), "\nCommands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for command := range strings.Lines(list) {
		name := strings.Fields(command)[0]
		page, err := exec.Command(program, "help", name).Output()
		if err != nil {
			return "", fmt.Errorf("%s help %s: %w", program, name, err)
		}
		pages = append(pages, string(page))
	}
	var texts []string
	seen := map[string]bool{}
	for _, page := range pages {
		for paragraph := range strings.Lines(plainText(helpLines(page))) {
			if !seen[paragraph] && strings.TrimSpace(paragraph) != "" {
				texts = append(texts, paragraph)
			}
			seen[paragraph] = true
		}
	}
	return strings.Join(texts, "\n"), nil
}

// helpItem is a command or flag with what it does; helpMore continues it.
var (
	helpItem = regexp.MustCompile(`^ +(?:-|[a-z]).*?\S {2,}(\S.*)$`)
	helpMore = regexp.MustCompile(`^ {20,}(\S.*)$`)
)

// helpLines returns the description of a command, and of its commands and flags
// what each does, as items of a list. Examples and usage lines are code.
func helpLines(page string) []line {
	description, lists, _ := strings.Cut(page, "\nUsage:\n")
	lines := markdownLines(description)
	for text := range strings.Lines(lists) {
		number := len(lines) + 1
		text = strings.TrimRight(text, "\n")
		if more := helpMore.FindStringSubmatch(text); more != nil {
			lines = append(lines, line{number, more[1]})
		} else if item := helpItem.FindStringSubmatch(text); item != nil {
			lines = append(lines, line{number, "- " + item[1]})
		} else {
			lines = append(lines, line{number, ""})
		}
	}
	return lines
}

var (
	fence      = regexp.MustCompile("^ *(```|~~~)")
	codeLine   = regexp.MustCompile(`^(\t| {4,}\S)`)
	blockStart = regexp.MustCompile(`^ *([-*+]|\d+[.)]|#+|>) +`)
	tableRule  = regexp.MustCompile(`^\|[|: -]+$`)
)

// plainText returns the paragraphs, list items and table cells of Markdown as
// sentences: each on one line, which has the number of its first line in the
// source. Code blocks are left out.
func plainText(lines []line) string {
	var w writer
	inFence, inList := false, false
	for _, l := range lines {
		item := blockStart.FindString(l.text)
		switch {
		case fence.MatchString(l.text):
			inFence = !inFence
			w.flush()
		case inFence || w.text == "" && !inList && codeLine.MatchString(l.text):
		case strings.TrimSpace(l.text) == "" || tableRule.MatchString(l.text):
			w.flush()
		case strings.HasPrefix(l.text, "|"):
			for cell := range strings.SplitSeq(strings.ReplaceAll(l.text, `\|`, " or "), "|") {
				w.flush()
				w.add(line{l.number, cell})
			}
		default:
			if item != "" {
				w.flush()
			}
			if w.text == "" {
				inList = item != "" || inList && strings.HasPrefix(l.text, " ")
			}
			w.add(line{l.number, l.text[len(item):]})
		}
	}
	w.flush()
	return strings.Join(w.out, "\n") + "\n"
}

// writer collects the lines of a paragraph until flush writes it.
type writer struct {
	out   []string
	text  string
	first int
}

func (w *writer) add(l line) {
	if w.text == "" {
		w.first = l.number
	}
	w.text += " " + l.text
}

func (w *writer) flush() {
	if text := asSentence(w.text); text != "" {
		for len(w.out) < w.first {
			w.out = append(w.out, "")
		}
		w.out[w.first-1] = strings.TrimSpace(w.out[w.first-1] + " " + text)
	}
	w.text = ""
}

var (
	inlineCode = regexp.MustCompile("(``.+?``|`[^`]+`)")
	htmlMarkup = regexp.MustCompile(`(?s)<!--.*?-->|</?[a-z][^>]*>`)
	linkTarget = regexp.MustCompile(`\]\([^)]*\)|\]\[[^]]*\]|[][*]`)
	wrongEnd   = regexp.MustCompile(`[:;,.\s]*$`)
)

// asSentence returns the text without markup and with a full stop, or nothing if
// it has no word. Code becomes one word, with a capital for it may begin a
// sentence.
func asSentence(text string) string {
	text = inlineCode.ReplaceAllString(text, "Code")
	text = htmlMarkup.ReplaceAllString(text, "")
	text = linkTarget.ReplaceAllString(text, "")
	text = strings.Join(strings.Fields(text), " ")
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= 'A' }) {
		return ""
	}
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") {
		return text
	}
	return wrongEnd.ReplaceAllString(text, ".")
}
