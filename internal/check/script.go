package check

import (
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/lazyregexp"
)

// word is a word of a text that looks like the key of an annotation.
type word struct {
	text string
	at   place
}

var (
	setFlag  = lazyregexp.New(`--set(-string)?(=|[ \t]+(?:\\\r?\n[ \t]*)?)`)
	helmWord = lazyregexp.New(`(?i)\bhelm[34]?["'}]*[ \t]`)
	keyWords = lazyregexp.New(`[A-Za-z0-9-]+(?:\\*\.[A-Za-z0-9-]+)+/[A-Za-z][A-Za-z-]*[A-Za-z]`)
)

// script reads the arguments of Helm in a text, such as a shell script, a workflow or a
// page of documentation. It reports whether there were any. If the text was nothing else
// that the program knows, its words may be keys too.
func (in *input) script(f *fileText, unknown bool) bool {
	text := string(f.text)
	if strings.Contains(text, "\x00") { // a binary file
		return false
	}
	found := false
	for _, one := range helmCommands(f, text) {
		if areSpacesKeys(one.roots()) {
			found = true
			in.values, in.bad = append(in.values, values{settings: one.settings, whole: true, typed: true}), append(in.bad, one.problems...)
		}
	}
	if unknown {
		for _, m := range keyWords.Get().FindAllStringIndex(text, -1) {
			one := word{strings.ReplaceAll(text[m[0]:m[1]], `\`, ""), f.at(m[0])}
			in.words = append(in.words, one)
			found = found || one.isMisspelt()
		}
	}
	return found
}

// isMisspelt reports whether the word looks like a key that EKS reads, and is none.
func (w word) isMisspelt() bool {
	return strings.HasPrefix(strings.ToLower(w.text), "eks") && identity.Misspelt(w.text) != ""
}

// helmCommand is what the arguments of one Helm command set.
type helmCommand struct {
	settings []setting
	problems []problem
}

// helmCommands returns the commands of a text that set values. The word helm begins the next
// one, so that the values of another chart are not taken for those of Spaces. Arguments in a
// variable belong to the command above it.
func helmCommands(f *fileText, text string) []helmCommand {
	all := []helmCommand{{}}
	end := 0 // of the last argument
	for _, m := range setFlag.Get().FindAllStringSubmatchIndex(text, -1) {
		if m[0] < end || m[0] > 0 && !strings.ContainsRune(" \t\r\n\"'`([", rune(text[m[0]-1])) {
			continue
		}
		found, ok := shellWord(text, m[1])
		if !ok || !strings.Contains(found.text, "=") {
			continue
		}
		if helmWord.Get().MatchString(text[end:m[0]]) {
			all = append(all, helmCommand{})
		}
		end = m[1]
		settings, wrong := argument{text: found.text, isText: m[2] >= 0, place: func(i int) place { return f.at(found.offsets[i]) }}.settings()
		last := &all[len(all)-1]
		last.settings, last.problems = append(last.settings, settings...), append(last.problems, wrong...)
	}
	return all
}

// roots returns the first keys of the settings.
func (c helmCommand) roots() []string {
	var names []string
	for _, s := range c.settings {
		names = append(names, s.keys[0].name)
	}
	for _, p := range c.problems {
		names = append(names, p.root)
	}
	return names
}

// shellArgument is a word of a shell script without its quotes, and the offset of each of
// its bytes in the script.
type shellArgument struct {
	text    string
	offsets []int // one more than there are bytes
}

// shellWord reads the word at an offset by the rules of POSIX shells. It keeps variables as
// they are, and fails at the end of a quoted text that is not closed.
//
// Source: POSIX, Shell Command Language, "Quoting".
func shellWord(script string, at int) (shellArgument, bool) {
	r := shellReader{script: script, at: at}
	for r.at < len(script) && !r.ended() {
		switch r.quote {
		case '\'':
			r.inSingleQuotes()
		case '"':
			r.inDoubleQuotes()
		default:
			r.unquoted()
		}
		r.at++
	}
	r.offsets = append(r.offsets, r.at)
	return shellArgument{text: string(r.text), offsets: r.offsets}, r.quote == 0 && len(r.text) > 0
}

// shellReader reads a word byte by byte.
type shellReader struct {
	script  string
	at      int
	quote   byte // in which the reader is, or 0
	text    []byte
	offsets []int
}

// ended reports whether the word ends before the byte.
func (r *shellReader) ended() bool {
	return r.quote == 0 && strings.IndexByte(" \t\r\n;|&<>()`", r.script[r.at]) >= 0
}

func (r *shellReader) add() {
	r.text, r.offsets = append(r.text, r.script[r.at]), append(r.offsets, r.at)
}

func (r *shellReader) inSingleQuotes() {
	if r.script[r.at] == '\'' {
		r.quote = 0
		return
	}
	r.add()
}

func (r *shellReader) inDoubleQuotes() {
	next := r.script[min(r.at+1, len(r.script)-1)]
	switch c := r.script[r.at]; {
	case c == '"':
		r.quote = 0
	case c == '\\' && strings.IndexByte("$`\"\\\n", next) >= 0:
		r.escaped()
	case !r.variable():
		r.add()
	}
}

func (r *shellReader) unquoted() {
	switch c := r.script[r.at]; {
	case c == '"' || c == '\'':
		r.quote = c
	case c == '\\':
		r.escaped()
	case !r.variable():
		r.add()
	}
}

// escaped adds the byte after a backslash. A line break after it disappears.
func (r *shellReader) escaped() {
	if r.at++; r.at < len(r.script) && r.script[r.at] != '\n' {
		r.add()
	}
}

// variable adds everything up to the end of ${…} or $(…), if one begins here.
func (r *shellReader) variable() bool {
	rest := r.script[r.at:]
	closing := map[bool]byte{true: '}', false: ')'}[strings.HasPrefix(rest, "${")]
	if !strings.HasPrefix(rest, "${") && !strings.HasPrefix(rest, "$(") {
		return false
	}
	length := strings.IndexByte(rest, closing)
	if line := strings.IndexByte(rest, '\n'); length < 0 || line >= 0 && line < length {
		return false
	}
	for range length {
		r.add()
		r.at++
	}
	r.add()
	return true
}
