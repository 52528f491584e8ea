package rewrite

import (
	"fmt"

	"spaces-identity.dev/internal/manifest"
)

// site is a mapping of annotations or labels, or where one is to be made.
type site struct {
	object  object
	finding Finding // what is the same for all of its keys
	path    manifest.Path
	near    *manifest.Node // the innermost value on the path that is in the object's own document, for the line
	values  *manifest.Node // the mapping, nil where there is none
	label   bool
}

// put asks for a value under a key and notes what became of it.
func (r *run) put(s site, key, value string) {
	f := s.describe(key)
	f.New = value
	if second := s.repeated(key); second != nil {
		r.fail(s.inputError(second, f.Path+" has two values in one mapping; remove one"))
		return
	}
	old := s.values.Field(key).Resolve()
	if old == nil || old.IsNull() {
		r.change(s, f, key)
		return
	}
	if old.Kind == manifest.Scalar {
		f.Old = &old.Value
		if old.IsString() && old.Value == value {
			f.Outcome = Right
			r.note(f)
			return
		}
	}
	switch r.options.OnConflict {
	case ConflictKeep:
		f.Outcome, f.Reason = Left, "another value stands here and --on-conflict keep leaves it"
		f.New = ""
		r.note(f)
	case ConflictFails:
		r.fail(s.inputError(old, f.Path+" has another value already, and --on-conflict fail refuses to replace it"))
	default:
		f.Reason = "another value stood here and was replaced"
		r.change(s, f, key)
	}
}

// stamp is put for an annotation of the program's own: no conflict is possible.
func (r *run) stamp(s site, value string) {
	f := s.describe(stampAnnotation)
	f.New = value
	if old := s.values.Field(stampAnnotation).Resolve(); old != nil && old.Kind == manifest.Scalar {
		f.Old = &old.Value
		if old.IsString() && old.Value == value {
			f.Outcome = Right
			r.note(f)
			return
		}
	}
	r.change(s, f, stampAnnotation)
}

func (s site) describe(key string) Finding {
	f := s.finding
	f.Path = s.path.Field(key).String()
	f.Line = s.object.line(s.nearest(s.values.Field(key)))
	return f
}

// repeated is the second key of that name in the site's mapping, or nil.
func (s site) repeated(key string) *manifest.Node {
	seen := false
	for k := range s.values.Fields {
		if k.Resolve().Value != key {
			continue
		}
		if seen {
			return k
		}
		seen = true
	}
	return nil
}

// nearest is the node itself where it stands in the object's own document, else
// the value that holds it there.
func (s site) nearest(n *manifest.Node) *manifest.Node {
	if n == nil || s.path.Crossing() >= 0 {
		return s.near
	}
	return n
}

func (s site) inputError(n *manifest.Node, problem string) *InputError {
	return s.object.doc.inputError(s.object.String(), s.nearest(n).Outer, problem)
}

// change asks for a value, unless it is in a pod template that cannot change.
func (r *run) change(s site, f Finding, key string) {
	if template, path := s.object.podTemplate(); template != nil && s.object.immutable() && leads(path.String(), f.Path) {
		f.Outcome, f.Reason, f.New = Left, immutableJob, ""
		r.note(f)
		return
	}
	f.Outcome = Changed
	r.note(f)
	doc := s.object.doc
	doc.wants = append(doc.wants, want{manifest.Set{Path: s.path.Field(key), Value: f.New}, s.object, s.label})
}

// leave notes a key that is there and is not touched.
func (r *run) leave(s site, key, reason string) {
	old := s.values.Field(key).Resolve()
	if old == nil || old.Kind != manifest.Scalar {
		return
	}
	f := s.describe(key)
	f.Outcome, f.Old, f.Reason = Left, &old.Value, reason
	r.note(f)
}

// note adds a finding, once for each component at a path.
func (r *run) note(f Finding) {
	key := [2]string{fmt.Sprint(f.Document, f.Path), f.Component}
	if !r.noted[key] {
		r.noted[key] = true
		r.result.Findings = append(r.result.Findings, f)
	}
}

func (r *run) warn(format string, args ...any) {
	r.result.Warnings = append(r.result.Warnings, fmt.Sprintf(format, args...))
}
