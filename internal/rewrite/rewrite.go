// Package rewrite finds the places in a stream of manifests that carry a
// component's identity and says what should stand there. A rule is a method in
// a file of its own; bytes are the manifest package's concern.
package rewrite

import (
	"cmp"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// OnMissing says what to make of a component without a place.
type OnMissing string

// What to make of a component without a place.
const (
	MissingFails OnMissing = "fail"
	MissingWarns OnMissing = "warn"
)

// OnConflict says what to do where another value stands at a place.
type OnConflict string

// What to do where another value stands at a place.
const (
	ConflictReplace OnConflict = "replace"
	ConflictKeep    OnConflict = "keep"
	ConflictFails   OnConflict = "fail"
)

// Options are choices that the config does not hold. The zero value is the
// default: a missing place fails, another value is replaced.
type Options struct {
	OnMissing  OnMissing
	OnConflict OnConflict
	Mentions   bool     // look for texts that name a component and are no place
	Objects    []Object // what the stream is to have beside what it has
}

// Result is a stream with its changes, and what was found in it.
type Result struct {
	Findings        []Finding // in the stream's order
	Warnings        []string
	ServiceAccounts []ServiceAccount // of the components, as the stream has them

	stream  []byte
	patches []patch
}

// ServiceAccount is one of a component's in the stream.
type ServiceAccount struct {
	Component string
	Namespace string // empty where the manifest leaves it to the release
}

// patch is a document with its new text.
type patch struct {
	doc  manifest.Document
	text []byte
}

// Run finds what the spec asks for in a stream and carries it out. Nothing is
// written: the result holds the new text of the documents that change. Errors
// of several documents come joined.
func Run(stream []byte, spec identity.Spec, options Options) (*Result, error) {
	r := &run{stream: stream, spec: spec, options: options, opened: map[int]bool{},
		noted: map[[2]string]bool{}, result: &Result{stream: stream}}
	r.options.OnMissing = cmp.Or(options.OnMissing, MissingFails)
	r.options.OnConflict = cmp.Or(options.OnConflict, ConflictReplace)
	r.read()
	for _, doc := range r.docs {
		for _, o := range doc.objects {
			r.places(o)
		}
	}
	r.configuredPlaces()
	r.stamps()
	r.selectors()
	r.backups()
	r.ensure()
	if options.Mentions {
		r.mentions()
	}
	if len(r.errs) == 0 {
		r.patch()
		r.result.patches = append(r.result.patches, r.own...)
		slices.SortFunc(r.result.patches, func(a, b patch) int { return a.doc.Number - b.doc.Number })
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	slices.SortStableFunc(r.result.Findings, compareFindings)
	return r.result, r.missing()
}

// WriteTo writes the stream with its changes.
func (r *Result) WriteTo(w io.Writer) (int64, error) {
	var total int64
	write := func(b []byte) error {
		n, err := w.Write(b)
		total += int64(n)
		return err
	}
	at := 0
	for _, p := range r.patches {
		if err := write(r.stream[at:p.doc.Start]); err != nil {
			return total, err
		}
		if err := write(p.text); err != nil {
			return total, err
		}
		at = p.doc.End
	}
	return total, write(r.stream[at:])
}

// run is one pass over one stream.
type run struct {
	stream  []byte
	spec    identity.Spec
	options Options
	docs    []*document        // those that were parsed
	opened  map[int]bool       // their numbers
	noted   map[[2]string]bool // paths and components of the findings
	result  *Result
	own     []patch // of the objects that the stream is to have
	errs    []error
}

// document is one that was parsed, with what is wanted in it.
type document struct {
	manifest.Document
	text    []byte
	lines   manifest.Lines
	first   int // line of the stream at which it begins
	root    *manifest.Node
	objects []object
	wants   []want
}

// want is a value wanted at a place.
type want struct {
	set    manifest.Set
	object object
	label  bool // a pod label, which a selector may use
}

// read parses the documents that may hold a place.
func (r *run) read() {
	looked := namesOf(r.spec)
	r.open(looked.mayBeIn)
}

// openNaming parses the documents that have one of the names in them.
func (r *run) openNaming(looked names) {
	if len(looked) > 0 {
		r.open(func(text []byte) bool { return looked.in(text) || looked.escapedIn(text) })
	}
}

// open parses the documents that are wanted and were not parsed before. A
// document without content is none.
func (r *run) open(wanted func(text []byte) bool) {
	line, counted := 1, 0
	for doc := range manifest.Split(r.stream) {
		text := r.stream[doc.Start:doc.End]
		if r.opened[doc.Number] || !wanted(text) {
			continue
		}
		line, counted = line+manifest.Breaks(r.stream[counted:doc.Start]), doc.Start
		r.opened[doc.Number] = true
		d := &document{Document: doc, text: text, lines: manifest.NewLines(text), first: line}
		root, err := manifest.Parse(text)
		if err != nil {
			r.fail(d.patchError("", err))
			continue
		}
		if root != nil {
			d.root = root
			d.objects = listed(d, root, nil, maxListDepth)
			r.docs = append(r.docs, d)
		}
	}
}

func (r *run) fail(err error) { r.errs = append(r.errs, err) }

// places applies the rules to an object.
func (r *run) places(o object) {
	for _, c := range r.spec.Components {
		r.serviceAccount(o, c)
		r.podTemplate(o, c)
	}
	r.carriers(o)
}

// patch carries out what is wanted, several documents at a time.
func (r *run) patch() {
	docs := slices.DeleteFunc(slices.Clone(r.docs), func(d *document) bool { return len(d.wants) == 0 })
	slices.SortFunc(docs, func(a, b *document) int { return a.Start - b.Start })
	r.result.patches = make([]patch, len(docs))
	errs := make([]error, len(docs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(docs)) {
		workers.Go(func() {
			for i := range next {
				r.result.patches[i], errs[i] = docs[i].patch()
			}
		})
	}
	for i := range docs {
		next <- i
	}
	close(next)
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		r.fail(err)
	}
}

func (d *document) patch() (patch, error) {
	sets := make([]manifest.Set, len(d.wants))
	for i, w := range d.wants {
		sets[i] = w.set
	}
	text, err := manifest.PatchParsed(d.text, d.root, sets)
	if err != nil {
		return patch{}, d.patchError(d.wants[0].object.String(), err)
	}
	return patch{d.Document, text}, nil
}
