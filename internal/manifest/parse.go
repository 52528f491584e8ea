package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Parse reads the text of one document into a tree. The tree is nil for a document without
// content. Its values are parts of the text, which must not change while the tree is in use.
// The error is a [*SyntaxError] if the text is not YAML, if its values are nested too
// deeply, or if its aliases expand to too many values.
func Parse(text []byte) (*Node, error) { return new(Parser).Parse(text) }

// Parser parses several documents. Their trees share memory, so it costs less than
// [Parse], but none of it is free while one of the trees is in use. The zero value is
// ready for use.
type Parser struct{ memory treeMemory }

// Parse does the same as the function [Parse].
func (p *Parser) Parse(text []byte) (*Node, error) {
	if uint64(len(text)) > math.MaxUint32 {
		return nil, &SyntaxError{Problem: tooLarge}
	}
	p.memory.open = p.memory.open[:0]
	if root, ok := quickParse(&p.memory, text); ok {
		return root, nil
	}
	return libraryParse(text)
}

// libraryParse is [Parse] without the quick parser.
func libraryParse(text []byte) (*Node, error) {
	if at := invalidUTF8(text); at >= 0 {
		return nil, &SyntaxError{Offset: at, Problem: "the text is not valid UTF-8"}
	}
	tree, err := decodeTree(text)
	if err != nil {
		if at := secondJSON(text); at > 0 {
			return nil, &SyntaxError{Offset: at, Problem: "another JSON value begins without a line --- before it"}
		}
		return nil, &SyntaxError{Offset: max(errorOffset(text, err), quickReach(text)), Problem: problemOf(err)}
	}
	if tree == nil {
		return nil, nil
	}
	c := converter{text: text, lines: libraryLines(text), seen: map[*yaml.Node]*Node{}}
	root := c.node(tree.Content[0], 0)
	if c.err != nil {
		return nil, c.err
	}
	if at := excessiveAlias(root); at >= 0 {
		return nil, &SyntaxError{Offset: at, Problem: tooManyAliases}
	}
	return root, nil
}

// tooLarge is the problem of a document whose offsets need more than 32 bits.
const tooLarge = "the document is larger than 4 GiB"

// SyntaxError says where a text is not valid YAML. Its message does not quote the text,
// which may be from a Secret.
type SyntaxError struct {
	Offset  int // bytes from the start of the text
	Problem string
}

// Error says what is wrong. A text beyond one of this package's limits may be valid YAML.
func (e *SyntaxError) Error() string {
	switch e.Problem {
	case tooLarge, tooDeep, tooManyAliases:
		return e.Problem
	}
	return "this is not valid YAML: " + e.Problem
}

// secondJSON returns the offset of the JSON value that follows the first one of a text, or 0.
func secondJSON(text []byte) int {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(new(json.RawMessage)); err != nil {
		return 0
	}
	at := int(decoder.InputOffset())
	rest := bytes.TrimLeft(text[at:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' && rest[0] != '[' {
		return 0
	}
	return len(text) - len(rest)
}

// decodeTree runs the YAML library on a text, which must contain at most one document.
func decodeTree(text []byte) (tree *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			tree, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(withoutVersion(text)))
	tree = &yaml.Node{}
	if err := decoder.Decode(tree); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("yaml: a second document begins although no --- is in the first column")
		}
		return nil, err
	}
	return tree, nil
}

// withoutVersion turns a "%YAML 1.2" directive into a comment. The library rejects the
// directive, but can read such documents.
func withoutVersion(text []byte) []byte {
	at := bytes.Index(text, []byte("%YAML"))
	if at < 0 || !isPrelude(text[:at]) || at != lineStart(text, at) {
		return text
	}
	text = bytes.Clone(text)
	text[at] = '#'
	return text
}

// problemOf returns the library's message without its position, which is not
// reliable, and without names taken from the text.
func problemOf(err error) string {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		_, msg, _ = strings.Cut(rest, ": ")
	}
	if strings.HasPrefix(msg, "exceeded max depth") {
		return tooDeep
	}
	if before, _, ok := strings.Cut(msg, "'"); ok && strings.HasPrefix(msg, "unknown anchor") {
		return before + "is referenced"
	}
	return msg
}

// errorOffset returns the offset at which a text stops being valid YAML. This is the end of
// the shortest prefix for which the library reports the same error. The library itself
// reports at most a line.
func errorOffset(text []byte, err error) int {
	want := problemOf(err)
	low, high := 0, len(text)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if _, err := decodeTree(text[:mid]); err != nil && problemOf(err) == want {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return max(0, low-1)
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// maxExpansion limits how many values the aliases of a document may add to it. A string
// counts as another value for each 32 bytes.
const (
	maxExpansion   = 1_000_000
	tooManyAliases = "its aliases expand to more than a million values"
)

// excessiveAlias returns the offset of the alias with which the aliases of a tree add more
// than maxExpansion values, or of an alias inside the value that it refers to, or -1.
func excessiveAlias(root *Node) int {
	if !hasAlias(root) {
		return -1
	}
	sizes := map[*Node]int{} // of the values with an anchor, with their aliases followed
	added, culprit := 0, -1
	var size func(n *Node) int
	size = func(n *Node) int {
		if n.Kind == Alias {
			grown := sizes[n.Target()]
			if added += grown; culprit < 0 && (grown == 0 || added > maxExpansion) {
				culprit = n.Outer()
			}
			return min(grown, maxExpansion)
		}
		sum := 1 + len(n.Value)/32
		for _, child := range n.Content() {
			sum = min(sum+size(child), maxExpansion)
		}
		if n.Anchor() != "" {
			sizes[n] = sum
		}
		return sum
	}
	size(root)
	return culprit
}

func hasAlias(n *Node) bool {
	return n.Kind == Alias || slices.ContainsFunc(n.Content(), hasAlias)
}
