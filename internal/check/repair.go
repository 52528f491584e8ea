package check

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// repair is a change of a document that corrects a mistake: a value that is set, or a key
// that is renamed. The zero value changes nothing.
type repair struct {
	doc    *document
	sets   []manifest.Set // several if an anchor makes several places the same
	rename *manifest.Node // a key of the document itself
	name   string         // its new name
}

func (r repair) possible() bool { return r.doc != nil && (len(r.sets) > 0 || r.rename != nil) }

// setTo returns a repair that sets a value.
func (p place) setTo(path identity.Path, value string) repair {
	return repair{doc: p.doc, sets: []manifest.Set{{Path: path, Value: value}}}
}

// renamed returns a repair that renames a key, if the mapping does not have the new name
// yet. Keys in strings are not renamed.
func (k key) renamed(path identity.Path, name string) repair {
	if k.node == nil || k.in.Field(name) != nil || path.Crossing() >= 0 || k.node.Anchor() != "" || k.node.Tag() != "" {
		return repair{}
	}
	return repair{doc: k.at.doc, rename: k.node, name: name}
}

// mostRounds limits how often the files are corrected and read again.
const mostRounds = 10_000

// Fix corrects the mistakes that it can correct safely. It returns the report on the
// corrected files, and the files that changed. Nothing else in them changes. A file that
// cannot be corrected stays as it is, and its mistakes stay in the report.
func Fix(in Input) (Report, []File) {
	in.Files = slices.Clone(in.Files)
	before := slices.Clone(in.Files)
	var fixed []Finding
	for rounds := 0; ; rounds++ {
		report := Run(in)
		done := false
		for i, f := range in.Files {
			text, corrected := corrected(f, report.Findings)
			if len(corrected) > 0 {
				in.Files[i].Text, done = text, true
				fixed = append(fixed, corrected...)
			}
		}
		if !done || rounds == mostRounds {
			report.Fixed = fixed
			return report, changed(before, in.Files)
		}
	}
}

func changed(before, after []File) []File {
	var all []File
	for i, f := range after {
		if string(before[i].Text) != string(f.Text) {
			all = append(all, f)
		}
	}
	return all
}

// corrected returns a file with repairs, and the findings that they correct. It repairs the
// last document of the file that has a mistake, so that the places of the others stay.
func corrected(f File, findings []Finding) ([]byte, []Finding) {
	var mine []Finding
	var doc *document
	for _, finding := range findings {
		if finding.File == f.Name && finding.repair.possible() && (doc == nil || finding.repair.doc.start >= doc.start) {
			if doc == nil || finding.repair.doc.start > doc.start {
				mine, doc = nil, finding.repair.doc
			}
			mine = append(mine, finding)
		}
	}
	if doc == nil {
		return nil, nil
	}
	text, done := repaired(doc, mine)
	if len(done) == 0 {
		return nil, nil
	}
	return slices.Concat(f.Text[:doc.start], text, f.Text[doc.start+len(doc.text):]), done
}

// repaired returns a document with the sets of findings or, if there are none, with their
// new names. If not all of them are possible together, it takes the first that is possible.
func repaired(doc *document, findings []Finding) ([]byte, []Finding) {
	for _, some := range append([][]Finding{withSets(findings)}, oneByOne(findings)...) {
		if len(some) == 0 {
			continue
		}
		if text, ok := tried(doc, some); ok {
			return text, some
		}
	}
	return nil, nil
}

func withSets(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return len(f.repair.sets) == 0 })
}

func oneByOne(findings []Finding) [][]Finding {
	all := make([][]Finding, len(findings))
	for i := range findings {
		all[i] = findings[i : i+1]
	}
	return all
}

func tried(doc *document, findings []Finding) ([]byte, bool) {
	if r := findings[0].repair; r.rename != nil {
		return renamedKey(doc, r)
	}
	var sets []manifest.Set
	for _, f := range findings {
		sets = append(sets, f.repair.sets...)
	}
	text, err := manifest.Patch(doc.text, sets)
	return text, err == nil && string(text) != string(doc.text)
}

// renamedKey replaces the text of a key, and checks that the document has changed only
// there.
func renamedKey(doc *document, r repair) ([]byte, bool) {
	written := r.name
	switch r.rename.Style {
	case manifest.DoubleQuoted:
		written = `"` + r.name + `"`
	case manifest.SingleQuoted:
		written = "'" + strings.ReplaceAll(r.name, "'", "''") + "'"
	}
	text := slices.Concat(doc.text[:r.rename.Start()], []byte(written), doc.text[r.rename.End():])
	after, err := manifest.Parse(text)
	if err != nil {
		return nil, false
	}
	was := r.rename.Value
	r.rename.Value = r.name
	same := manifest.Same(doc.root, after)
	r.rename.Value = was
	return text, same
}
