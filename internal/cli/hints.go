package cli

import (
	"errors"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// hintOf returns the next step after an error. The packages below the command line
// know no flags, so this adds the flags that help.
func hintOf(err error) string {
	hint := output.HintOf(err)
	more := func(flags string) string {
		if hint == "" {
			return flags
		}
		return hint + ", or " + flags
	}
	if e, ok := errors.AsType[*postrender.ArtifactsError](err); ok {
		return hintOf(e.Err) + "; to write the manifests alone, use --artifacts-dir none or set artifacts.dir to none"
	}
	if e, ok := errors.AsType[*desired.MissingError](err); ok && flagsFor(e) != nil {
		return more("use " + identity.AllOf(flagsFor(e)))
	}
	if _, ok := errors.AsType[*rewrite.MissingError](err); ok {
		return more("use --on-missing warn to go on without")
	}
	switch {
	case errors.Is(err, desired.ErrNoSubjects):
		return "list the host namespaces (controlPlanes.namespaces, --host-namespace), " +
			"let a command that has the cluster discover them (controlPlanes.discover: true), " +
			"or admit every namespace that a Space names by itself (controlPlanes.match: uuid, --match uuid)"
	case errors.Is(err, rewrite.ErrSelector):
		return more("choose another label key, or use --on-conflict keep to leave the label as it is")
	case errors.Is(err, rewrite.ErrConflict):
		return more("use --on-conflict replace or --on-conflict keep")
	}
	return hint
}

// flagsFor returns the flags that set all of the missing settings, or none if one has
// no flag.
func flagsFor(e *desired.MissingError) []string {
	var flags []string
	for _, m := range e.Missing {
		flag := config.FlagFor(m.Key, e.Component)
		if flag == "" {
			return nil
		}
		flags = append(flags, flag)
	}
	return flags
}
