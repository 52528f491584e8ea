// Package plugin has the files that make the program a Helm plugin. install.sh is the
// install hook. post-renderer.yaml is the second plugin that Helm 4 needs for
// --post-renderer. Helm reads plugin.yaml from the root of the repository.
//
// The tests run the plugin with the real Helm 3 and Helm 4.
package plugin

import _ "embed" // for the file below

// PostRenderer is the plugin.yaml of the second plugin.
//
//go:embed post-renderer.yaml
var PostRenderer []byte
