package check

import (
	"regexp"
	"strings"
)

// word is a word of a text that looks like the key of an annotation.
type word struct {
	text string
	at   place
}

var (
	setFlag  = regexp.MustCompile(`--set(-string)?(=|[ \t]+(?:\\\r?\n[ \t]*)?)`)
	keyWords = regexp.MustCompile(`[A-Za-z0-9-]+(?:\\*\.[A-Za-z0-9-]+)+/[A-Za-z][A-Za-z-]*`)
)

// script reads the arguments of Helm in a text, such as a shell script, a workflow or a
// page of documentation. It reports whether there were any. If the text was nothing else
// that the program knows, its words may be keys too.
func (in *input) script(f *fileText, unknown bool) bool {
	text := string(f.text)
	var v values
	var problems []problem
	for _, m := range setFlag.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > 0 && !strings.ContainsRune(" \t\r\n\"'`([", rune(text[m[0]-1])) {
			continue
		}
		argument, ok := shellWord(text, m[1])
		if !ok || !strings.Contains(argument.text, "=") {
			continue
		}
		argument.isText = m[2] >= 0
		offsets := argument.offsets
		settings, wrong := argumentAt(argument.text, argument.isText, func(i int) place { return f.at(offsets[i]) })
		v.settings, problems = append(v.settings, settings...), append(problems, wrong...)
	}
	known := false
	for _, s := range v.settings {
		known = known || isSpacesKey(s.keys[0].name)
	}
	for _, p := range problems {
		known = known || isSpacesKey(p.root)
	}
	if known {
		v.whole, v.typed = true, true
		in.values, in.bad = append(in.values, v), append(in.bad, problems...)
	}
	if unknown {
		for _, m := range keyWords.FindAllStringIndex(text, -1) {
			in.words = append(in.words, word{strings.ReplaceAll(text[m[0]:m[1]], `\`, ""), f.at(m[0])})
		}
	}
	return known
}

func argumentAt(text string, isText bool, at func(int) place) ([]setting, []problem) {
	return argument{text: text, isText: isText, place: at}.settings()
}

// shellArgument is a word of a shell script without its quotes, and the offset of each of
// its bytes in the script.
type shellArgument struct {
	text    string
	offsets []int // one more than there are bytes
	isText  bool
}

// shellWord reads the word at an offset by the rules of POSIX shells. It keeps variables as
// they are, and fails at the end of a quoted text that is not closed.
//
// Source: POSIX, Shell Command Language, "Quoting".
func shellWord(script string, at int) (shellArgument, bool) {
	var w shellArgument
	var b strings.Builder
	quote := byte(0)
	depth := 0 // of ${ and $(
	add := func(i int) {
		b.WriteByte(script[i])
		w.offsets = append(w.offsets, i)
	}
	i := at
	for ; i < len(script); i++ {
		c := script[i]
		switch {
		case quote == '\'' && c == '\'', quote == '"' && c == '"' && depth == 0:
			quote = 0
		case quote == '\'':
			add(i)
		case c == '$' && i+1 < len(script) && (script[i+1] == '{' || script[i+1] == '('):
			add(i)
			i++
			add(i)
			depth++
		case depth > 0 && (c == '}' || c == ')'):
			add(i)
			depth--
		case depth > 0 && c != '\n':
			add(i)
		case c == '\\' && i+1 < len(script):
			if quote == '"' && !strings.ContainsRune("$`\"\\\n", rune(script[i+1])) {
				add(i)
				continue
			}
			i++
			if script[i] != '\n' {
				add(i)
			}
		case quote == '"':
			add(i)
		case c == '"' || c == '\'':
			quote = c
		case strings.IndexByte(" \t\r\n;|&<>()`", c) >= 0:
			w.text, w.offsets = b.String(), append(w.offsets, i)
			return w, len(w.text) > 0
		default:
			add(i)
		}
	}
	w.text, w.offsets = b.String(), append(w.offsets, i)
	return w, quote == 0 && len(w.text) > 0
}
