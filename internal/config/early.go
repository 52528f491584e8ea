package config

import "spaces-identity.dev/internal/identity"

// ArtifactsDir is the artifacts directory as far as the command line and the
// environment tell it, for a failure that comes before the file could be read.
func (f *Flags) ArtifactsDir(env func(string) string) string {
	if values, _, ok := f.given("artifacts-dir", env); ok {
		return last(values)
	}
	return identity.DefaultArtifactsDir
}
