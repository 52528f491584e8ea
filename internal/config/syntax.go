package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// syntax is what the YAML parser says, in the words of a message: without the
// line, which stands in the origin.
func syntax(err error) error {
	line, text := splitSyntax(err)
	if line == 0 {
		text = strings.TrimPrefix(err.Error(), "yaml: ")
	}
	return errors.New("is not valid YAML: " + text)
}

// syntaxOrigin is where the parser stopped. It tells the line only, and not
// always: then it is the first, or what the message speaks of is looked for.
func syntaxOrigin(name string, content []byte, err error) Origin {
	if at := spokenOf(content, err.Error()); at >= 0 {
		return originAt(name, content, at)
	}
	line, _ := splitSyntax(err)
	at := 0
	for range line - 1 {
		next := bytes.IndexByte(content[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	indent := len(content[at:]) - len(bytes.TrimLeft(content[at:], " \t"))
	return originAt(name, content, at+indent)
}

// spokenOf is the offset of what the message names without a line, or -1.
func spokenOf(content []byte, message string) int {
	if _, after, ok := strings.Cut(message, "unknown anchor '"); ok {
		anchor, _, _ := strings.Cut(after, "'")
		return bytes.Index(content, []byte("*"+anchor))
	}
	if strings.Contains(message, "control characters are not allowed") {
		return bytes.IndexFunc(content, func(r rune) bool {
			return r < ' ' && !strings.ContainsRune("\t\r\n", r) || r >= 0x7f && r < 0xa0 && r != 0x85
		})
	}
	return -1
}

// originAt is the line and column of an offset.
func originAt(name string, content []byte, offset int) Origin {
	before := content[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Origin{File: name, Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[start:])}
}

// splitSyntax takes the parser's "yaml: line 3: text" apart. The line is 0
// where it tells none.
func splitSyntax(err error) (line int, text string) {
	rest, ok := strings.CutPrefix(err.Error(), "yaml: line ")
	if !ok {
		return 0, ""
	}
	number, text, _ := strings.Cut(rest, ": ")
	if _, err := fmt.Sscan(number, &line); err != nil {
		return 0, ""
	}
	return line, text
}
