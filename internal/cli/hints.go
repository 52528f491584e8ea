package cli

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// hintOf returns the next step after an error. If settings are missing because there is no
// config, it says that first.
func (env *Env) hintOf(err error) string {
	hint := hintOf(err)
	if e, ok := errors.AsType[*rewrite.MissingError](err); ok && e.NoManifests {
		if _, piped := env.op.(PostRenderOp); piped {
			return hint + "; Helm 3 passes nothing to a post-renderer if `helm template` has --output-dir: use `helm spaces-identity template --output-dir` instead"
		}
	}
	if _, ok := errors.AsType[*desired.MissingError](err); !ok || env.config == "" {
		return hint
	}
	if _, err := os.Stat(env.config); errors.Is(err, fs.ErrNotExist) {
		return "there is no " + env.config + " in the working directory (`spaces-identity init` writes one); " + hint
	}
	return hint
}

// hintOf returns the next step after an error. The packages below the command line
// know no flags, so this names the flags that help.
func hintOf(err error) string {
	if e, ok := errors.AsType[postrender.ArtifactsError](err); ok {
		hints := (&output.Printer{Hints: hintOf}).HintsOf(e.Unwrap())
		return hints[len(hints)-1] + "; to change the manifests alone, use --artifacts-dir none or set artifacts.dir to none"
	}
	if e, ok := errors.AsType[*desired.MissingError](err); ok {
		return withFlags(*e).Hint()
	}
	if e, ok := errors.AsType[*rewrite.MissingError](err); ok {
		return e.Hint() + ", or use --on-missing warn to go on without"
	}
	switch {
	case errors.Is(err, desired.ErrNoSubjects):
		return "list the host namespaces (controlPlanes.namespaces, --host-namespace), " +
			"let a command that has the cluster discover them (controlPlanes.discover: true), " +
			"or admit every namespace that a Space names by itself (controlPlanes.match: uuid, --match uuid)"
	case errors.Is(err, rewrite.ErrSelector):
		return "choose another label key, change the selector first, or use --on-conflict keep to leave the label as it is"
	case errors.Is(err, rewrite.ErrConflict):
		return "use --on-conflict replace or keep, or remove the other value from the manifests"
	}
	return identity.HintOf(err)
}

// withFlags returns an error that names the flags of the missing settings too.
func withFlags(e desired.MissingError) *desired.MissingError {
	e.Missing = slices.Clone(e.Missing)
	for i, m := range e.Missing {
		e.Missing[i].Flag = config.FlagFor(m.Key, e.Component)
	}
	return &e
}
