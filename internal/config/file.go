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
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
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
		hint := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
			hint = "`spaces-identity init` writes a config"
		case errors.Is(err, syscall.EISDIR):
			hint = "name the file in the directory"
		}
		return nil, problemAt(Origin{}, identity.WithHint(hint, "cannot read the config: %w", err))
	}
	return content, nil
}

// decode reads the file's content into settings. It returns an error if the content is not
// YAML or has another version's format. All other problems are errors of finish, together
// with those of flags and environment variables.
func decode(name string, content []byte) (*settings, error) {
	s := newSettings(name)
	s.rows = rowsBelow()
	root, err := parse(name, content)
	if err != nil {
		return s, err
	}
	s.readMapping("", "", root, s.target())
	if root.Kind != yaml.MappingNode {
		return s, nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if version := root.Content[i+1]; root.Content[i].Value == "apiVersion" && isOtherVersion(version.Value) {
			return s, problemAt(s.at(version), identity.WithHint("use the version of the program that the file was written for",
				"the file has the format %s, but this version of the program reads %s", version.Value, APIVersion))
		}
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

// parse returns the tree of the file's one document.
func parse(name string, content []byte) (*yaml.Node, error) {
	whole := Origin{File: name}
	if len(content) > mostBytes {
		return nil, problemAt(whole, fmt.Errorf("is larger than %d bytes: this is not a config", mostBytes))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && isNull(document.Content[0]) {
		return nil, problemAt(whole, identity.WithHint("begin it with apiVersion: "+APIVersion+" and kind: "+Kind, "is empty"))
	}
	if err == nil {
		err = decoder.Decode(&more)
	}
	switch {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err == nil:
		return nil, problemAt(Origin{File: name, Line: more.Line, Column: more.Column},
			errors.New("another document begins here: a config is one document"))
	}
	return nil, syntaxError(name, content, err)
}

// syntaxError returns what the YAML parser reports, with the position that package manifest
// finds. The parser itself reports at most a line.
func syntaxError(name string, content []byte, err error) error {
	for doc := range manifest.Split(content) {
		_, found := manifest.Parse(content[doc.Start:doc.End])
		if e, ok := errors.AsType[*manifest.SyntaxError](found); ok {
			line, column := manifest.NewLines(content).Position(doc.Start + e.Offset)
			hint := ""
			switch at := doc.Start + e.Offset; {
			case !utf8.Valid(content):
				hint = "save the file as UTF-8"
			case at < len(content) && content[at] == '\t':
				hint = "indent with spaces, because YAML allows no tabs there"
			}
			return problemAt(Origin{File: name, Line: line, Column: column}, identity.WithHint(hint, "is not valid YAML: %s", e.Problem))
		}
	}
	return problemAt(Origin{File: name}, fmt.Errorf("is not valid YAML: %w", err))
}
