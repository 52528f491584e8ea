package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/manifest"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// resourceFunction makes the edits of post-render as a KRM function.
//
// Source: "KRM Functions Specification", of kustomize.
type resourceFunction struct {
	env *cli.Env
	op  cli.FnOp
}

// runFunction reads a ResourceList, and writes it with its edits and results. After an
// error, its items are as they were.
func runFunction(ctx context.Context, env *cli.Env, op cli.FnOp) error {
	input, err := env.ReadInput(ctx, "ResourceList")
	if err != nil {
		return err
	}
	if !postrender.IsResourceList(input) {
		return exit.Usage(output.Hint(errors.New("standard input is not a ResourceList of "+kio.ResourceListAPIVersion),
			"let kustomize or kpt run fn, or pipe manifests to `spaces-identity post-render`"))
	}
	var list bytes.Buffer
	f := resourceFunction{env, op}
	failure := framework.Execute(framework.ResourceListProcessorFunc(f.process), &kio.ByteReadWriter{
		Reader: bytes.NewReader(input), Writer: &list, KeepReaderAnnotations: true})
	if _, err := io.Copy(env.Out, &list); err != nil {
		return fmt.Errorf("writing the ResourceList to standard output: %w", err)
	}
	return failure
}

// process edits the items of the list, and adds what a user should know to its results.
func (f resourceFunction) process(list *framework.ResourceList) error {
	report, err := f.edit(list)
	for _, warning := range report.Warnings {
		f.env.Warn(warning)
		list.Results = append(list.Results, &framework.Result{Message: warning, Severity: framework.Warning})
	}
	for _, found := range report.Changes {
		if found.Old != nil && found.Reason != "" {
			list.Results = append(list.Results, resultOf(framework.Warning, found, list.Items))
		}
	}
	for _, found := range report.Left {
		list.Results = append(list.Results, resultOf(framework.Info, found, list.Items))
	}
	for _, problem := range problemsOf(err) {
		list.Results = append(list.Results, errorResult(problem, list.Items))
	}
	return err
}

// edit replaces the items that change, and appends the objects that they lack.
func (f resourceFunction) edit(list *framework.ResourceList) (postrender.Report, error) {
	state, err := f.state(list.FunctionConfig)
	if err == nil {
		err = exit.Usage(state.Require(desired.NeedManifests))
	}
	if err != nil {
		return postrender.Report{}, err
	}
	stream, err := streamOf(list.Items)
	if err != nil {
		return postrender.Report{}, err
	}
	result, err := postrender.Renderer{State: state, Options: f.op.Options()}.Rewrite(stream)
	if err != nil {
		return postrender.Report{}, err
	}
	items, err := itemsOf(result, list.Items)
	if err != nil {
		return postrender.Report{}, err
	}
	list.Items = items
	return postrender.NewReport(result), nil
}

// state derives the desired state of the list's functionConfig. A list without one uses
// the config of the other commands.
func (f resourceFunction) state(config *yaml.RNode) (desired.State, error) {
	if config.IsNilOrEmpty() {
		return f.env.State(f.op.Settings)
	}
	text, err := config.String()
	if err != nil {
		return desired.State{}, err
	}
	spec, err := f.op.Settings.ResolveContent("functionConfig", []byte(text), f.env.Getenv)
	return desired.Of(spec), err
}

// streamOf writes the items as a stream of documents, one for each.
func streamOf(items []*yaml.RNode) ([]byte, error) {
	var stream bytes.Buffer
	for _, item := range items {
		text, err := item.String()
		if err != nil {
			return nil, err
		}
		stream.WriteString("---\n" + text)
	}
	return stream.Bytes(), nil
}

// itemsOf returns the items, those that have edits parsed from the edited stream, and the
// appended objects.
func itemsOf(result *rewrite.Result, items []*yaml.RNode) ([]*yaml.RNode, error) {
	var edited bytes.Buffer
	if _, err := result.WriteTo(&edited); err != nil {
		return nil, err
	}
	changed := map[int]bool{}
	for _, found := range result.Findings {
		changed[found.Document] = changed[found.Document] || found.Outcome == rewrite.Changed
	}
	items = slices.Clone(items)
	number := 0
	for doc := range manifest.Split(edited.Bytes()) {
		text := edited.Bytes()[doc.Start:doc.End]
		if root, err := manifest.Parse(text); err == nil && root == nil {
			continue // what is before the first marker
		}
		number++
		if number <= len(items) && !changed[doc.Number] {
			continue
		}
		item, err := yaml.Parse(string(text))
		if err != nil {
			return nil, err
		}
		if number <= len(items) {
			items[number-1] = item
		} else {
			items = append(items, item)
		}
	}
	return items, nil
}

// resultOf describes a finding as a result.
func resultOf(severity framework.Severity, found rewrite.Finding, items []*yaml.RNode) *framework.Result {
	field := &framework.Field{Path: found.Path}
	if found.Old != nil && found.New != "" {
		field.CurrentValue, field.ProposedValue = *found.Old, found.New
	}
	return &framework.Result{Message: found.Reason, Severity: severity, Field: field, ResourceRef: refOf(found.Document, items)}
}

func errorResult(err error, items []*yaml.RNode) *framework.Result {
	result := &framework.Result{Message: err.Error(), Severity: framework.Error}
	if e, ok := errors.AsType[*rewrite.InputError](err); ok {
		result.ResourceRef = refOf(e.Document, items)
	}
	return result
}

// refOf names an item, or returns nil if there is none of that number.
func refOf(number int, items []*yaml.RNode) *yaml.ResourceIdentifier {
	if number < 1 || number > len(items) {
		return nil
	}
	meta, err := items[number-1].GetMeta()
	if err != nil {
		return nil
	}
	return &yaml.ResourceIdentifier{TypeMeta: meta.TypeMeta, NameMeta: meta.NameMeta}
}

// problemsOf returns the errors that an error joins.
func problemsOf(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
