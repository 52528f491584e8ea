package manifest

// Same reports whether two values read the same: quoting, comments, layout and
// the order of keys aside.
func Same(a, b *Node) bool {
	a, b = a.Resolve(), b.Resolve()
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Kind != Scalar && a.Tag != b.Tag {
		return false
	}
	switch a.Kind {
	case Scalar:
		return sameScalar(a, b)
	case Mapping:
		return sameMapping(a.effective(), b.effective())
	}
	if len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !Same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

func sameMapping(a, b []field) bool {
	if len(a) != len(b) {
		return false
	}
	known := byKey(a)
	for _, f := range b {
		was := known[f.key.Resolve().Value]
		if !Same(was.key, f.key) || !Same(was.value, f.value) {
			return false
		}
	}
	return true
}
