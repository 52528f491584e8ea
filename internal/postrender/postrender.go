// Package postrender does the program's main work: it reads manifests and writes
// manifests and artifacts. It writes all of them or none.
package postrender

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"helm.sh/helm/v3/pkg/postrender"

	"spaces-identity.dev/internal/artifact"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/interrupt"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/rewrite"
)

// Renderer rewrites manifests for one config.
type Renderer struct {
	State   desired.State
	Options rewrite.Options
	Then    ThenPolicy
	Hints   func(error) []string // finds the hints of an error for the report; nil: output.Hints

	// Dir takes the manifests, as [ManifestsFile]. If it is empty, the writer takes them.
	Dir string
	// Namespace is that of the release, or empty if it is not known. Helm installs objects
	// without a namespace there.
	Namespace string
}

// ManifestsFile is the name of the manifests in a Renderer's Dir.
const ManifestsFile = "manifests.yaml"

// A Renderer implements the interface of Helm's library.
var _ postrender.PostRenderer = Renderer{}

// Run runs [Renderer.Render] on a buffer. Helm's library calls it.
func (r Renderer) Run(rendered *bytes.Buffer) (*bytes.Buffer, error) {
	out := &bytes.Buffer{}
	_, err := r.Render(context.Background(), rendered.Bytes(), out)
	return out, err
}

// Render rewrites a stream of manifests. It stages the artifacts, writes the manifests
// and then renames the artifacts to their names. What can fail, it does before it writes
// the first byte. If it fails, it replaces no artifact except the report, which then
// contains the error.
func (r Renderer) Render(ctx context.Context, stream []byte, out io.Writer) (Report, error) {
	result, err := r.Rewrite(stream)
	report := NewReport(result)
	final := edited{result, nil}
	if err == nil {
		final, err = r.then(ctx, result, &report)
	}
	if err == nil {
		err = r.finish(ctx, final, &report, out)
	}
	if err != nil {
		return report, r.Fail(report, err)
	}
	return report, nil
}

// Rewrite makes this program's own edits, and writes nothing.
func (r Renderer) Rewrite(stream []byte) (*rewrite.Result, error) {
	objects, err := AdmissionObjects(r.State)
	if err != nil {
		return nil, err
	}
	options := r.Options
	options.Objects = objects
	result, err := rewrite.Run(stream, r.State, options)
	if err != nil {
		return nil, err
	}
	if r.State.Spec().AdmissionPolicy != identity.NoAdmissionPolicy && len(objects) == 0 {
		result.Warnings = append(result.Warnings, "delivery.admissionPolicy: "+NothingToAdmit)
	}
	result.Warnings = append(result.Warnings, export.AdmissionWarnings(r.State, r.State.Spec().AdmissionPolicy)...)
	return result, nil
}

// finish derives the documents of the manifests that are to be installed, and delivers both.
func (r Renderer) finish(ctx context.Context, final edited, report *Report, out io.Writer) error {
	docs, err := r.documents(final)
	report.Components = docs.components
	report.Warnings = append(report.Warnings, docs.warnings...)
	if err != nil {
		return err
	}
	return r.deliver(ctx, final, docs.files, report, out)
}

func (r Renderer) documents(final edited) (documents, error) {
	if r.artifactsDir() == identity.NoArtifacts {
		return documents{}, exit.Usage(r.State.Require(desired.NeedManifests))
	}
	for i, sa := range final.ServiceAccounts {
		final.ServiceAccounts[i].Namespace = cmp.Or(sa.Namespace, r.Namespace)
	}
	return newDocuments(r.State.WithServiceAccounts(final.ServiceAccounts))
}

func (r Renderer) artifactsDir() string { return r.State.Spec().ArtifactsDir }

// deliver stages the artifacts, writes the manifests and commits the artifacts.
func (r Renderer) deliver(ctx context.Context, final edited, files []export.File, report *Report, out io.Writer) error {
	if r.artifactsDir() != identity.NoArtifacts {
		report.list(files, r.artifactsDir())
		files = append(files, export.File{Name: ReportFile, Content: report.JSON()})
	}
	manifests := &artifact.Staging{} // of no files
	if r.Dir != "" {
		var text bytes.Buffer
		_, err := final.WriteTo(&text)
		file := export.File{Name: ManifestsFile, Content: text.Bytes()}
		switch {
		case err == nil && filepath.Clean(r.Dir) == filepath.Clean(r.artifactsDir()):
			files = append(files, file)
		case err == nil:
			manifests, err = artifact.StageFiles(r.Dir, file)
		}
		if err != nil {
			return err
		}
		defer func() { _ = manifests.Discard() }()
		final = edited{Result: &rewrite.Result{}}
	}
	artifacts, err := artifact.StageFiles(r.artifactsDir(), files...)
	if err != nil {
		return err
	}
	defer func() { _ = artifacts.Discard() }() // after a Commit there is nothing to discard
	if _, err := interrupt.Await(ctx, func() (int64, error) { return final.WriteTo(out) }); err != nil {
		return fmt.Errorf("writing the manifests to standard output: %w; the artifacts are as they were", err)
	}
	if err := manifests.Commit(); err != nil {
		return err
	}
	return artifacts.Commit()
}

// Fail writes the error into the report and returns it. Helm 4 drops what a
// post-renderer writes to standard error, but not the report. If the user has interrupted
// the run, there is nothing to explain, and every file stays as it is.
func (r Renderer) Fail(report Report, err error) error {
	if r.artifactsDir() == identity.NoArtifacts || errors.Is(err, interrupt.ErrByUser) {
		return err
	}
	hints := r.Hints
	if hints == nil {
		hints = output.Hints
	}
	report.Error = &Failure{Message: err.Error(), Hint: strings.Join(hints(err), "\n"), Status: exit.Of(err)}
	report.Changes = nil // nothing was
	report.Artifacts, report.Stale = nil, nil
	staging, staged := artifact.StageFiles(r.artifactsDir(), export.File{Name: ReportFile, Content: report.JSON()})
	if staged == nil {
		staged = staging.Commit()
	}
	if staged != nil {
		return fmt.Errorf("%w\n(the report could not be written: %w)", err, staged)
	}
	return err
}
