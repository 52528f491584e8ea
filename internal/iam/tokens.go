package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parser reads the tokens of a policy.
type parser struct {
	data  []byte
	dec   *json.Decoder
	start int // offset of the latest token
	last  int // offset behind it
}

func (p *parser) next() (json.Token, error) {
	p.start = p.skip(p.last)
	t, err := p.dec.Token()
	if err != nil {
		return nil, p.notJSON(err)
	}
	p.last = int(p.dec.InputOffset())
	return t, nil
}

// skip returns the offset of the next token after white space, commas and colons.
func (p *parser) skip(i int) int {
	for i < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[i]) >= 0 {
		i++
	}
	return i
}

// notJSON returns an error at the token that the decoder cannot read. The decoder's own
// offsets do not count all tokens before it.
func (p *parser) notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return p.errorAt(len(p.data), "not JSON: the policy ends too early")
	}
	return p.errorAt(p.start, "not JSON: %s", err)
}

func (p *parser) errorAt(offset int, format string, args ...any) error {
	before := p.data[:min(offset, len(p.data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return &SyntaxError{line, column, fmt.Sprintf(format, args...)}
}

// object reads an object and calls member after each key.
func (p *parser) object(what string, member func(key string) error) error {
	t, err := p.next()
	if err != nil {
		return err
	}
	return p.members(what, t, member)
}

// members reads the rest of an object whose first token has been read.
func (p *parser) members(what string, open json.Token, member func(key string) error) error {
	if open != json.Delim('{') {
		return p.errorAt(p.start, "%s: expected an object, not %s", what, describeToken(open))
	}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.next()
		if err != nil {
			return err
		}
		key := t.(string) // the decoder accepts nothing else as a key
		if seen[key] {
			return p.errorAt(p.start, "duplicate key %q in %s", key, what)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	_, err := p.next()
	return err
}

// oneOrMany reads an array or a single value, and calls item with the first token of each
// value.
func (p *parser) oneOrMany(item func(first json.Token) error) error {
	t, err := p.next()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return item(t)
	}
	for p.dec.More() {
		t, err := p.next()
		if err != nil {
			return err
		}
		if err := item(t); err != nil {
			return err
		}
	}
	_, err = p.next() //mutate:equivalent [statement] the next token has the same error
	return err
}

func (p *parser) text(what string) (string, error) {
	t, err := p.next()
	if err != nil {
		return "", err
	}
	return p.asText(what, t)
}

func (p *parser) asText(what string, t json.Token) (string, error) {
	if text, ok := t.(string); ok {
		return text, nil
	}
	return "", p.errorAt(p.start, "%s: expected a string, not %s", what, describeToken(t))
}

func (p *parser) texts(what string) (Values, error) {
	out := Values{}
	err := p.oneOrMany(func(t json.Token) error {
		text, err := p.asText(what, t)
		out = append(out, text)
		return err
	})
	return out, err
}

// scalars reads the values of a condition key. AWS converts numbers and booleans to text.
func (p *parser) scalars(key string) (Values, error) {
	out := Values{}
	err := p.oneOrMany(func(t json.Token) error {
		switch value := t.(type) {
		case string:
			out = append(out, value)
		case bool:
			out = append(out, strconv.FormatBool(value))
		case json.Number:
			out = append(out, value.String())
		default:
			return p.errorAt(p.start, "%s: expected a string or a list of them, not %s", key, describeToken(t))
		}
		return nil
	})
	return out, err
}

func (p *parser) oneOf(what string, allowed ...string) (string, error) {
	text, err := p.text(what)
	if err != nil {
		return "", err
	}
	if slices.Contains(allowed, text) {
		return text, nil
	}
	return "", p.errorAt(p.start, "%s: expected %s, not %q", what, strings.Join(allowed, " or "), text)
}

func (p *parser) unknown(element string, known ...string) error {
	for _, k := range known {
		if strings.EqualFold(k, element) {
			return p.errorAt(p.start, "unknown element %q: did you mean %q?", element, k)
		}
	}
	return p.errorAt(p.start, "unknown element %q: expected one of %s", element, strings.Join(known, ", "))
}

func describeToken(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the string %q", t)
	case json.Number:
		return "the number " + t.String()
	case bool:
		return "the value " + strconv.FormatBool(t)
	case json.Delim:
		if t == '[' {
			return "a list"
		}
	}
	return "an object"
}
