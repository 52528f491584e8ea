package check

import (
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// document is a parsed document of a file.
type document struct {
	*fileText
	start int // of the file
	text  []byte
	root  *manifest.Node
}

// fileText is a file with its lines.
type fileText struct {
	name  string
	text  []byte
	lines manifest.Lines
}

// place is where something is. Its Place is what the user sees, the rest is for a repair.
type place struct {
	Place
	argument bool
	doc      *document // nil in arguments and scripts
}

func (f *fileText) at(offset int) place {
	line, column := f.lines.Position(offset)
	return place{Place: Place{File: f.name, Line: line, Column: column}}
}

// at returns the place of a node of the document.
func (d *document) at(n *manifest.Node) place { return d.atOffset(n.Outer()) }

func (d *document) atOffset(offset int) place {
	p := d.fileText.at(d.start + offset)
	p.doc = d
	return p
}

// inner is a document in a string of another document, or the document itself.
type inner struct {
	*document
	path   identity.Path                // of the root
	locate func(n *manifest.Node) place // the place of a node below the root
	depth  int                          // of strings in strings

	release bool // the document is an object that installs a chart
}

func (d *document) itself() inner { return inner{document: d, locate: d.at} }

// within returns the documents in a string at a path. The string must contain one of the
// words, and be YAML with a mapping or a list.
func (in inner) within(n *manifest.Node, path identity.Path, words ...string) []parsedText {
	const deepest = 4
	if in.depth == deepest || !containsAny(n.Value, words) {
		return nil
	}
	skip := 0
	if name, _, ok := strings.Cut(n.Value, "="); ok && !strings.ContainsAny(name, " \t\r\n:{\"'") {
		skip = len(name) + 1 // such as --values=
	}
	stream := []byte(n.Value[skip:])
	var all []parsedText
	for doc := range manifest.Split(stream) {
		text := stream[doc.Start:doc.End]
		root, err := manifest.Parse(text)
		if root = root.Resolve(); err != nil || root == nil || root.Kind == manifest.Scalar || !containsAny(string(text), words) {
			continue
		}
		into := identity.Into{Skip: skip, Document: doc.Number - 1}
		below := inner{document: in.document, path: path.Inside(into), depth: in.depth + 1, release: in.release}
		below.locate = in.innerPlaces(n, stream, skip+doc.Start)
		all = append(all, parsedText{below, root})
	}
	return all
}

// parsedText is a document in a string, and its root.
type parsedText struct {
	inner
	root *manifest.Node
}

// innerPlaces returns the places of the nodes in a string. The lines of a literal block are
// lines of the file. For other styles it is the place of the string.
func (in inner) innerPlaces(n *manifest.Node, stream []byte, start int) func(*manifest.Node) place {
	outer := in.locate(n)
	if n.Style != manifest.Literal || in.depth > 0 {
		return func(*manifest.Node) place { return outer }
	}
	lines := manifest.NewLines(stream)
	first := outer.Line + 1 // the line after the |
	indent := blockIndent(in.document.text[n.Start():n.End()])
	return func(inside *manifest.Node) place {
		line, column := lines.Position(start + inside.Outer())
		p := outer
		p.Line, p.Column = first+line-1, indent+column
		return p
	}
}

// blockIndent returns the indentation of the first line with content of a literal block.
func blockIndent(block []byte) int {
	_, content, _ := strings.Cut(string(block), "\n")
	for line := range strings.Lines(content) {
		if text := strings.TrimLeft(line, " "); strings.TrimSpace(text) != "" {
			return len(line) - len(text)
		}
	}
	return 0
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// isNumber reports whether Kubernetes' decoder reads the word as a number.
func isNumber(word string) bool {
	if strings.ContainsAny(word, "xXpP") && !strings.HasPrefix(strings.TrimLeft(word, "+-"), "0x") {
		return false
	}
	if _, err := strconv.ParseInt(word, 0, 64); err == nil {
		return true
	}
	_, err := strconv.ParseFloat(word, 64)
	return err == nil && strings.ContainsAny(word, "0123456789")
}

// flatten returns the settings below a mapping: its scalars, and mappings and lists without
// content.
func (in inner) flatten(root *manifest.Node) []setting {
	var all []setting
	var walk func(n *manifest.Node, keys []key, path identity.Path, depth int)
	walk = func(n *manifest.Node, keys []key, path identity.Path, depth int) {
		const deepest = 64
		if n = n.Resolve(); n == nil || depth > deepest {
			return
		}
		if len(n.Content()) == 0 {
			s := setting{keys: keys, text: n.Value, kind: emptyValue, at: in.locate(n), path: path}
			if n.Kind == manifest.Scalar {
				s.kind = kindOf(n)
			}
			if len(keys) > 0 {
				all = append(all, s)
			}
			return
		}
		for k, value := range n.Fields {
			if k = k.Resolve(); k == nil || k.Kind != manifest.Scalar {
				continue
			}
			walk(value, append(slices.Clip(keys), key{name: k.Value, at: in.locate(k), node: k, in: n}), path.Field(k.Value), depth+1)
		}
		for i, item := range n.Items() {
			walk(item, append(slices.Clip(keys), key{name: strconv.Itoa(i), item: true, at: in.locate(item)}), path.Item(i), depth+1)
		}
	}
	walk(root, nil, in.path, 0)
	return all
}
