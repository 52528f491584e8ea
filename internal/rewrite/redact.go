package rewrite

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/lazyregexp"
	"spaces-identity.dev/internal/manifest"
)

// withoutSecrets returns a document in which the values of Secrets are replaced by their
// sizes. A Secret may be anywhere in the document. A string that seems to contain one is
// replaced as a whole.
func withoutSecrets(text []byte) []byte {
	root, err := manifest.Parse(text)
	switch {
	case (err != nil || root == nil) && mayContainSecret(string(text)):
		return []byte("(a document that may contain Secrets)\n")
	case err != nil || root == nil:
		return text
	}
	r := redaction{text: text}
	r.value(root, false)
	return r.redacted()
}

// redaction collects the parts of a text to hide.
type redaction struct {
	text   []byte
	hidden []hiddenPart
	values []string // that hidden parts contain
}

// hiddenPart is a range of bytes, with what is shown in its place.
type hiddenPart struct {
	start, end int
	shown      string
}

// value hides the values of Secrets in a value. A mapping is a Secret by its kind, or as an
// item of a SecretList.
func (r *redaction) value(n *manifest.Node, isSecret bool) {
	switch n.Kind {
	case manifest.Mapping:
		kind := n.Text("kind")
		if isSecret || kind == "Secret" {
			r.secret(n)
		}
		for key, child := range n.Fields {
			r.value(child, false)
			if kind == "SecretList" && key.Resolve().Value == "items" {
				for _, item := range child.Items() {
					r.value(item.Resolve(), true)
				}
			}
		}
	case manifest.Sequence:
		for _, item := range n.Content() {
			r.value(item, false)
		}
	case manifest.Scalar:
		if mayContainSecret(n.Value) {
			r.hide(n)
		}
	}
}

// secret hides the values of a Secret's data, and the comments among them.
func (r *redaction) secret(n *manifest.Node) {
	for _, field := range []string{"data", "stringData"} {
		held := n.Field(field).Resolve()
		if held == nil {
			continue
		}
		if held.Kind != manifest.Mapping {
			r.hide(held)
			continue
		}
		for _, value := range held.Fields {
			r.hide(value.Resolve())
		}
		r.comments(held)
	}
}

func (r *redaction) hide(n *manifest.Node) {
	shown := fmt.Sprintf("(%d bytes, not shown)", len(n.Value))
	if n.End() > n.Start() && r.text[n.End()-1] == '\n' {
		shown += "\n"
	}
	r.hidden = append(r.hidden, hiddenPart{n.Start(), n.End(), shown})
	r.values = append(r.values, n.Value)
}

var comment = lazyregexp.New(`(?m)(^|[ \t])#.*$`)

// comments hides the comments before and after the keys of a mapping.
func (r *redaction) comments(n *manifest.Node) {
	start := n.Outer()
	for _, above := range slices.Backward(bytes.SplitAfter(r.text[:start], []byte("\n"))) {
		if trimmed := bytes.TrimSpace(above); len(trimmed) > 0 && trimmed[0] != '#' {
			if at := comment.Get().FindIndex(above); at != nil { // behind the key of the mapping
				start -= len(above) - at[0]
			}
			break
		}
		start -= len(above)
	}
	end := n.End()
	if rest := bytes.IndexByte(r.text[end:], '\n'); rest >= 0 { //mutate:equivalent [>] adding 0 changes nothing
		end += rest
	}
	for _, at := range comment.Get().FindAllIndex(r.text[start:end], -1) {
		if from := bytes.IndexByte(r.text[start+at[0]:], '#'); !r.isIn(n, start+at[0]+from) {
			r.hidden = append(r.hidden, hiddenPart{start + at[0] + from, start + at[1], "# (not shown)"})
		}
	}
}

// isIn reports whether an offset is in a value of a mapping, and so in no comment.
func (r *redaction) isIn(n *manifest.Node, offset int) bool {
	return slices.ContainsFunc(n.Content(), func(child *manifest.Node) bool { return child.Start() <= offset && offset < child.End() })
}

func (r *redaction) redacted() []byte {
	slices.SortStableFunc(r.hidden, func(a, b hiddenPart) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	var b bytes.Buffer
	at := 0
	for _, part := range r.hidden {
		if part.start >= at {
			b.Write(r.text[at:part.start])
			b.WriteString(part.shown)
			at = part.end
		}
	}
	b.Write(r.text[at:])
	return b.Bytes()
}

// kindSecret matches a text that seems to give the kind Secret.
var kindSecret = lazyregexp.New(`(?s)kind.{0,64}?\bSecret\b`)

// mayContainSecret reports whether a text seems to contain a Secret: as YAML, JSON or
// base64, in a template or in another text.
func mayContainSecret(text string) bool {
	if decoded, ok := manifest.Base64(text); ok && len(text) >= len("a2luZDogU2VjcmV0") && mayContainSecret(string(decoded)) {
		return true
	}
	return kindSecret.Get().MatchString(text) || namesOf("Secret").escapedIn([]byte(text))
}
