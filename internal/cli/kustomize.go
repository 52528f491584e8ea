package cli

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/artifact"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/export/kustomize"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// KustomizeOp prints the edits of manifests as patches of kustomize.
type KustomizeOp struct {
	Settings       config.Flags
	Files          []string // none: standard input
	Rewrite        RewriteFlags
	Form           kustomize.Form
	IncludeSecrets bool
	OutputDir      string // for the files; empty: standard output
}

func (p *parser) kustomizeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kustomize [FILE...]",
		Short: "Print the edits of manifests as patches of kustomize",
		Long: `kustomize reads manifests from files or standard input and prints the edits that
post-render would make as a Kustomization with inline patches and without
resources. With --output component it prints a Component, which another
Kustomization can include; with --output flux the spec.postRenderers of a Flux
HelmRelease.

Edits of Secrets are left out with a warning, because the patches are meant for
git. With --output-dir it writes a file, and beside it the admission policies
that delivery.admissionPolicy asks for. Patches cannot create objects.`,
		Example: `  helm template spaces CHART | spaces-identity export kustomize
  spaces-identity export kustomize rendered.yaml --output flux`,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
	op := KustomizeOp{Settings: p.settings}
	op.Rewrite.register(cmd)
	wordFlag(cmd, &op.Form, "output", "o", "the `FORM`", "output format", kustomize.Kustomization, kustomize.Component, kustomize.Flux)
	cmd.Flags().BoolVar(&op.IncludeSecrets, "include-secrets", false, "also print the edits of Secrets, with the values that they replace")
	cmd.Flags().StringVar(&op.OutputDir, flagOutputDir, "", "the `DIRECTORY` for the files; they replace those of an earlier run")
	return parsed(p, cmd, &op, func(files []string) error {
		op.Files = files
		if err := checkOutputDir(cmd, op.OutputDir); err != nil {
			return err
		}
		return p.completeRewrite(cmd)
	})
}

// patchFiles are the names of the files of the forms.
var patchFiles = map[kustomize.Form]string{
	kustomize.Kustomization: "kustomization.yaml",
	kustomize.Component:     "kustomization.yaml",
	kustomize.Flux:          "post-renderers.yaml",
}

// admissionFile is the name of the file with the admission policies.
const admissionFile = "admission-policy.yaml"

// Run reads the manifests and prints or writes the patches.
func (op KustomizeOp) Run(ctx context.Context, env *Env) error {
	state, err := env.State(op.Settings)
	if err == nil {
		err = exit.Usage(state.Require(desired.NeedManifests))
	}
	if err != nil {
		return err
	}
	stream, err := env.readManifests(ctx, op.Files)
	if err != nil {
		return err
	}
	result, err := postrender.Renderer{State: state, Options: op.Rewrite.options()}.Rewrite(stream)
	if err != nil {
		return err
	}
	patches, err := op.patches(env, result)
	if err != nil {
		return err
	}
	env.summarise(postrender.NewReport(result))
	policies := op.policies(env, result)
	if op.OutputDir == "" {
		return env.write(kustomize.Write(op.Form, patches))
	}
	return op.writeFiles(env, patches, policies)
}

// patches returns the patches of the objects that belong in the form, and warns of the
// others.
func (op KustomizeOp) patches(env *Env, result *rewrite.Result) ([]kustomize.Patch, error) {
	edits, err := result.ObjectEdits(func(e rewrite.ObjectEdits) bool { return op.leavesOut(e) != "" })
	if err != nil {
		return nil, err
	}
	var patches []kustomize.Patch
	for _, e := range edits {
		if reason := op.leavesOut(e); reason != "" {
			name := output.ObjectName(rewrite.Finding{Kind: e.Kind, Namespace: e.Namespace, Name: e.Name})
			env.Warn(name + ": its edits are left out, because " + reason)
			continue
		}
		patches = append(patches, kustomize.Patches(e)...)
	}
	return patches, nil
}

// leavesOut returns why the patches do not have the edits of an object, or "".
func (op KustomizeOp) leavesOut(e rewrite.ObjectEdits) string {
	switch {
	case e.Secret && !op.IncludeSecrets:
		return "the patch would contain the values of a Secret; --include-secrets prints them"
	case e.Hook && op.Form == kustomize.Flux:
		return "it is a Helm hook, which post-renderers of Flux may not get"
	}
	return ""
}

// policies returns the admission policies that the manifests lack. It warns of those that
// the output cannot have.
func (op KustomizeOp) policies(env *Env, result *rewrite.Result) []byte {
	missing, outdated := result.NewObjects()
	for _, name := range outdated {
		env.Warn(name + " in the manifests differs from the config, and no patch replaces it; remove it from the manifests")
	}
	var text bytes.Buffer
	for i, o := range missing {
		if op.OutputDir == "" {
			env.Warn(fmt.Sprintf("%s %s is left out, because no patch creates an object; --output-dir writes it to a file", o.Kind, o.Name))
		}
		if i > 0 {
			text.WriteString("---\n")
		}
		text.Write(o.Text)
	}
	if text.Len() > 0 && op.OutputDir != "" && op.Form == kustomize.Flux {
		env.Warn("a HelmRelease cannot create the objects in " + admissionFile + "; apply that file, too")
	}
	return text.Bytes()
}

// writeFiles writes the patches and the admission policies. It replaces all files or none. It
// warns of admission policies of an earlier run.
func (op KustomizeOp) writeFiles(env *Env, patches []kustomize.Patch, policies []byte) error {
	var resources []string
	if len(policies) > 0 && op.Form != kustomize.Flux {
		resources = []string{admissionFile}
	}
	text := kustomize.Write(op.Form, patches, resources...)
	if op.Form == kustomize.Flux {
		text = append([]byte(kustomize.FluxPatchHeader), text...)
	}
	files := []export.File{{Name: patchFiles[op.Form], Content: text}}
	if len(policies) > 0 {
		files = append(files, export.File{Name: admissionFile, Content: policies})
	}
	if err := writeFiles(op.OutputDir, files...); err != nil {
		return err
	}
	// Other files may be the user's: a Kustomization that includes the patches for Flux.
	stale := artifact.Stale(op.OutputDir, files, func(name string) bool { return name == admissionFile })
	if text := artifact.StaleWarning(op.OutputDir, stale); text != "" {
		env.Warn(text)
	}
	return nil
}
