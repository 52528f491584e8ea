package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// UnmarshalJSON reads a policy as [Parse] does.
func (d *Document) UnmarshalJSON(data []byte) (err error) {
	*d, err = Parse(data)
	return err
}

func invalidUTF8(data []byte) int {
	for i, r := range string(data) {
		if r == utf8.RuneError && !bytes.HasPrefix(data[i:], []byte(string(r))) {
			return i
		}
	}
	return -1
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
	err := p.oneOrMany(func(t json.Token) error {
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
