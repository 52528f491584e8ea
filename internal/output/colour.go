package output

import (
	"strings"
	"unicode/utf8"
)

// Colour is the number of a terminal colour (ECMA-48, "SGR"). The zero value is the
// terminal's default colour.
type Colour string

// The colours of words.
const (
	Red     Colour = "31" // failed, removed, denied
	Green   Colour = "32" // as it should be, created, allowed
	Yellow  Colour = "33" // a warning, changed
	Magenta Colour = "35" // unknown
	Cyan    Colour = "36" // a note, adopted
)

// useColours reports whether to colour a stream.
//
// Source: https://no-color.org, https://bixense.com/clicolors.
func useColours(env func(string) string, terminal bool) bool {
	if env("NO_COLOR") != "" {
		return false
	}
	if force := env("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return terminal && env("CLICOLOR") != "0" && env("TERM") != "dumb"
}

// paint returns text in a colour, if colours are on.
func paint(on bool, c Colour, text string) string {
	if !on || c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// visibleWidth returns the width of a text on a terminal, in columns. Colours have no
// width.
func visibleWidth(text string) int {
	width := 0
	for i, part := range strings.Split(text, "\x1b[") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "m")
		}
		width += utf8.RuneCountInString(part)
	}
	return width
}
