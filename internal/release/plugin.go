package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// plugin returns the Helm plugin of a platform. It has plugin.yaml twice: Helm 3 reads it
// from the root of the archive, and so does Helm 4 if it installs from a URL or a registry.
// From a file, Helm 4 installs only the directory that has the name of the plugin. So
// everything else is in that directory.
func (b *builder) plugin(target platform, binaries []file, licenses []byte) ([]byte, error) {
	manifest, err := b.manifest(target)
	if err != nil {
		return nil, err
	}
	below := []file{{path: "plugin.yaml", content: manifest}}
	for _, f := range binaries {
		f.path = "bin/" + f.path
		below = append(below, f)
	}
	below = append(below, file{path: "bin/platform", content: []byte(target.os + "-" + target.arch + "\n")},
		file{path: "LICENSE", content: b.texts["LICENSE"]}, file{path: licensesFile, content: licenses})
	files := []file{{path: "plugin.yaml", content: bytes.ReplaceAll(manifest, []byte("$HELM_PLUGIN_DIR/"), []byte("$HELM_PLUGIN_DIR/"+name+"/"))}}
	if target.os != "windows" {
		scripts, err := b.scripts()
		if err != nil {
			return nil, err
		}
		below = append(below, scripts...)
		complete := scripts[0]
		complete.content = bytes.Replace(complete.content, []byte("/bin/"+name), []byte("/"+name+"/bin/"+name), 1)
		files = append(files, complete)
	}
	for _, f := range below {
		f.path = name + "/" + f.path
		files = append(files, f)
	}
	return tarGz(files, b.time)
}

// scripts returns the scripts that Helm runs: plugin.complete and the install hook.
func (b *builder) scripts() ([]file, error) {
	var files []file
	for _, path := range []string{"plugin.complete", "internal/plugin/install.sh"} {
		content, err := os.ReadFile(filepath.Join(b.root, filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: path, content: content, program: true})
	}
	return files, nil
}

// manifest returns plugin.yaml.
func (b *builder) manifest(target platform) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(b.root, "plugin.yaml"))
	if err != nil || target.os != "windows" {
		return text, err
	}
	start := bytes.Index(text, []byte("\nplatformCommand:\n")) + 1
	if start == 0 {
		return nil, errors.New("plugin.yaml has no platformCommand")
	}
	return append(text[:start:start], windowsCommands...), nil
}

// windowsCommands run the program itself, because Windows has no shell sh. The hook delete
// would need one: Helm runs it after it has removed the program. The hook update is never
// run: Helm updates no archives. Other systems get a message.
const windowsCommands = `platformCommand:
- os: windows
  command: $HELM_PLUGIN_DIR/bin/spaces-identity.exe
platformHooks:
  install:
  - os: windows
    command: $HELM_PLUGIN_DIR/bin/spaces-identity.exe
    args: [set-up-plugin]
  - command: sh
    args: [-c, 'echo "spaces-identity: this plugin is for Windows. Install the one for $(uname -s)." >&2; rm -rf "$HELM_PLUGIN_DIR" "$HELM_PLUGIN_DIR"-*.tgz*; exit 1']
`

// The media types of Helm plugins in a registry, from helm.sh/helm/v4/pkg/registry.
const (
	pluginType  = "application/vnd.helm.plugin.v1+json"
	pluginLayer = "application/vnd.oci.image.layer.v1.tar"
)

// writePlugins writes an OCI layout with the plugin of each platform under its own tag.
func (b *builder) writePlugins(dir string, targets platforms) error {
	out, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for _, target := range targets {
		plugin := target.plugin(b.version)
		artifact, err := pluginArtifact(b.version, b.files[plugin], b.files[plugin+provenanceSuffix])
		if err != nil {
			return err
		}
		if err := out.AppendImage(artifact, layout.WithAnnotations(map[string]string{refKey: target.tag(b.version)})); err != nil {
			return err
		}
	}
	return nil
}

// pluginArtifact returns a plugin as Helm 4 pulls it. Without a signature, prov is empty.
func pluginArtifact(version string, plugin, prov []byte) (v1.Image, error) {
	title := installedPlugin(version)
	blobs := []blob{{pluginLayer, title, plugin}}
	if len(prov) > 0 {
		blobs = append(blobs, blob{pluginLayer, title + provenanceSuffix, prov})
	}
	return artifactOf(pluginType, nil, blobs...)
}
