package rewrite

import (
	"encoding/json"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// finder searches a value, and the strings in it, for the settings of a component.
type finder struct {
	component desired.Component
	object    *object
	depth     int    // of strings in strings
	stream    []byte // of the innermost string
	found     []candidate
}

// add records a place. A path that ends with the first document of a string ends at the
// string, with its encoding.
func (f *finder) add(path identity.Path, holds string) bool {
	at, encoding := path, ""
	if last := len(path) - 1; path[last].Kind == identity.IntoStep && path[last].Into.Document == 0 {
		switch {
		case path[last].Into.Base64:
			encoding = "base64"
		case json.Valid(f.stream):
			encoding = "json"
		default:
			encoding = "yaml"
		}
		path = path[:last]
	}
	f.found = append(f.found, candidate{at: at, Place: identity.Place{Kind: f.object.kind, Name: f.object.name,
		Path: path[len(f.object.path):], Encoding: encoding, Component: f.component.Name, Holds: holds}})
	return true
}

// value searches a value for keys that name the component.
func (f *finder) value(n *manifest.Node, path identity.Path) {
	n = n.Resolve()
	switch n.Kind {
	case manifest.Mapping:
		switch holds, below := contentOf(n, f.component, identity.Place{Path: path}); {
		case holds == "values", holds == "settings" && below != nil && f.hasAnnotations(n.Get(below...)):
			f.add(path, "")
			return
		}
		for key, value := range n.Fields {
			at := path.Field(key.Resolve().Value)
			if !isName(f.component, key.Resolve().Value) || !f.settings(value, at, true) {
				f.value(value, at)
			}
		}
	case manifest.Sequence:
		for i, item := range n.Content() {
			if !f.isItem(item) || !f.settings(item, path.Item(i), true) {
				f.value(item, path.Item(i))
			}
		}
	case manifest.Scalar:
		f.text(n, path, f.value)
	}
}

// isItem reports whether an item of a list is about the component, such as {name: vector}.
func (f *finder) isItem(item *manifest.Node) bool {
	return slices.ContainsFunc([]string{"name", "component", "serviceAccount", "serviceAccountName"}, func(key string) bool {
		return isName(f.component, item.Text(key))
	})
}

// settings adds the place for the component's settings in a value, or for annotations in
// it. sure says that the key of the value is the component's name. It reports whether
// it added a place.
func (f *finder) settings(n *manifest.Node, path identity.Path, sure bool) bool {
	n = n.Resolve()
	if n.Kind == manifest.Scalar && !n.IsNull() {
		count := len(f.found)
		f.text(n, path, func(root *manifest.Node, at identity.Path) {
			if !f.settings(root, at, sure) {
				f.value(root, at)
			}
		})
		return len(f.found) > count
	}
	values := f.component.Values
	switch {
	case n.Kind == manifest.Sequence:
		return false
	case f.hasAnnotations(n):
		return f.add(path, "")
	case f.annotationsBelow(n, path, 3):
		return true
	case len(values.Annotations) > 1 && n.Field(values.Annotations[0]).Resolve() != nil:
		return f.add(path, "")
	}
	last := path[len(path)-1].Key
	return sure && len(values.Component) > 0 && last == values.Component[len(values.Component)-1] && looksLikeSettings(n) && f.add(path, "settings")
}

// looksLikeSettings reports whether a mapping is empty or has a key that charts have in the
// settings of a workload. A source of Vector's own config may have the name vector, too.
func looksLikeSettings(n *manifest.Node) bool {
	return len(n.Content()) == 0 || slices.ContainsFunc([]string{"resources", "replicas", "pod", "image", "enabled"}, func(key string) bool { return n.Field(key) != nil })
}

// hasAnnotations reports whether a mapping has the component's path of annotations.
func (f *finder) hasAnnotations(settings *manifest.Node) bool {
	keys := f.component.Values.Annotations
	return len(keys) > 0 && settings.Get(keys...) != nil
}

// annotationsBelow adds the first mapping below a value whose key says that it contains the
// annotations of a service account.
func (f *finder) annotationsBelow(n *manifest.Node, path identity.Path, depth int) bool {
	for key, value := range n.Fields {
		at := path.Field(key.Resolve().Value)
		account := strings.Contains(letters(path[len(path)-1].Key), "serviceaccount")
		switch name := letters(key.Resolve().Value); {
		case name == "annotations", name == "serviceaccountannotations", name == "saannotations", account && strings.HasSuffix(name, "annotations"):
			if f.annotations(value, at) {
				return true
			}
		case depth > 1 && name != "pod" && name != "metadata":
			if f.annotationsBelow(value.Resolve(), at, depth-1) {
				return true
			}
		}
	}
	return false
}

// annotations adds a value that contains annotations, or may contain them, and reports
// whether it did.
func (f *finder) annotations(n *manifest.Node, path identity.Path) bool {
	n = n.Resolve()
	switch {
	case n.Kind == manifest.Mapping && hasOnlyStrings(n), n.IsNull():
		holds := ""
		if detected, _ := contentOf(n, f.component, identity.Place{Path: path}); detected != "annotations" {
			holds = "annotations"
		}
		return f.add(path, holds)
	case n.Kind != manifest.Scalar:
		f.value(n, path)
	default:
		f.text(n, path, func(root *manifest.Node, at identity.Path) { f.annotations(root, at) })
	}
	return len(f.found) > 0
}

// text passes the documents in a string to a function.
func (f *finder) text(n *manifest.Node, path identity.Path, do func(root *manifest.Node, at identity.Path)) {
	if f.depth == maxStringDepth || n.Value == "" {
		return
	}
	around := f.stream
	f.depth++
	defer func() { f.depth, f.stream = f.depth-1, around }()
	for _, base64 := range []bool{false, true} {
		stream, into, ok := innerText(n.Value, base64)
		if !ok {
			continue
		}
		f.stream = stream
		for doc := range manifest.Split(stream) {
			into.Document = doc.Number - 1
			root, err := manifest.Parse(stream[doc.Start:doc.End])
			if root = root.Resolve(); err == nil && root != nil && root.Kind != manifest.Scalar && !isTemplate(root) {
				do(root, path.Inside(into))
			}
		}
	}
}

// isName reports whether a text is the name of the component, of its service account, or
// of its chart values. Case and punctuation do not matter.
func isName(c desired.Component, text string) bool {
	names := append(accountNames(c), c.Name)
	if key := valuesKey(c); key != "" {
		names = append(names, key)
	}
	return slices.ContainsFunc(names, func(name string) bool { return letters(name) == letters(text) })
}

// accountNames returns the names of the component's service account: those on the host, and
// the one inside the control plane if it has one there.
func accountNames(c desired.Component) []string {
	if c.IsSynced() {
		return append(slices.Clone(c.Accounts), c.SyncedFrom.ServiceAccount)
	}
	return slices.Clone(c.Accounts)
}

// valuesKey returns the last key of the component's values path. It returns nothing if the
// key is so common that it does not name the component.
func valuesKey(c desired.Component) string {
	keys := c.Values.Component
	if len(keys) == 0 || c.Values.Beside != "" {
		return ""
	}
	return keys[len(keys)-1]
}

// letters returns the letters of a text in lower case, without punctuation and digits.
func letters(text string) string {
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' {
			return c
		}
		return -1
	}, strings.ToLower(text))
}
