package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The helpers of this file read one JSON value each and say where it is not of
// the type expected.

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
		return p.errorAt(p.start, "%s: expected an object, not %s", what, describe(open))
	}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.next()
		if err != nil {
			return err
		}
		key := t.(string) // the decoder takes nothing else as a key
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

// oneOrMany reads an array, or a single value in its place, and calls item with
// the first token of each value.
func (p *parser) oneOrMany(what string, item func(first json.Token) error) error {
	t, err := p.next()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return item(t)
	}
	at := p.start
	if !p.dec.More() {
		return p.errorAt(at, "%s is empty", what)
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
	_, err = p.next()
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
	return "", p.errorAt(p.start, "%s: expected a string, not %s", what, describe(t))
}

func (p *parser) texts(what string) (Values, error) {
	var out Values
	err := p.oneOrMany(what, func(t json.Token) error {
		text, err := p.asText(what, t)
		out = append(out, text)
		return err
	})
	return out, err
}

// scalars reads the values of a condition key: AWS takes numbers and booleans
// for their text.
func (p *parser) scalars(key string) (Values, error) {
	var out Values
	err := p.oneOrMany(key, func(t json.Token) error {
		switch value := t.(type) {
		case string:
			out = append(out, value)
		case bool:
			out = append(out, strconv.FormatBool(value))
		case json.Number:
			out = append(out, value.String())
		default:
			return p.errorAt(p.start, "%s: expected a string or a list of them, not %s", key, describe(t))
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

func describe(t json.Token) string {
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
		return "an object"
	}
	return fmt.Sprintf("%v", t)
}
