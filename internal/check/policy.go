package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// policy is an IAM policy in a file: a document of its own, or a part of another one.
type policy struct {
	inner
	node *manifest.Node
	doc  iam.Document
	bad  *iam.SyntaxError // if IAM does not accept it; then doc is empty
}

// isPolicy reports whether a mapping is an IAM policy: it has a Statement, and a Version of
// the policy language or a statement with an Effect.
func isPolicy(n *manifest.Node) bool {
	statements := n.Field("Statement").Resolve()
	if statements == nil || statements.Kind == manifest.Scalar {
		return false
	}
	version := n.Text("Version")
	first := statements
	if items := statements.Items(); len(items) > 0 {
		first = items[0]
	}
	return version == iam.PolicyVersion || version == "2008-10-17" || first.Text("Effect") != ""
}

// policy reads a policy. Only a policy that is a file of its own must be one that IAM
// accepts: in a template the rest is filled in later.
func (in *input) policy(at inner, n *manifest.Node, path identity.Path) {
	at.path = path
	p := &policy{inner: at, node: n}
	text := []byte(asJSON(n))
	own := len(path) == 0 && at.depth == 0
	if own && json.Valid(at.document.text) {
		text = at.document.text
	}
	doc, err := iam.Parse(text)
	if syntax, ok := errors.AsType[*iam.SyntaxError](err); ok {
		if !own {
			return
		}
		p.bad = syntax
		if !json.Valid(at.document.text) {
			p.bad = &iam.SyntaxError{Line: at.locate(n).Line, Column: at.locate(n).Column, Problem: syntax.Problem}
		}
	}
	p.doc = doc
	in.policies = append(in.policies, p)
}

// asJSON writes a node as JSON, scalars that are not strings as they are.
func asJSON(n *manifest.Node) string {
	var b bytes.Buffer
	write := func(text string) {
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(text) // a string can always be encoded
		b.Truncate(b.Len() - 1)
	}
	var walk func(n *manifest.Node, depth int)
	walk = func(n *manifest.Node, depth int) {
		const deepest = 32
		n = n.Resolve()
		switch {
		case n == nil || depth > deepest:
			b.WriteString("null")
		case n.Kind == manifest.Mapping:
			b.WriteByte('{')
			separator := ""
			for k, value := range n.AllFields {
				b.WriteString(separator)
				write(k.Resolve().Value)
				b.WriteByte(':')
				walk(value, depth+1)
				separator = ","
			}
			b.WriteByte('}')
		case n.Kind == manifest.Sequence:
			b.WriteByte('[')
			for i, item := range n.Content() {
				if i > 0 {
					b.WriteByte(',')
				}
				walk(item, depth+1)
			}
			b.WriteByte(']')
		case n.Style == manifest.Plain && (n.Value == "true" || n.Value == "false"):
			b.WriteString(n.Value)
		default:
			write(n.Value)
		}
	}
	walk(n, 0)
	return b.String()
}

// statement is a statement of a policy with its node.
type statement struct {
	iam.Statement
	policy *policy
	node   *manifest.Node
	path   identity.Path
}

// statements returns the statements of the policies.
func (in *input) statements() []statement {
	var all []statement
	for _, p := range in.policies {
		list := p.node.Field("Statement").Resolve()
		base := p.path.Field("Statement")
		for i, s := range p.doc.Statement {
			one := statement{s, p, list, base}
			if list.Kind == manifest.Sequence {
				one.node, one.path = list.Content()[i].Resolve(), base.Item(i)
			}
			all = append(all, one)
		}
	}
	return all
}

// finding returns a finding about the statement, or about a part of it.
func (s statement) finding(n *manifest.Node, path identity.Path, problem, fix string) Finding {
	return finding(s.policy.locate(n), path.String(), problem, fix)
}

// condition is one value of a condition.
type condition struct {
	operator, key, value string
	node                 *manifest.Node // of the value
	path                 identity.Path
}

// conditions returns the values of a statement's conditions, in the order of the file.
func (s statement) conditions() []condition {
	var all []condition
	for operator, keys := range s.node.Field("Condition").Fields {
		for key, values := range keys.Fields {
			path := s.path.Field("Condition", operator.Resolve().Value, key.Resolve().Value)
			one := condition{operator: operator.Resolve().Value, key: key.Resolve().Value}
			if values = values.Resolve(); values.Kind != manifest.Sequence {
				one.value, one.node, one.path = values.Value, values, path
				all = append(all, one)
				continue
			}
			for i, item := range values.Content() {
				one.value, one.node, one.path = item.Resolve().Value, item, path.Item(i)
				all = append(all, one)
			}
		}
	}
	return all
}

// trustsTokens reports whether the statement admits tokens of an OIDC provider that may be
// the cluster's. A provider that certainly is another issuer's has rules of its own.
func (s statement) trustsTokens() bool {
	return s.Effect == iam.Allow && slices.ContainsFunc(s.Principal.Federated, func(arn string) bool {
		_, issuer, ok := strings.Cut(arn, ":oidc-provider/")
		return ok && (strings.HasPrefix(issuer, "oidc.eks.") || placeholder(issuer) || !strings.Contains(issuer, "."))
	}) || s.Effect == iam.Allow && slices.ContainsFunc(s.Principal.Federated, placeholder)
}

// isSubject reports whether a condition is on the subject of a token.
func (c condition) isSubject() bool { return strings.HasSuffix(strings.ToLower(c.key), ":sub") }

// isAudience reports whether a condition is on the audience of a token.
func (c condition) isAudience() bool { return strings.HasSuffix(strings.ToLower(c.key), ":aud") }
