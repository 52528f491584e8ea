// Package config reads the settings of spaces-identity from the file
// spaces-identity.yaml, environment variables and flags. Flags win over environment
// variables, and both win over the file. [Rows] lists the settings.
//
// The package reads the file strictly. Everything that it does not understand is an error
// with file, line and column. It reports all errors at once. The result is a valid
// [identity.Spec].
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// DefaultFile is the config that is read if none is named and it exists.
const DefaultFile = "spaces-identity.yaml"

const (
	// APIVersion is the version of the file's format.
	APIVersion = "spaces-identity.dev/v1alpha1"
	// Kind is the kind of the file.
	Kind = "SpacesIdentity"
)

// mostBytes is the size up to which a file is read as a config.
const mostBytes = 1 << 20

// Read reads and decodes the file. The error is an [*Error] with all problems.
func Read(file string) (identity.Spec, error) {
	content, err := readFile(file)
	if err != nil {
		return identity.Spec{}, err
	}
	return Decode(file, content)
}

// Decode decodes the content of a config file. Messages use the name. The error is an
// [*Error] with all problems.
func Decode(name string, content []byte) (identity.Spec, error) {
	s, err := decode(name, content)
	if err != nil {
		return identity.Spec{}, err
	}
	return s.finish()
}

func readFile(file string) ([]byte, error) {
	var content []byte
	f, err := os.Open(file)
	if err == nil {
		defer func() { _ = f.Close() }() // read only: nothing is lost
		content, err = io.ReadAll(io.LimitReader(f, mostBytes+1))
	}
	if err != nil {
		return nil, problemAt(Origin{}, fmt.Errorf("cannot read the config: %w", err))
	}
	return content, nil
}

// decode reads the file's content into settings. It returns an error if the content is not
// YAML or has another version's format. All other problems are errors of finish, together
// with those of flags and environment variables.
func decode(name string, content []byte) (*settings, error) {
	root, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	s := newSettings(name)
	if version := childOf(root, "apiVersion"); isOtherVersion(textOf(version)) {
		return nil, problemAt(s.at(version), identity.WithHint("use the version of the program that the file was written for",
			"the file has the format %s, but this version of the program reads %s", version.Value, APIVersion))
	}
	s.readMapping("", "", root, s.target())
	if root.Kind != yaml.MappingNode {
		return s, nil
	}
	for key, want := range map[string]string{"apiVersion": APIVersion, "kind": Kind} {
		if _, ok := s.origins[key]; !ok {
			s.fail(Origin{File: name, Line: 1, Column: 1}, key, identity.WithHint("write "+key+": "+want, "is missing"))
		}
	}
	return s, nil
}

// isOtherVersion reports whether the format is that of a newer or older program.
func isOtherVersion(version string) bool {
	group, _, _ := strings.Cut(APIVersion, "/")
	of, _, ok := strings.Cut(version, "/")
	return ok && of == group && version != APIVersion
}

// childOf returns the value of a key of a mapping, or nil.
func childOf(n node, key string) node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// textOf returns the text of a scalar, or nothing.
func textOf(n node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// parse returns the tree of the file's one document.
func parse(name string, content []byte) (*yaml.Node, error) {
	whole := Origin{File: name}
	if len(content) > mostBytes {
		return nil, problemAt(whole, fmt.Errorf("is larger than %d bytes: this is not a config", mostBytes))
	}
	if err := checkUTF8(name, content); err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && isNull(document.Content[0]) {
		return nil, problemAt(whole, identity.WithHint("begin it with apiVersion: "+APIVersion+" and kind: "+Kind, "is empty"))
	}
	if err == nil {
		if err = decoder.Decode(&more); errors.Is(err, io.EOF) {
			return document.Content[0], nil
		}
	}
	if err != nil {
		return nil, syntaxError(name, content, err)
	}
	return nil, problemAt(Origin{File: name, Line: more.Line, Column: more.Column},
		errors.New("another document begins here: a config is one document"))
}

func checkUTF8(name string, content []byte) error {
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			return problemAt(originAt(name, content, at),
				identity.WithHint("save the file as UTF-8", "the byte 0x%02x is not UTF-8", content[at]))
		}
		at += size
	}
	return nil
}

// syntaxError returns what the YAML parser reports, with its position. The parser reports
// at most a line. Otherwise the position is that of what the message names, or the start.
func syntaxError(name string, content []byte, err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if _, err := fmt.Sscanf(message, "line %d: ", &line); err == nil {
		_, message, _ = strings.Cut(message, ": ")
	}
	at := namedIn(content, message)
	if at < 0 {
		at = startOfLine(content, line)
	}
	return problemAt(originAt(name, content, at), errors.New("is not valid YAML: "+message))
}

// startOfLine returns the offset of what follows the line's indent.
func startOfLine(content []byte, line int) int {
	at := 0
	for range line - 1 {
		next := bytes.IndexByte(content[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	return len(content) - len(bytes.TrimLeft(content[at:], " \t"))
}

// namedIn returns the offset of what a message without a line names, or -1.
func namedIn(content []byte, message string) int {
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

// originAt returns the line and column of an offset.
func originAt(name string, content []byte, offset int) Origin {
	before := content[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Origin{File: name, Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[start:])}
}
