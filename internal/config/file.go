package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// DefaultFile is the config that is read where none is named and it exists.
const DefaultFile = "spaces-identity.yaml"

const (
	// APIVersion is what the file says of its form.
	APIVersion = "spaces-identity.dev/v1alpha1"
	// Kind is what the file says it is.
	Kind = "SpacesIdentity"
)

// mostBytes is far more than any config has, and little enough to read at once.
const mostBytes = 1 << 20

// Read reads and decodes the file.
func Read(file string) (identity.Spec, error) {
	content, err := readFile(file)
	if err != nil {
		return identity.Spec{}, err
	}
	return Decode(file, content)
}

// Decode reads the content of a config file; the name is for the messages. The
// Spec has its defaults and is valid. An error is an *Error with all problems.
func Decode(name string, content []byte) (identity.Spec, error) {
	s, err := decode(name, content)
	if err != nil {
		return identity.Spec{}, err
	}
	return s.finish()
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, problemAt(Origin{}, fmt.Errorf("cannot read the config: %w", err))
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	content, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return nil, problemAt(Origin{}, fmt.Errorf("cannot read the config: %w", err))
	}
	return content, nil
}

// parse makes the tree of the file's one document.
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
		return nil, problemAt(whole, fmt.Errorf("is empty: begin it with apiVersion: %s and kind: %s", APIVersion, Kind))
	}
	if err != nil {
		return nil, problemAt(syntaxOrigin(name, content, err), syntax(err))
	}
	switch err := decoder.Decode(&more); {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err != nil:
		return nil, problemAt(syntaxOrigin(name, content, err), syntax(err))
	}
	return nil, problemAt(Origin{File: name, Line: more.Line, Column: more.Column},
		errors.New("another document begins here: a config is one document"))
}

// isNull reports whether nothing stands there, or null without a tag.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && !isTagged(n)
}

func checkUTF8(name string, content []byte) error {
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			return problemAt(originAt(name, content, at),
				fmt.Errorf("the byte 0x%02x is not UTF-8: save the file as UTF-8", content[at]))
		}
		at += size
	}
	return nil
}
