package check

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// StraySpace finds values and keys with space around them.
type StraySpace struct{}

// About describes the rule.
func (StraySpace) About() About {
	return About{"stray-space", "a value or key with space around it, which Helm keeps"}
}

func (StraySpace) find(in *input) []Finding {
	var all []Finding
	for _, v := range in.values {
		for _, s := range v.settings {
			all = append(append(all, s.spacedKeys()...), s.spacedValue()...)
		}
	}
	for _, a := range in.annotations {
		if !a.inValues && isAccountKey(a.name) && a.object.kind != "Secret" {
			all = append(all, a.spacedValue()...)
		}
	}
	return all
}

// spacedKeys returns the keys of an argument that have space around them.
func (s setting) spacedKeys() []Finding {
	var all []Finding
	for _, k := range s.keys {
		if s.syntax && strings.TrimSpace(k.name) != k.name {
			all = append(all, finding(k.at, s.printed(), fmt.Sprintf("the key %q has space around it, which Helm keeps", k.name), "remove the space"))
		}
	}
	return all
}

// spacedValue returns a finding if the value has space around it. A list in a file may have
// items such as " -x", and a text of several lines ends with a line break.
func (s setting) spacedValue() []Finding {
	inList := slices.ContainsFunc(s.keys, func(k key) bool { return k.item })
	trimmed := strings.TrimSpace(s.text)
	if s.kind != textValue || trimmed == s.text || trimmed == "" || inList && !s.syntax || strings.Contains(s.text, "\n") {
		return nil
	}
	f := finding(s.at, s.printed(), "the value has space around it, which stays part of it", "remove the space")
	if s.syntax {
		return []Finding{f}
	}
	return []Finding{f.with(s.at.setTo(s.path, trimmed))}
}

// UnknownKey finds keys that the Spaces chart does not have.
type UnknownKey struct{}

// About describes the rule.
func (UnknownKey) About() About {
	return About{"unknown-key", "a key that the Spaces chart does not have, such as backup.enabled, which Helm ignores silently"}
}

func (UnknownKey) find(in *input) []Finding {
	var all []Finding
	known := in.components
	for _, v := range in.values {
		for _, s := range v.settings {
			if !v.whole || s.joinedWebhookKey() != "" && s.metadataMap() < 0 || describedByConfig(s.names(), known) {
				continue
			}
			i, above := chartKeys().unknown(s.names())
			if i < 0 || strings.TrimSpace(s.keys[i].name) != s.keys[i].name {
				continue
			}
			name := printedKeys(s.keys[:i+1])
			if s.syntax { // each argument is a finding
				name = s.printed()
			}
			all = append(all, finding(s.keys[i].at, name, "the Spaces chart has no such key, and Helm ignores it silently", fixOfUnknown(s.keys[i].name, above)).
				with(renamedCase(s, i, above)))
		}
	}
	return all
}

// describedByConfig reports whether a config describes a component of the user's own with
// this key.
func describedByConfig(names []string, components []identity.Component) bool {
	return slices.ContainsFunc(components, func(c identity.Component) bool {
		own := c.Values.Component
		if _, known := identity.Known(c.Name); known || len(own) == 0 {
			return false
		}
		least := min(len(own), len(names))
		return slices.Equal(own[:least], names[:least])
	})
}

func fixOfUnknown(name string, above *chartKey) string {
	if name == "backup" && len(above.path) == 0 {
		return "remove it: a SharedBackupConfig object says where backups go, and spaces-identity post-render writes one"
	}
	if near := above.nearest(name); near != "" {
		return "did you mean " + near + "?"
	}
	return "remove it, or look up the key in the values reference of your version of the chart"
}

// renamedCase returns the repair of a key that only differs in case, dashes or underscores
// from one of the chart.
func renamedCase(s setting, i int, above *chartKey) repair {
	fold := func(name string) string {
		return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	}
	for name := range above.children {
		if fold(name) == fold(s.keys[i].name) {
			return s.keys[i].renamed(s.path, name)
		}
	}
	return repair{}
}

// UnescapedDots finds keys of annotations and labels whose dots are read as steps.
type UnescapedDots struct{}

// About describes the rule.
func (UnescapedDots) About() About {
	return About{"unescaped-dots", "a key of an annotation or label whose dots make it a mapping in a mapping"}
}

func (UnescapedDots) find(in *input) []Finding {
	var all []Finding
	for _, v := range in.values {
		for _, s := range v.settings {
			joined, first := s.dotted()
			if joined == "" {
				continue
			}
			fix := "write " + joined + " as one key"
			if s.syntax {
				fix = "write '" + escapedPath(s.names()[:first]) + "." + escapedKey(joined) + "=…', in single quotes for the shell"
			}
			all = append(all, finding(s.keys[first].at, s.printed(), fmt.Sprintf("the dots of %s are read as steps, so no annotation or label of that name is set", joined), fix))
		}
	}
	return all
}

// RoleConflict finds role annotations that differ from the role of the config.
type RoleConflict struct{}

// About describes the rule.
func (RoleConflict) About() About {
	return About{"role-conflict", "a role annotation that differs from the role that the config gives the component"}
}

func (RoleConflict) find(in *input) []Finding {
	var all []Finding
	for _, a := range in.annotations {
		if a.name != identity.RoleAnnotation || !a.accounts || a.apart() || placeholder(a.text) || strings.TrimSpace(a.text) == "" {
			continue
		}
		for _, spec := range in.specs {
			for _, c := range desired.Of(spec).Components {
				if a.isOf(c.Component) && c.Mode.UsesIRSA() && !c.Role.IsZero() && strings.TrimSpace(a.text) != c.Role.String() {
					all = append(all, finding(a.at, a.printed(), fmt.Sprintf("the role here is %s, but the config gives %s the role %s", strings.TrimSpace(a.text), c.Name, c.Role),
						"name one role in both places, or remove the annotation here: post-render writes the role of the config"))
				}
			}
		}
	}
	return all
}

// isOf reports whether the annotation is one of the component's service accounts.
func (a annotation) isOf(c identity.Component) bool {
	if a.object != nil {
		return a.object.kind == "ServiceAccount" && a.object.name == c.ServiceAccount
	}
	i := a.metadataMap()
	return len(c.Values.Component) > 0 && slices.Equal(a.names()[:i+1], slices.Concat(c.Values.Component, c.Values.Annotations))
}

// BillingSecret finds a secret of static keys for billing while vector has an identity.
type BillingSecret struct{}

// About describes the rule.
func (BillingSecret) About() About {
	return About{"billing-secret", "a name in billing.storage.secretRef.name although vector has an identity, so vector uses the static keys"}
}

// find looks at the value that wins: Helm takes the last file, and arguments after files.
// If no file sets the key, the chart's default applies, which is not empty.
func (BillingSecret) find(in *input) []Finding {
	secret := []string{"billing", "storage", "secretRef", "name"}
	vector, _ := identity.Known("vector")
	annotated := slices.Concat(vector.Values.Component, vector.Values.Annotations, []string{identity.RoleAnnotation})
	identified := slices.ContainsFunc(in.specs, func(s identity.Spec) bool { _, ok := s.Component(vector.Name); return ok })
	var last, cause *setting
	for _, v := range in.values {
		for _, s := range v.settings {
			switch {
			case s.in(secret...) && !v.whole && v.disablesBilling(): // a render of the chart's defaults
			case s.in(secret...):
				last = &s
			case !v.whole: // values in a manifest are a part of those that Helm merges
			case s.in(annotated...) && s.text != "":
				identified, cause = true, &s
			case s.in("billing", "enabled") && s.text == "true" && cause == nil:
				cause = &s
			}
		}
	}
	const problem = "vector has an identity, but with the name of a secret it looks for static keys"
	switch {
	case !identified || last == nil && cause == nil:
		return nil
	case last == nil:
		return []Finding{finding(cause.at, strings.Join(secret, "."), `billing.storage.secretRef.name is not set, and its default is "billing-storage": `+problem, `set billing.storage.secretRef.name to ""`)}
	case last.text == "" || last.kind == nullValue:
		return nil
	}
	f := finding(last.at, last.printed(), problem, `set it to ""`)
	if !last.syntax {
		f = f.with(last.at.setTo(last.path, ""))
	}
	return []Finding{f}
}

// disablesBilling reports whether the values say that there is no billing, and so no vector.
func (v values) disablesBilling() bool {
	return slices.ContainsFunc(v.settings, func(s setting) bool { return s.in("billing", "enabled") && s.text == "false" })
}
