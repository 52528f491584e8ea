package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// UnrecognisedTexts finds texts that name a component, and values whose key suggests
// annotations of a ServiceAccount. [Run] drops those that are part of a place or contain
// one.
type UnrecognisedTexts struct{ state desired.State }

// searchNames returns nothing, because any document may contain such a text.
func (r UnrecognisedTexts) searchNames() []string { return nil }

func (r UnrecognisedTexts) find(o *object) found {
	w := textsWalk{UnrecognisedTexts: r, object: o, found: map[[2]string]bool{}}
	if len(r.state.Components) == 1 {
		w.any = r.state.Components[0].Name
	}
	w.value(o.node, o.path, !o.describesFields())
	return found{places: w.places}
}

// describesFields reports whether the keys of an object only describe the fields of others.
func (o *object) describesFields() bool {
	return o.kind == "CustomResourceDefinition" || o.kind == "CompositeResourceDefinition"
}

// unknown returns the texts that are not part of a place and do not contain one.
func unknown(texts, places []place) []place {
	around := map[location]bool{} // the values around places, and the places, for each component and for all
	for _, p := range places {
		for i := range len(p.path) + 1 {
			at := location{document: p.Document, path: p.path[:i].String()}
			if around[at] = true; p.Component != "" {
				at.component = p.Component
				around[at] = true
			}
		}
	}
	return slices.DeleteFunc(texts, func(text place) bool { return around[location{text.Document, text.Path, text.Component}] })
}

// textsWalk goes through the values of an object and collects texts.
type textsWalk struct {
	UnrecognisedTexts
	object *object
	any    string // the component of suspicious texts, if there is only one
	places []place
	found  map[[2]string]bool // the paths of the places, with and without their components
}

// add records a text once for each component. It records a text that may be about any
// component only if there is no other text at its path.
func (w *textsWalk) add(component string, n *manifest.Node, path identity.Path, about textAbout, reason string) {
	p := w.object.found(TextPlace, component, path, n).because(Unrecognised, reason)
	p.about = about
	if at := [2]string{p.Path, component}; !w.found[at] {
		w.found[at], w.found[[2]string{p.Path}] = true, true
		w.places = append(w.places, p)
	}
}

// value searches a value and everything below it. It skips labels and names of objects,
// which cannot give an identity. Annotations can, but their keys are not suspicious.
func (w *textsWalk) value(n *manifest.Node, path identity.Path, suspect bool) {
	switch n.Kind {
	case manifest.Mapping:
		for key, value := range n.Fields {
			key = key.Resolve()
			if at := path.Field(key.Value); key.Value != "labels" && key.Value != "matchLabels" && !w.isName(at) {
				w.field(key, value, at, suspect && key.Value != "annotations")
			}
		}
		if value := n.Field("value"); value != nil && suspect && soundsLikeIdentity(n.Text("name")) {
			w.suspicious(value, path.Field("value"), "the variable", n.Text("name"))
		}
	case manifest.Sequence:
		for i, item := range n.Content() {
			w.value(item, path.Item(i), suspect)
		}
	case manifest.Scalar:
		for _, c := range w.state.Components {
			if reason := namedBy(c, n); reason != "" {
				w.add(c.Name, n, path, namingText, reason)
			}
		}
	}
}

func (w *textsWalk) field(key, value *manifest.Node, at identity.Path, suspect bool) {
	for _, c := range w.state.Components {
		if isNamedIn(c, key.Value) {
			w.add(c.Name, key, at, aboutOf(key.Value), "a key that names the component")
		}
	}
	w.value(value, at, suspect)
	if suspect && soundsLikeIdentity(key.Value) {
		w.suspicious(value, at, "the key", key.Value)
	}
}

// suspicious records a value whose name suggests annotations of a ServiceAccount. Such a
// value need not name the component.
func (w *textsWalk) suspicious(value *manifest.Node, at identity.Path, what, name string) {
	w.add(w.any, value, at, aboutOf(name), what+" "+name+" may contain annotations of a service account")
}

// isName reports whether a path leads to the object's name, or to the name of a
// component's service account in its pod template.
func (w *textsWalk) isName(path identity.Path) bool {
	switch path[len(path)-1].Key {
	case "name":
		return slices.Equal(path, w.object.path.Field("metadata", "name"))
	case "serviceAccountName", "serviceAccount":
		return slices.ContainsFunc(w.object.podTemplates(), func(t podTemplate) bool {
			return len(w.state.ComponentsOf(w.object.namespace, t.serviceAccount())) > 0 && slices.Equal(path[:len(path)-1], t.specPath)
		})
	}
	return false
}

// isNamedIn reports whether a text contains the component's service account, or the
// last key of its values path.
func isNamedIn(c desired.Component, text string) bool {
	key := valuesKey(c)
	return slices.ContainsFunc(accountNames(c), func(name string) bool { return strings.Contains(text, name) }) || key != "" && strings.Contains(text, key)
}

// namedBy says how a string names the component. It returns nothing if it does not.
func namedBy(c desired.Component, n *manifest.Node) string {
	const shortest = 12 // a shorter text contains no mapping
	decoded, isBase64 := manifest.Base64(n.Value)
	isBase64 = isBase64 && len(n.Value) >= shortest && isNamedIn(c, string(decoded))
	switch lines := manifest.Breaks([]byte(n.Value)); {
	case isBase64 && isMapping(decoded):
		return "base64 that names the component"
	case isBase64:
		return "base64 that names the component and contains neither YAML nor JSON"
	case !isNamedIn(c, n.Value):
		return ""
	case strings.Contains(n.Value, "{{"):
		return "a template that names the component"
	case strings.HasPrefix(n.Value, "--set"):
		return "an argument of the --set kind, which the config's places cannot describe: set the value in the chart instead, as `spaces-identity values` prints it"
	case lines > 0:
		return fmt.Sprintf("a text of %d lines that names the component", lines+1)
	}
	return "a text that names the component"
}

func isMapping(text []byte) bool {
	root, err := manifest.Parse(text)
	return err == nil && root.IsMapping()
}

// aboutOf says what a text under a name is.
func aboutOf(name string) textAbout {
	if soundsLikeIdentity(name) && strings.Contains(letters(name), "annotation") {
		return annotationsText
	}
	return namingText
}

// soundsLikeIdentity reports whether a name suggests annotations of a ServiceAccount or a
// role. Case and punctuation do not matter.
func soundsLikeIdentity(name string) bool {
	return slices.ContainsFunc([]string{"serviceaccountannotation", "saannotation", "rolearn", "workloadidentity", "podidentity"},
		func(word string) bool { return strings.Contains(letters(name), word) })
}
