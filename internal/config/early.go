package config

import (
	"os"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

// ArtifactsDir is the artifacts directory as far as the command line, the
// environment and the file tell it, for the report of a failure that comes before
// the config is known. It looks for that one setting in a file whose others may be
// wrong.
func (f Flags) ArtifactsDir(env func(string) string) string {
	if values, _, ok := f.given("artifacts-dir", env); ok && identity.ValidateArtifactsDir(last(values)) == nil {
		return last(values)
	}
	if dir := artifactsDirIn(f.File(env)); dir != "" && identity.ValidateArtifactsDir(dir) == nil {
		return dir
	}
	return identity.DefaultArtifactsDir
}

func artifactsDirIn(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	var settings struct {
		Artifacts struct{ Dir string }
	}
	if yaml.Unmarshal(content, &settings) != nil {
		return ""
	}
	return settings.Artifacts.Dir
}
