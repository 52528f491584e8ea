#!/usr/bin/env bash
# "make demo" runs this. It renders the stand-in for the Spaces chart through the
# post-renderer, in Helm 3 and in Helm 4. Each Helm has its own directories.
set -euo pipefail
cd "$(dirname "$0")/../.."

repository=$PWD
chart=$repository/testdata/chart
demo=$repository/bin/demo
host_namespace=mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system

main() {
	rm -rf "$demo"
	render helm3 "${SPACES_IDENTITY_HELM3:?run this by make demo}"
	render helm4 "${SPACES_IDENTITY_HELM4:?run this by make demo}"
	title 'The trust policy (the same from both Helms)'
	cmp "$demo"/helm{3,4}/identity-artifacts/mxp-controller.trust-policy.json
	cat "$demo/helm3/identity-artifacts/mxp-controller.trust-policy.json"
	title 'The files'
	list_files
}

# render NAME HELM installs the plugin and shows what the post-renderer changes.
render() {
	local helm=$2 dir=$demo/$1 baseline post_renderer
	export HELM_DATA_HOME=$dir/data HELM_CONFIG_HOME=$dir/config HELM_CACHE_HOME=$dir/cache
	unset HELM_PLUGINS
	mkdir -p "$dir"
	cp examples/demo/spaces-identity.yaml "$dir"

	title "$("$helm" version --template '{{.Version}}' | sed 's/^v/Helm /'): install the plugin"
	"$helm" plugin install "$repository"
	"$helm" plugin list

	title "helm template spaces $(basename "$chart") --post-renderer …: what changes"
	baseline=$(post_renderer_that_changes_nothing "$1")
	post_renderer=$("$helm" spaces-identity post-renderer)
	(
		cd "$dir"
		template "$helm" "$baseline" >before.yaml
		template "$helm" "$post_renderer" >after.yaml
		diff -u --label before --label after before.yaml after.yaml || [[ $? -eq 1 ]]
	)
}

template() {
	"$1" template spaces "$chart" --namespace upbound-system \
		--set "standIn.hostNamespaces={$host_namespace}" --post-renderer "$2"
}

# Helm 4 reformats manifests before any post-renderer. So the demo compares the output
# with that of a post-renderer that changes nothing.
post_renderer_that_changes_nothing() {
	case $1 in
	helm3) echo cat ;;
	helm4)
		mkdir "$HELM_DATA_HOME/plugins/unchanged"
		cp internal/plugin/testdata/unchanged.yaml "$HELM_DATA_HOME/plugins/unchanged/plugin.yaml"
		echo unchanged
		;;
	esac
}

list_files() {
	cat <<-END
		  bin/spaces-identity        the program
		  bin/demo/helm3, helm4      before.yaml, after.yaml, identity-artifacts/
		  examples/demo              the config and this script
		  testdata/chart             the stand-in for the Spaces chart (see its README)

		Next: read the quick start in README.md. To run every test: make test
	END
}

title() {
	printf '\n== %s\n' "$1"
}

main
