// Package rewrite finds the places in a stream of manifests at which a component's
// annotations and labels belong, and sets them. It works in four steps:
//
//	read      parse the documents that contain a name that a rule searches for
//	find      apply the rules to each object; they return edits and findings
//	restrain  drop the edits that must not be made, and refuse contradicting ones
//	patch     write the documents with the edits that remain
//
// A rule is a small type with two methods. Its example test shows what it does. A rule
// does not see what other rules found, so their order does not matter. A rule that
// depends on the edits of others runs in a later stage: see [Run]. Package manifest
// turns edits into bytes.
package rewrite

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/manifest"
)

// OnMissing says what to do if a component has no place.
type OnMissing string

// The choices for a component without a place.
const (
	MissingFails OnMissing = "fail"
	MissingWarns OnMissing = "warn"
)

// OnConflict says what to do if a place already has another value.
type OnConflict string

// The choices for a place with another value.
const (
	ConflictReplace OnConflict = "replace"
	ConflictKeep    OnConflict = "keep"
	ConflictFails   OnConflict = "fail"
)

// OnImmutable says what to do with a place in a part of an object that an upgrade cannot
// change.
type OnImmutable string

// The choices for a place that an upgrade cannot change.
const (
	ImmutableLeaves OnImmutable = "leave"
	ImmutableEdits  OnImmutable = "edit"
)

// Options are choices that the config does not contain. The zero value is the
// default: a missing place fails, another value is replaced, and a place that an upgrade
// cannot change is left.
type Options struct {
	OnMissing    OnMissing
	OnConflict   OnConflict
	OnImmutable  OnImmutable
	Unrecognised bool     // also find texts that name a component at unknown places
	Objects      []Object // objects that the stream must have
	Extended     bool     // accept these objects with more fields, which a later post-renderer may have added

	again bool // the stream has been edited already: pods that read embedded values have the restart annotation
}

// rule finds the edits that the desired state needs in an object.
type rule interface {
	// searchNames returns the strings that every document with an editable location
	// contains. Documents without any of them are skipped.
	searchNames() []string
	// find returns the edits and findings of one object.
	find(o *object) found
}

// skipper is a rule that knows documents in which it finds nothing, without a search of
// their objects.
type skipper interface{ skips(doc *document) bool }

// found is what rules found.
type found struct {
	edits    []edit
	places   []place   // edits after the step restrain, and findings without an edit
	patches  []patched // documents that are replaced as a whole
	warnings []string
	errs     []error
}

func (f found) plus(more found) found {
	f.edits = joined(f.edits, more.edits)
	f.places = joined(f.places, more.places)
	f.patches = joined(f.patches, more.patches)
	f.warnings = joined(f.warnings, more.warnings)
	f.errs = joined(f.errs, more.errs)
	return f
}

// joined appends a slice to another one. It copies nothing if that is empty.
func joined[E any](s, more []E) []E {
	if len(s) == 0 {
		return more
	}
	return append(s, more...)
}

func warningf(format string, args ...any) found {
	return found{warnings: []string{fmt.Sprintf(format, args...)}}
}

// Run finds the places of the desired state in a stream, and returns the stream with its
// edits. It does not change the stream that it was given. The error is a [MissingError],
// or it joins an [InputError] for each problem in the manifests, in their order.
func Run(stream []byte, state desired.State, options Options) (*Result, error) {
	if err := checkEncoding(stream); err != nil {
		return nil, err
	}
	in := newInput(stream, options)
	docs, all := in.stage(nil, mayBeSecret, placeRules(state, in.own)...) // values in a Secret are base64
	read := embeddedIn(all.places)
	if options.again {
		read.markChanged()
	}
	docs, more := in.stage(docs, nil, newRestarts(state, read))
	all = all.plus(more)
	docs, more = in.stage(docs, nil, newSelectors(labelChanges(all.places)))
	all = all.plus(more).plus(ConfiguredPlaces{state}.missing(docs)).plus(in.own.missing(in, docs))

	// These stages set nothing, so they ignore documents that are not valid YAML.
	docs, _ = in.read(docs, namesOf(BackupConfigs{state}.searchNames()...), nil)
	all = all.plus(in.find(docs, BackupConfigs{state}))
	if options.Unrecognised {
		docs, _ = in.read(docs, names{}, always)
		all.places = append(all.places, unknown(in.find(docs, UnrecognisedTexts{state}).places, all.places)...)
	}
	if len(all.errs) > 0 {
		return nil, errors.Join(sorted(all.errs)...)
	}
	patches, err := patch(all)
	if err != nil {
		return nil, err
	}
	result := &Result{Findings: findingsOf(all.places), Warnings: all.warnings, ServiceAccounts: ServiceAccounts{state}.in(docs), stream: stream, places: all.places, patches: patches, state: state, options: options}
	if options.Unrecognised {
		trial := Options{OnMissing: MissingWarns, OnConflict: options.OnConflict}
		result.Advice = adviser{state, trial, docs}.advise(all.places)
	}
	return result, result.requirePlaces(state, options.OnMissing)
}

// placeRules returns the rules of the first stage, which need only the manifests.
func placeRules(state desired.State, own OwnObjects) []rule {
	return []rule{own, ServiceAccounts{state}, PodTemplates{state}, newEmbeddedValues(state), ConfiguredPlaces{state}, OtherWorkloads{state}}
}

func always([]byte) bool { return true }

// stage adds the documents that the rules need to those read before. These contain a
// name that a rule searches for, or mayHide reports that they may hide one. It applies
// the rules to all of them and restrains the edits.
func (in input) stage(before []*document, mayHide func(text []byte) bool, rules ...rule) ([]*document, found) {
	var texts []string
	for _, r := range rules {
		texts = append(texts, r.searchNames()...)
	}
	docs, errs := in.read(before, namesOf(texts...), mayHide)
	all := in.find(docs, rules...)
	places, refused := restrain(all.edits, in.options)
	all.edits, all.places = nil, append(all.places, places...)
	all.errs = slices.Concat(all.errs, errs, refused)
	return docs, all
}

// find applies rules to the objects of documents. To the program's own objects it
// applies only [OwnObjects].
func (in input) find(docs []*document, rules ...rule) found {
	var all found
	needed := make([]rule, 0, len(rules))
	for _, doc := range docs {
		needed = needed[:0]
		for _, r := range rules {
			if s, ok := r.(skipper); !ok || !s.skips(doc) {
				needed = append(needed, r)
			}
		}
		for _, o := range doc.objects {
			isOwn := in.own.has(o)
			for _, r := range needed {
				if _, ok := r.(OwnObjects); ok == isOwn {
					all = all.plus(r.find(o))
				}
			}
		}
	}
	return all
}

// patch writes the documents that have edits, several at the same time. It returns them,
// and those that are replaced as a whole, in the order of the stream.
func patch(all found) ([]patched, error) {
	var jobs []patchJob
	index := map[*document]int{}
	for _, p := range all.places {
		if !p.isEdit() {
			continue
		}
		i, ok := index[p.object.doc]
		if !ok {
			i = len(jobs)
			index[p.object.doc] = i
			jobs = append(jobs, patchJob{object: p.object})
		}
		jobs[i].sets = append(jobs[i].sets, manifest.Set{Path: p.path, Value: p.New})
	}
	texts, errs := make([]patched, len(jobs)), make([]error, len(jobs))
	each(len(jobs), func(i int) { texts[i], errs[i] = jobs[i].run() })
	texts = append(texts, all.patches...)
	slices.SortFunc(texts, func(a, b patched) int { return a.doc.Number - b.doc.Number })
	return texts, errors.Join(errs...)
}

// each calls do with each number below count: several at the same time, unless there are so
// few that starting goroutines costs more.
func each(count int, do func(int)) {
	const few = 4
	workers := runtime.GOMAXPROCS(0)
	if count <= few {
		workers = 1
	}
	work := func(first int) {
		for i := first; i < count; i += workers {
			do(i)
		}
	}
	var others sync.WaitGroup
	for w := 1; w < workers; w++ {
		others.Go(func() { work(w) })
	}
	work(0)
	others.Wait()
}

// patchJob contains the edits of a document.
type patchJob struct {
	object *object // the first with an edit
	sets   []manifest.Set
}

func (j patchJob) run() (patched, error) {
	doc := j.object.doc
	text, err := manifest.PatchParsed(doc.text, doc.root, j.sets)
	if err != nil {
		return patched{}, doc.patchError(j.object.String(), err)
	}
	return patched{doc.Document, text}, nil
}
