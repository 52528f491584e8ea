package rewrite

import (
	"fmt"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// mentions notes every text that names a component and is no place that the
// program knows, in every document that can be read.
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
		}
	}
}

func (r *run) mentioned(o object, c identity.Component, n *manifest.Node, path manifest.Path) {
	switch n.Kind {
	case manifest.Mapping:
		for key, value := range n.Fields {
			at := path.Field(key.Resolve().Value)
			if key := key.Resolve(); namedIn(c, key.Value) && !r.known(o, c, at) {
				r.mention(o, c, key, at, "a key")
			}
			r.mentioned(o, c, value, at)
		}
	case manifest.Sequence:
		for i, item := range n.Content {
			r.mentioned(o, c, item, path.Item(i))
		}
	case manifest.Scalar:
		if reason := mentionReason(c, n.Value); reason != "" && !r.known(o, c, path) {
			r.mention(o, c, n, path, reason)
		}
	}
}

func (r *run) mention(o object, c identity.Component, n *manifest.Node, path manifest.Path, reason string) {
	f := o.finding(MentionPlace, c.Name)
	f.Outcome, f.Path, f.Line, f.Reason = Unrecognised, path.String(), o.line(n), reason
	r.note(f)
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

// mentionReason says how a text names the component, or nothing.
func mentionReason(c identity.Component, text string) string {
	switch {
	case !namedIn(c, text):
		if decoded, ok := manifest.Base64(text); ok && len(text) >= 12 && namedIn(c, string(decoded)) {
			return "base64 in which the component is named; describe it under places: with encoding: base64"
		}
		return ""
	case strings.Contains(text, "{{"):
		return "a template"
	}
	if lines := manifest.Breaks([]byte(text)); lines > 0 {
		return fmt.Sprintf("a text of %d lines", lines+1)
	}
	return "a text"
}

// known reports whether a path is that of a place or leads to one.
func (r *run) known(o object, c identity.Component, path manifest.Path) bool {
	if o.kind == "ServiceAccount" && o.name == c.ServiceAccount && samePath(path, o.path.Field("metadata", "name")) {
		return true
	}
	if template, at := o.podTemplate(); template != nil && (samePath(path, at.Field("spec", "serviceAccountName")) || samePath(path, at.Field("spec", "serviceAccount"))) {
		return true
	}
	text := path.String()
	for _, f := range r.result.Findings {
		if f.Document == o.doc.Number && f.Component == c.Name && f.Outcome != Unrecognised && leads(text, f.Path) {
			return true
		}
	}
	return false
}

func samePath(a, b manifest.Path) bool { return a.String() == b.String() }

// leads reports whether a path is another or the way to it.
func leads(path, to string) bool {
	rest, ok := strings.CutPrefix(to, path)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], ".[ "))
}
