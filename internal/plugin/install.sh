#!/bin/sh
# The install and update hook of the Helm plugin. Helm sets HELM_PLUGIN_DIR to the
# plugin's directory. If the plugin was installed from a local directory, that is a
# link to the source.
set -eu

plugin=${HELM_PLUGIN_DIR:?run this by helm plugin install}
plugins=$(dirname "$plugin")
binary=$plugin/bin/spaces-identity
post_renderer=$plugins/spaces-identity-post-renderer
version=$(sed -n 's/^version: *//p' "$plugin/plugin.yaml")

main() {
	have_binary || build_binary
	if helm_is_3; then
		say "installed; --post-renderer takes the path $binary"
	else
		set_up_post_renderer
		warn_of_other_directory
	fi
}

# Helm updates plugins in place, so the binary may be of an older version.
have_binary() {
	[ -x "$binary" ] && "$binary" version </dev/null 2>/dev/null | grep -qF "$version"
}

build_binary() {
	command -v go >/dev/null || fail "there is no binary at $binary, and no Go on PATH to build it.
Install Go ($(go_wanted) or newer), or copy the binary there. Then run:
  helm plugin uninstall spaces-identity; helm plugin install <where you installed it from>"
	say "building version $version with $(go env GOVERSION)"
	{ build spaces-identity && build spaces-identity-live; } ||
		fail "go build failed. It needs Go $(go_wanted) or newer, and the modules of go.mod.
Fix that, then run:
  helm plugin uninstall spaces-identity; helm plugin install <where you installed it from>"
}

# Replaces a program by its new version in one step.
build() {
	(cd "$plugin" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X spaces-identity.dev/internal/cli.Version=$version" \
		-o "bin/$1.new" "./cmd/$1" && mv "bin/$1.new" "bin/$1")
}

go_wanted() {
	sed -n 's/^go //p' "$plugin/go.mod"
}

# Helm 3 sets HELM_BIN for a hook, Helm 4 does not. But the user may have exported
# it, so the hook asks that Helm for its version.
helm_is_3() {
	[ -n "${HELM_BIN:-}" ] && case $("$HELM_BIN" version --template '{{.Version}}' 2>/dev/null) in
	v3*) true ;;
	*) false ;;
	esac
}

set_up_post_renderer() {
	rm -rf "$post_renderer"
	mkdir "$post_renderer"
	cp "$plugin/internal/plugin/post-renderer.yaml" "$post_renderer/plugin.yaml"
	ln -s "../$(basename "$plugin")/bin/spaces-identity" "$post_renderer/spaces-identity"
	say "installed, with a second plugin for --post-renderer spaces-identity-post-renderer
Helm 3 cannot read a plugin of that type: if it finds one in its plugin directory,
it loads no plugins at all. If you also run Helm 3, give it its own directory first:
  export HELM_PLUGINS=\$HOME/.local/share/helm3/plugins"
}

# Helm 4 installs a local directory into its data directory even if HELM_PLUGINS
# names another one. But it looks for plugins only in HELM_PLUGINS.
warn_of_other_directory() {
	[ -z "${HELM_PLUGINS:-}" ] || [ -e "$HELM_PLUGINS/$(basename "$plugin")" ] ||
		say "warning: Helm 4 installed this into $plugins
but looks for plugins in HELM_PLUGINS ($HELM_PLUGINS). Unset HELM_PLUGINS for Helm 4.
To move the directory, set HELM_DATA_HOME: Helm 4 uses it for both."
}

say() {
	printf 'spaces-identity: %s\n' "$1"
}

fail() {
	say "$1" >&2
	exit 1
}

main
