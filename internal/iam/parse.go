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

// SyntaxError describes an error in a policy and its position. Line and Column count from 1,
// a column in characters.
type SyntaxError struct {
	Line, Column int
	Problem      string
}

// Error returns the line, the column and the problem.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Parse reads a policy as strictly as IAM does, which is stricter than encoding/json:
// no duplicate keys, no unknown elements, no elements of another type. A single
// statement becomes a list of one; numbers and booleans among the values of
// conditions become strings. Lists may be empty, except that of the statements. An error
// is a [*SyntaxError].
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language"; "IAM policy
// validation check reference", which only advises against empty lists.
func Parse(data []byte) (Document, error) {
	p := &parser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	if i := invalidUTF8(data); i >= 0 {
		return Document{}, p.errorAt(i, "the policy is not valid UTF-8")
	}
	doc, err := p.document()
	if err != nil {
		return Document{}, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return Document{}, p.errorAt(p.skip(p.last), "there is more after the end of the policy: give one JSON object")
	}
	return doc, nil
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

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

func (p *parser) notJSON(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return p.errorAt(max(p.start, int(syntax.Offset)-1), "not JSON: %s", syntax)
	}
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

func (p *parser) document() (Document, error) {
	var doc Document
	err := p.object("the policy", func(element string) (err error) {
		switch element {
		case "Version":
			doc.Version, err = p.oneOf("Version", PolicyVersion, "2008-10-17")
		case "Id":
			doc.ID, err = p.text("Id")
		case "Statement":
			doc.Statement, err = p.statements()
		default:
			err = p.unknown(element, "Version", "Id", "Statement")
		}
		return err
	})
	if err == nil && len(doc.Statement) == 0 {
		err = p.errorAt(p.start, "the policy has no Statement")
	}
	return doc, err
}

func (p *parser) statements() ([]Statement, error) {
	var out []Statement
	sids := map[string]bool{}
	list := p.skip(p.last)
	err := p.oneOrMany("Statement", func(t json.Token) error {
		at := p.start
		s, err := p.statement(t)
		if err != nil {
			return err
		}
		if s.Sid != "" && sids[s.Sid] {
			return p.errorAt(at, "two statements have the Sid %q: IAM allows each Sid once", s.Sid)
		}
		sids[s.Sid] = true
		out = append(out, s)
		return nil
	})
	if err == nil && len(out) == 0 {
		err = p.errorAt(list, "Statement is empty")
	}
	return out, err
}

func (p *parser) statement(open json.Token) (Statement, error) {
	var s Statement
	at := p.start
	lists := map[string]*Values{"Action": &s.Action, "NotAction": &s.NotAction, "Resource": &s.Resource, "NotResource": &s.NotResource}
	err := p.members("a statement", open, func(element string) (err error) {
		if list, ok := lists[element]; ok {
			*list, err = p.texts(element)
			return err
		}
		switch element {
		case "Sid":
			s.Sid, err = p.text(element)
		case "Effect":
			var effect string
			effect, err = p.oneOf(element, string(Allow), string(Deny))
			s.Effect = Effect(effect)
		case "Principal":
			s.Principal, err = p.principal(element)
		case "NotPrincipal":
			s.NotPrincipal, err = p.principal(element)
		case "Condition":
			s.Condition, err = p.condition()
		default:
			err = p.unknown(element, "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
				"Resource", "NotResource", "Condition")
		}
		return err
	})
	if err == nil {
		err = p.checkElements(at, s)
	}
	return s, err
}

// checkElements checks that a statement has the required elements, and none that exclude
// each other.
func (p *parser) checkElements(at int, s Statement) error {
	switch {
	case s.Effect == "":
		return p.errorAt(at, "the statement has no Effect: expected Allow or Deny")
	case s.Action == nil && s.NotAction == nil:
		return p.errorAt(at, "the statement has no Action")
	case s.Action != nil && s.NotAction != nil:
		return p.errorAt(at, "the statement has Action and NotAction: IAM allows only one of them")
	case s.Resource != nil && s.NotResource != nil:
		return p.errorAt(at, "the statement has Resource and NotResource: IAM allows only one of them")
	case !s.Principal.IsZero() && !s.NotPrincipal.IsZero():
		return p.errorAt(at, "the statement has Principal and NotPrincipal: IAM allows only one of them")
	}
	return nil
}

func (p *parser) principal(element string) (Principal, error) {
	var out Principal
	t, err := p.next()
	if err != nil {
		return out, err
	}
	if text, ok := t.(string); ok {
		if text != "*" {
			return out, p.errorAt(p.start, `%s: expected "*" or an object such as {"Service": "pods.eks.amazonaws.com"}, not %q`, element, text)
		}
		return Principal{Everyone: true}, nil
	}
	lists := map[string]*Values{"AWS": &out.AWS, "CanonicalUser": &out.CanonicalUser, "Federated": &out.Federated, "Service": &out.Service}
	err = p.members(element, t, func(kind string) (err error) {
		list, ok := lists[kind]
		if !ok {
			return p.unknown(kind, "AWS", "Federated", "Service", "CanonicalUser")
		}
		*list, err = p.texts(kind)
		return err
	})
	out.Nobody = out.IsZero()
	return out, err
}

func (p *parser) condition() (Condition, error) {
	out := Condition{}
	err := p.object("Condition", func(operator string) error {
		out[operator] = map[string]Values{}
		return p.object(operator, func(key string) (err error) {
			out[operator][key], err = p.scalars(key)
			return err
		})
	})
	return out, err
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
func (p *parser) oneOrMany(what string, item func(first json.Token) error) error {
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
	return "", p.errorAt(p.start, "%s: expected a string, not %s", what, describeToken(t))
}

func (p *parser) texts(what string) (Values, error) {
	out := Values{}
	err := p.oneOrMany(what, func(t json.Token) error {
		text, err := p.asText(what, t)
		out = append(out, text)
		return err
	})
	return out, err
}

// scalars reads the values of a condition key. AWS converts numbers and booleans to text.
func (p *parser) scalars(key string) (Values, error) {
	out := Values{}
	err := p.oneOrMany(key, func(t json.Token) error {
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
		return "an object"
	}
	return fmt.Sprintf("%v", t)
}
