#!/bin/sh
# The install and update hook of the Helm plugin. Helm sets HELM_PLUGIN_DIR, the
# plugin's own directory below the plugins directory (a link to the source where
# the plugin was installed from a local directory).
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

# Helm keeps clones of plugins, so a binary may be left of an older version.
have_binary() {
	[ -x "$binary" ] && "$binary" version </dev/null 2>/dev/null | grep -qF "$version"
}

build_binary() {
	command -v go >/dev/null || fail "there is no binary at $binary, and no Go on PATH to build it.
Install Go ($(go_wanted) or newer), or put the binary there; then run:
  helm plugin uninstall spaces-identity; helm plugin install <where you installed it from>"
	say "building version $version with $(go env GOVERSION)"
	{ build spaces-identity && build spaces-identity-live; } ||
		fail "go build failed (it wants Go $(go_wanted) or newer, and the modules of go.mod).
When that is mended, run:
  helm plugin uninstall spaces-identity; helm plugin install <where you installed it from>"
}

# Each program replaces its older version at once.
build() {
	(cd "$plugin" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X spaces-identity.dev/internal/cli.Version=$version" \
		-o "bin/$1.new" "./cmd/$1" && mv "bin/$1.new" "bin/$1")
}

go_wanted() {
	sed -n 's/^go //p' "$plugin/go.mod"
}

# Helm 3 always sets HELM_BIN for a hook, Helm 4 never does; but the user may
# have exported one, so it is asked.
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
	say "installed, and with it the plugin for --post-renderer spaces-identity-post-renderer
Helm 3 loads no plugin at all from a directory that holds such a one. If you also
run Helm 3, give it a directory of its own before you run it:
  export HELM_PLUGINS=\$HOME/.local/share/helm3/plugins"
}

# Helm 4 links a local directory into its data directory even where HELM_PLUGINS
# names another, and looks for plugins in that other one.
warn_of_other_directory() {
	[ -z "${HELM_PLUGINS:-}" ] || [ -e "$HELM_PLUGINS/$(basename "$plugin")" ] ||
		say "warning: Helm 4 installed this into $plugins
but HELM_PLUGINS has it look in $HELM_PLUGINS; unset HELM_PLUGINS for Helm 4
(HELM_DATA_HOME moves the directory for both installing and looking)"
}

say() {
	printf 'spaces-identity: %s\n' "$1"
}

fail() {
	say "$1" >&2
	exit 1
}

main
