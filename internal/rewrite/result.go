package rewrite

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// Outcome is the outcome of a place.
type Outcome string

// The outcomes of a place.
const (
	Changed      Outcome = "changed"      // the value was written
	Unchanged    Outcome = "unchanged"    // the place already had the value
	Left         Outcome = "left"         // the place must not change; Reason says why
	Unrecognised Outcome = "unrecognised" // a text at a place that the program does not know
)

// Place is a kind of place in manifests.
type Place string

// The kinds of place.
const (
	ServiceAccountPlace Place = "service account"        // a ServiceAccount's annotation
	PodTemplatePlace    Place = "pod template"           // a pod template that runs as the component's service account
	EmbeddedPlace       Place = "embedded values"        // chart values of the component in a manifest
	DependentPlace      Place = "dependent pod template" // a pod template that reads changed embedded values
	TextPlace           Place = "unrecognised text"      // a text that names the component
	AppendedPlace       Place = "appended object"        // an object of the program's own
)

// placeOrder says which kind wins if rules find the same place: the first one.
var placeOrder = []Place{ServiceAccountPlace, PodTemplatePlace, EmbeddedPlace, DependentPlace, AppendedPlace, TextPlace}

// Finding is one annotation or label at one place, or one unrecognised text.
type Finding struct {
	Outcome   Outcome `json:"outcome"`
	Component string  `json:"component"`
	Place     Place   `json:"place"`
	Document  int     `json:"document"`         // its number in the stream, from 1
	Line      int     `json:"line"`             // of the place in the stream, from 1
	Source    string  `json:"source,omitempty"` // the chart's template, if Helm names it
	Kind      string  `json:"kind,omitempty"`
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Path      string  `json:"path"`
	Old       *string `json:"old,omitempty"` // the annotation's or label's value before
	New       string  `json:"new,omitempty"`
	Reason    string  `json:"reason,omitempty"`
}

// location is a path in a document and, optionally, a component.
type location struct {
	document        int
	path, component string
}

// place is a finding with the object and the path.
type place struct {
	Finding
	object *object // nil if the place is an appended object
	path   identity.Path
	about  textAbout // of an unrecognised text
}

// textAbout says what an unrecognised text is.
type textAbout uint8

const (
	namingText      textAbout = iota // it names the component, or its key suggests an identity
	annotationsText                  // its key suggests annotations of a service account
)

// because returns the place with an outcome and its reason.
func (p place) because(outcome Outcome, reason string) place {
	p.Outcome, p.Reason = outcome, reason
	return p
}

// isEdit reports whether the value of the place must be written.
func (p place) isEdit() bool { return p.Outcome == Changed && p.Place != AppendedPlace }

// takesRole reports whether a role's annotation belongs at the place.
func (f Finding) takesRole() bool { return f.Place == ServiceAccountPlace || f.Place == EmbeddedPlace }

// findingsOf returns the findings of places in the order of the stream. It returns one for
// each path and component.
func findingsOf(places []place) []Finding {
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Component, b.Component), cmp.Compare(slices.Index(placeOrder, a.Place), slices.Index(placeOrder, b.Place)))
	})
	seen := map[location]bool{} // in the document of the last place
	findings := make([]Finding, 0, len(places))
	for i, p := range places {
		if i > 0 && places[i-1].Document != p.Document {
			clear(seen)
		}
		if at := (location{p.Document, p.Path, p.Component}); !seen[at] {
			seen[at] = true
			findings = append(findings, p.Finding)
		}
	}
	return findings
}

// Result is a stream with its edits and findings.
type Result struct {
	Findings        []Finding // in the order of the stream
	Warnings        []string
	ServiceAccounts []desired.ServiceAccount // of the components; those in the stream
	Advice          []identity.Place         // with which the config can describe unrecognised texts; without a component if any may belong there

	stream  []byte
	places  []place
	patches []patched
	state   desired.State
	options Options
}

// patched is a document with its new text.
type patched struct {
	doc  manifest.Document
	text []byte
}

// WriteTo writes the stream with its edits. It joins short parts, because each write to a
// pipe costs a call of the system.
func (r *Result) WriteTo(w io.Writer) (int64, error) {
	const pipe = 64 << 10 // bytes that a pipe of Linux holds
	buffer := bufio.NewWriterSize(w, min(pipe, 2*len(r.stream)))
	var written int64
	at := 0
	for _, p := range append(slices.Clip(r.patches), patched{doc: manifest.Document{Start: len(r.stream), End: len(r.stream)}}) {
		for _, part := range [][]byte{r.stream[at:p.doc.Start], p.text} {
			n, err := buffer.Write(part)
			if written += int64(n); err != nil {
				return written, err
			}
		}
		at = p.doc.End
	}
	return written, buffer.Flush()
}

// requirePlaces returns an error for components without a place, or warns of them. It also
// warns if a component has places, but none of them can take the role.
func (r *Result) requirePlaces(state desired.State, policy OnMissing) error {
	places, takers := map[string]bool{}, map[string]bool{}
	for _, f := range r.Findings {
		places[f.Component] = places[f.Component] || f.Place != TextPlace
		takers[f.Component] = takers[f.Component] || f.takesRole()
	}
	var without []string
	for _, c := range state.Components {
		switch {
		case !places[c.Name]:
			without = append(without, c.Name)
		case c.Mode.UsesIRSA() && !takers[c.Name]:
			r.Warnings = append(r.Warnings, c.Name+" does not get its role: the manifests contain its pods, but neither its ServiceAccount nor values for it")
		}
	}
	if len(without) == 0 {
		return nil
	}
	err := &MissingError{Components: without, NoManifests: blank(r.stream), Input: notManifests(r.stream)}
	if policy == MissingWarns {
		r.Warnings = append(r.Warnings, err.Error())
		return nil
	}
	return err
}

func blank(stream []byte) bool { return len(bytes.TrimSpace(stream)) == 0 }
