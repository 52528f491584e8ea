package rewrite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// mentions notes every text that names a component, or that by its name may
// hold a ServiceAccount's annotations, and is no place that the program knows,
// in every document that can be read.
func (r *run) mentions() {
	failed := len(r.errs)
	r.open(func([]byte) bool { return true })
	r.errs = r.errs[:failed] // what holds no place need not be YAML
	for _, doc := range r.docs {
		for _, o := range doc.objects {
			if r.isOwn(o) {
				continue
			}
			for _, c := range r.spec.Components {
				r.mentioned(o, c, o.node, o.path)
			}
			if o.kind != "CustomResourceDefinition" { // which describes fields and holds none
				r.suspected(o, o.node, o.path)
			}
		}
	}
}

// mentioned notes what names a component. Labels and names of objects cannot
// carry an identity.
func (r *run) mentioned(o object, c identity.Component, n *manifest.Node, path manifest.Path) {
	switch n.Kind {
	case manifest.Mapping:
		for key, value := range n.Fields {
			key, at := key.Resolve(), path.Field(key.Resolve().Value)
			if key.Value == "labels" || key.Value == "matchLabels" || samePath(at, o.path.Field("metadata", "name")) {
				continue
			}
			if namedIn(c, key.Value) {
				f := o.mention(c.Name, key, at)
				f.Reason, f.Encoding = "a key that names the component", encodingOf(value.Resolve())
				r.unrecognised(o, f)
			}
			r.mentioned(o, c, value, at)
		}
	case manifest.Sequence:
		for i, item := range n.Content {
			r.mentioned(o, c, item, path.Item(i))
		}
	case manifest.Scalar:
		f := o.mention(c.Name, n, path)
		if f.Reason, f.Encoding = mentionReason(c, n); f.Reason != "" {
			r.unrecognised(o, f)
		}
	}
}

// mention is a finding for a text of the object.
func (o object) mention(component string, n *manifest.Node, path manifest.Path) Finding {
	f := o.finding(MentionPlace, component)
	f.Outcome, f.Path, f.Line = Unrecognised, path.String(), o.line(n)
	return f
}

// unrecognised notes a mention, unless it is part of a place that is known.
func (r *run) unrecognised(o object, f Finding) {
	if !r.known(o, f) {
		r.note(f)
	}
}

// namedIn reports whether a text names the component: its ServiceAccount, or the
// last key of its values path.
func namedIn(c identity.Component, text string) bool {
	if strings.Contains(text, c.ServiceAccount) {
		return true
	}
	keys := c.Values.Component
	return len(keys) > 0 && strings.Contains(text, keys[len(keys)-1])
}

// mentionReason says how a string names the component, or nothing, and the
// encoding with which the config can point at it, if it can.
func mentionReason(c identity.Component, n *manifest.Node) (reason, encoding string) {
	encoding = encodingOf(n)
	switch lines := manifest.Breaks([]byte(n.Value)); {
	case encoding == "" && base64Names(c, n.Value):
		return "base64 that names the component and holds no YAML or JSON", ""
	case encoding == "base64":
		if decoded, _ := manifest.Base64(n.Value); !namedIn(c, string(decoded)) {
			return "", ""
		}
		return "base64 that names the component", encoding
	case !namedIn(c, n.Value):
		return "", ""
	case strings.Contains(n.Value, "{{"):
		return "a template that names the component", ""
	case strings.HasPrefix(n.Value, "--set"):
		return "an argument of the --set kind, which no place can point into: set the value in the chart, as `spaces-identity values` prints it", ""
	case lines > 0:
		return fmt.Sprintf("a text of %d lines that names the component", lines+1), encoding
	}
	return "a text that names the component", encoding
}

func base64Names(c identity.Component, text string) bool {
	decoded, ok := manifest.Base64(text)
	return ok && len(text) >= shortestBase64 && namedIn(c, string(decoded))
}

// shortestBase64 is fewer characters than base64 has that holds a mapping.
const shortestBase64 = 12

// encodingOf is how a string holds a mapping, as the config's places say it, or
// nothing.
func encodingOf(n *manifest.Node) string {
	switch {
	case n == nil || n.Kind != manifest.Scalar:
		return ""
	case holdsMapping([]byte(n.Value)) && json.Valid([]byte(n.Value)):
		return "json"
	case holdsMapping([]byte(n.Value)):
		return "yaml"
	}
	if decoded, ok := manifest.Base64(n.Value); ok && len(n.Value) >= shortestBase64 && holdsMapping(decoded) {
		return "base64"
	}
	return ""
}

func holdsMapping(text []byte) bool {
	root, err := manifest.Parse(text)
	return err == nil && root != nil && root.Resolve() != nil && root.Resolve().Kind == manifest.Mapping
}

// suspected notes keys and environment variables that by their names may hold a
// ServiceAccount's annotations, whatever the component is called there.
func (r *run) suspected(o object, n *manifest.Node, path manifest.Path) {
	if value := n.Field("value"); value != nil && suspicious(n.Text("name")) {
		r.suspect(o, value, path.Field("value"), "the variable "+n.Text("name"))
	}
	for key, value := range n.Fields {
		key := key.Resolve()
		if key.Value == "annotations" || key.Value == "labels" {
			continue // of objects, not of the values that make some
		}
		if suspicious(key.Value) {
			r.suspect(o, value, path.Field(key.Value), "the key "+key.Value)
		}
		r.suspected(o, value, path.Field(key.Value))
	}
	for i, item := range n.Items() {
		r.suspected(o, item, path.Item(i))
	}
}

func (r *run) suspect(o object, n *manifest.Node, path manifest.Path, what string) {
	component := "" // it may be any
	if len(r.spec.Components) == 1 {
		component = r.spec.Components[0].Name
	}
	f := o.mention(component, n, path)
	f.Reason, f.Encoding = what+" may hold a service account's annotations", encodingOf(n.Resolve())
	r.unrecognised(o, f)
}

// suspicious reports whether a name speaks of a ServiceAccount's annotations or
// of a role, however it is written.
func suspicious(name string) bool {
	letters := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' {
			return c
		}
		return -1
	}, strings.ToLower(name))
	return slices.ContainsFunc([]string{"serviceaccountannotation", "saannotation", "rolearn", "workloadidentity", "podidentity"},
		func(word string) bool { return strings.Contains(letters, word) })
}

// known reports whether a finding is part of a place or leads to one.
func (r *run) known(o object, mention Finding) bool {
	if c, ok := r.spec.Component(mention.Component); ok && o.runsAs(c, mention.Path) {
		return true
	}
	return slices.ContainsFunc(r.result.Findings, func(f Finding) bool {
		return f.Document == mention.Document && (f.Component == mention.Component || mention.Component == "") &&
			(f.Outcome != Unrecognised || f.Path == mention.Path) && leads(mention.Path, f.Path)
	})
}

// runsAs reports whether a path of the object is where its pods name the
// component's ServiceAccount.
func (o object) runsAs(c identity.Component, path string) bool {
	template, at := o.podTemplate()
	if template == nil || serviceAccountOf(template) != c.ServiceAccount {
		return false
	}
	return path == at.Field("spec", "serviceAccountName").String() || path == at.Field("spec", "serviceAccount").String()
}

func samePath(a, b manifest.Path) bool { return a.String() == b.String() }

// leads reports whether a path is another or the way to it.
func leads(path, to string) bool {
	rest, ok := strings.CutPrefix(to, path)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], ".[ "))
}
