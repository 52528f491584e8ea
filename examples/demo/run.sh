#!/usr/bin/env bash
# "make demo" runs this. It renders the stand-in for the Spaces chart through the
# post-renderer, and shows what changes. It uses the Helm on PATH, with directories of its
# own. If there is none, it first post-renders a stored render, and then builds Helm 3.
set -euo pipefail
cd "$(dirname "$0")/../.."

repository=$PWD
chart=$repository/testdata/chart
demo=$repository/bin/demo
program=$repository/bin/spaces-identity
built_helm=$repository/bin/tools/helm3
host_namespace=mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system

main() {
	rm -rf "$demo"
	build 'spaces-identity (the first time up to a minute)' program
	if ! find_helm; then
		show_stored_render
		build 'Helm 3 (the first time about two minutes)' "$built_helm"
		helm=$built_helm
	fi
	show_helm
	title 'The trust policy for the role'
	cat "$demo/helm/identity-artifacts/mxp-controller.trust-policy.json"
	title 'The files'
	list_files
}

# build DESCRIPTION TARGET makes a target of the Makefile. More than a hundred lines of
# downloads would hide the changes that the demo has shown.
build() {
	title "Build $1"
	local start=$SECONDS
	MAKEFLAGS='' "${MAKE:-make}" --no-print-directory "$2" 2>&1 | sed '/^go: downloading /d'
	echo "done after $((SECONDS - start)) seconds"
}

# find_helm sets helm to the Helm on PATH.
find_helm() {
	helm=$(command -v helm) || return
	case $(version 2>/dev/null) in
	'Helm 3.'* | 'Helm 4.'*) return ;;
	esac
	echo "The demo does not use $helm, because it is neither Helm 3 nor Helm 4."
	return 1
}

version() {
	"$helm" version --template '{{.Version}}' | sed 's/^v/Helm /'
}

show_stored_render() {
	local dir=$demo/without-helm
	mkdir -p "$dir"
	cp examples/demo/spaces-identity.yaml "$dir"
	cp examples/demo/rendered.yaml "$dir/before.yaml"
	title "spaces-identity post-render <before.yaml >after.yaml: what changes"
	(
		cd "$dir"
		"$program" post-render <before.yaml >after.yaml
		changes
	)
	cat <<-END

		There is no Helm that the demo can use, so before.yaml is a stored render of
		testdata/chart. The demo now builds a Helm, and does the same in it.
	END
}

# show_helm installs the plugin and shows what the post-renderer changes.
show_helm() {
	local dir=$demo/helm baseline post_renderer
	export HELM_DATA_HOME=$dir/data HELM_CONFIG_HOME=$dir/config HELM_CACHE_HOME=$dir/cache
	unset HELM_PLUGINS
	mkdir -p "$dir"
	cp examples/demo/spaces-identity.yaml "$dir"

	title "$(version) ($helm): install the plugin"
	"$helm" plugin install "$repository"
	"$helm" plugin list

	title "helm template spaces $(basename "$chart") --post-renderer …: what changes"
	baseline=$(post_renderer_that_changes_nothing)
	post_renderer=$("$helm" spaces-identity post-renderer)
	(
		cd "$dir"
		template "$baseline" >before.yaml
		template "$post_renderer" >after.yaml
		changes
	)
}

template() {
	"$helm" template spaces "$chart" --namespace upbound-system \
		--set "standIn.hostNamespaces={$host_namespace}" --post-renderer "$1"
}

# Helm 4 reformats manifests before any post-renderer. So the demo compares the output
# with that of a post-renderer that changes nothing.
post_renderer_that_changes_nothing() {
	case $(version) in
	'Helm 3.'*) echo cat ;;
	*)
		mkdir "$HELM_DATA_HOME/plugins/unchanged"
		cp internal/plugin/testdata/unchanged.yaml "$HELM_DATA_HOME/plugins/unchanged/plugin.yaml"
		echo unchanged
		;;
	esac
}

changes() {
	diff -u --label before --label after before.yaml after.yaml || [[ $? -eq 1 ]]
}

list_files() {
	cat <<-END
		  bin/spaces-identity        the program
		  bin/demo/helm              before.yaml, after.yaml, identity-artifacts/
		  examples/demo              the config and this script
		  testdata/chart             the stand-in for the Spaces chart (see its README)

		Next: follow "Do it once" in README.md. To run every test, with Helm 3 and Helm 4: make test
	END
}

title() {
	printf '\n== %s\n' "$1"
}

main
