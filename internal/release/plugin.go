package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// plugin returns the Helm plugin of a platform. plugin.yaml is the first file and is not
// in a directory: Helm 3 finds it only there.
func (b *builder) plugin(target platform, binaries []file, licenses []byte) ([]byte, error) {
	manifest, err := os.ReadFile(filepath.Join(b.root, "plugin.yaml"))
	if err != nil {
		return nil, err
	}
	if target.os == "windows" {
		if manifest, err = windowsManifest(manifest); err != nil {
			return nil, err
		}
	}
	files := []file{{path: "plugin.yaml", content: manifest}}
	for _, f := range binaries {
		f.path = "bin/" + f.path
		files = append(files, f)
	}
	files = append(files, file{path: "bin/platform", content: []byte(target.os + "-" + target.arch + "\n")})
	if target.os != "windows" {
		for _, path := range []string{"plugin.complete", "internal/plugin/install.sh"} {
			content, err := os.ReadFile(filepath.Join(b.root, filepath.FromSlash(path)))
			if err != nil {
				return nil, err
			}
			files = append(files, file{path: path, content: content, program: true})
		}
	}
	files = append(files, file{path: "LICENSE", content: b.texts["LICENSE"]}, file{path: licensesFile, content: licenses})
	return tarGz(files, b.time)
}

// hooks matches the hooks in plugin.yaml, which are its last part.
var hooks = regexp.MustCompile(`(?ms)^hooks:\n.*`)

// windowsHooks run the program itself, because Windows has no shell sh. The hook delete
// would need one: Helm runs it after it has removed the program.
const windowsHooks = `platformHooks:
  install:
  - command: $HELM_PLUGIN_DIR/bin/spaces-identity.exe
    args: [set-up-plugin]
  update:
  - command: $HELM_PLUGIN_DIR/bin/spaces-identity.exe
    args: [set-up-plugin]
`

// windowsManifest returns plugin.yaml for Windows.
func windowsManifest(manifest []byte) ([]byte, error) {
	command := []byte("/bin/spaces-identity\n")
	if !hooks.Match(manifest) || !bytes.Contains(manifest, command) {
		return nil, fmt.Errorf("plugin.yaml has no hooks or no command %s", bytes.TrimSpace(command))
	}
	manifest = bytes.Replace(manifest, command, []byte("/bin/spaces-identity.exe\n"), 1)
	return hooks.ReplaceAll(manifest, []byte(regexp.MustCompile(`\$`).ReplaceAllString(windowsHooks, "$$$$"))), nil
}

// Helm's media types, from https://helm.sh/docs/ and helm.sh/helm/v4/pkg/registry.
const (
	pluginArtifact = "application/vnd.helm.plugin.v1+json"
	pluginLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// writePlugins writes an OCI layout with the plugin of each platform under its own tag.
func (b *builder) writePlugins(dir string, targets platforms) error {
	out, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for _, target := range targets {
		artifact, err := b.pluginArtifact(b.files[target.plugin(b.version)])
		if err != nil {
			return err
		}
		if err := out.AppendImage(artifact, layout.WithAnnotations(map[string]string{refKey: target.tag(b.version)})); err != nil {
			return err
		}
	}
	return nil
}

// pluginArtifact returns a plugin as Helm 4 pulls it. Helm verifies it under the name
// that follows from plugin.yaml, so that it needs a signature of its own.
func (b *builder) pluginArtifact(plugin []byte) (v1.Image, error) {
	title := name + "-" + b.version + ".tgz"
	blobs := []blob{{pluginLayer, title, plugin}}
	if b.signer != nil {
		prov, err := b.signer.provenance(plugin, title, b.version)
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, blob{pluginLayer, title + ".prov", prov})
	}
	return artifactOf(pluginArtifact, nil, blobs...)
}
