package rewrite

import "cmp"

// Outcome is what became of a place.
type Outcome string

// The outcomes of a place.
const (
	Changed      Outcome = "changed"      // the value was written
	Right        Outcome = "right"        // the value stood there already
	Left         Outcome = "left"         // a place that was not to be touched; Reason says why
	Unrecognised Outcome = "unrecognised" // a mention that is no place the program knows
)

// Place is the kind of spot in a manifest that carries identity.
type Place string

// The kinds of place.
const (
	ServiceAccountPlace Place = "service account" // a ServiceAccount's annotation
	PodTemplatePlace    Place = "pod template"    // a pod template that runs as the ServiceAccount
	CarrierPlace        Place = "carrier"         // values the Spaces chart hands on
	ReaderPlace         Place = "reader"          // a pod template that reads a changed carrier
	MentionPlace        Place = "mention"         // a text that names the component
	AppendedPlace       Place = "object"          // an object of the program's own
)

// Finding is one annotation or label at one place, or one mention.
type Finding struct {
	Outcome   Outcome `json:"outcome"`
	Component string  `json:"component"`
	Place     Place   `json:"place"`
	Document  int     `json:"document"`         // its number in the stream, from 1
	Line      int     `json:"line"`             // of the place in the stream, from 1
	Source    string  `json:"source,omitempty"` // the chart's template, where Helm tells it
	Kind      string  `json:"kind,omitempty"`
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Path      string  `json:"path"`
	Old       *string `json:"old,omitempty"` // the annotation's or label's value before
	New       string  `json:"new,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	Encoding  string  `json:"encoding,omitempty"` // of a mention that the config's places can point at
}

// compareFindings orders findings as they stand in the stream.
func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Path, b.Path), cmp.Compare(a.Component, b.Component))
}
