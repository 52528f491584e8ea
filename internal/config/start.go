package config

import (
	"spaces-identity.dev/internal/identity"
)

// WithoutFile makes the Spec of the environment and the flags alone, for a
// config that is yet to be written. An error is an *Error with all problems.
func (f Flags) WithoutFile(env func(string) string) (identity.Spec, error) {
	s := newSettings("")
	f.apply(s, env)
	return s.finish()
}

// File is the name of the config: the one of --config or SPACES_IDENTITY_CONFIG,
// else [DefaultFile].
func (f Flags) File(env func(string) string) string {
	if values, _, ok := f.given(flagConfig, env); ok && last(values) != "" {
		return last(values)
	}
	return DefaultFile
}

// Given reports whether the flag, or its environment variable, was given.
func (f Flags) Given(flag string, env func(string) string) bool {
	_, _, ok := f.given(flag, env)
	return ok
}
