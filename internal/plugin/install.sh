#!/bin/sh
# The install and update hook of the Helm plugin. Helm sets HELM_PLUGIN_DIR to the
# plugin's directory. A release contains the programs. For a git URL, the hook downloads
# the release of the version in plugin.yaml, and checks its signature and its checksum.
# For a local directory, which Helm links, it builds the programs with Go.
set -eu

action=${1:-install}
plugin=${HELM_PLUGIN_DIR:?run this by helm plugin install}
plugins=$(dirname "$plugin")
home=${0%/internal/plugin/install.sh} # in a release, a directory of the plugin
binary=$home/bin/spaces-identity
version=$(sed -n 's/^version: *//p' "$plugin/plugin.yaml")

main() {
	check_platform
	have_binary || get_binary
	"$binary" set-up-plugin || give_up
}

# A Helm plugin of a release has its platform in the file bin/platform.
check_platform() {
	[ -f "$home/bin/platform" ] || return 0
	made_for=$(cat "$home/bin/platform")
	[ "$made_for" = "$(platform)" ] ||
		fail "this plugin is for $made_for, and this machine is $(platform).
Install the plugin spaces-identity-$version-$(platform).tgz instead."
}

# Helm updates plugins in place, so the binary may be of an older version.
have_binary() {
	[ -x "$binary" ] && "$binary" version </dev/null 2>/dev/null | grep -qF "$version"
}

get_binary() {
	case ${SPACES_IDENTITY_BUILD:-} in
	1 | true | yes) build_binary ;;
	'' | 0 | false | no) if [ -L "$plugin" ]; then build_binary; else download_binary; fi ;;
	*) fail "SPACES_IDENTITY_BUILD is \"$SPACES_IDENTITY_BUILD\": set it to 1 to build with Go, or unset it." ;;
	esac
}

download_binary() {
	archive=spaces-identity_${version}_$(platform | sed 's/-/_/').tar.gz
	case $archive in *unsupported*) fail "there is no release for $(uname -s) on $(uname -m). $or_build" ;; esac
	read_address
	command -v gpgv >/dev/null || fail "there is no gpgv on PATH, which verifies the release.
Install it (Debian: apt-get install gpgv; macOS: brew install gnupg). $or_build"
	[ -f "$key" ] || fail "this source has no public key of a release ($key_name). $or_build"
	work=$(mktemp -d "$home/download.XXXXXX")
	say "downloading version $version from $from"
	fetch checksums.txt
	fetch checksums.txt.sig
	gpgv --keyring "$key" "$work/checksums.txt.sig" "$work/checksums.txt" 2>"$work/gpgv" ||
		fail "the signature of $from/checksums.txt is not valid for the key $key_name:
$(cat "$work/gpgv")
Do not use that release. Report it to the project. If you use a mirror, copy the release again."
	fetch "$archive"
	check_sum
	unpack
	rm -rf "$work"
}

or_build="To build with Go instead, set SPACES_IDENTITY_BUILD=1."

# The address is in release.env. A mirror has a directory for each version, such as v0.1.0.
read_address() {
	url=$(sed -n 's/^URL=//p' "$home/release.env")
	key_name=$(sed -n 's/^KEY=//p' "$home/release.env")
	key=$home/$key_name
	from=${SPACES_IDENTITY_MIRROR:-$url/releases/download}/v$version
}

fetch() {
	if command -v curl >/dev/null; then
		curl -fsSL --retry 2 --connect-timeout 20 -o "$work/$1" "$from/$1" 2>"$work/error" && return
	elif command -v wget >/dev/null; then
		wget -q -T 20 -t 2 -O "$work/$1" "$from/$1" 2>"$work/error" && return
	else
		fail "there is neither curl nor wget on PATH to download the release. Install one of them. $or_build"
	fi
	fail "cannot download $from/$1: $(cat "$work/error")
If this machine has no internet access, set SPACES_IDENTITY_MIRROR to the URL of a copy of the releases. $or_build"
}

check_sum() {
	want=
	while read -r sum name; do
		if [ "$name" = "$archive" ]; then want=$sum; fi
	done <"$work/checksums.txt"
	[ -n "$want" ] || fail "checksums.txt of version $version does not name $archive. $or_build"
	got=$(sha256 "$work/$archive")
	[ "$got" = "$want" ] || fail "$from/$archive has the wrong checksum.
  want $want
  got  ${got:-none: there is no sha256sum, shasum or openssl on PATH}
Download it again. If that does not help, the file was changed: report it to the project."
}

sha256() {
	if command -v sha256sum >/dev/null; then
		sha256sum <"$1"
	elif command -v shasum >/dev/null; then
		shasum -a 256 <"$1"
	elif command -v openssl >/dev/null; then
		openssl dgst -sha256 -r <"$1"
	fi | sed 's/ .*//'
}

unpack() {
	tar -xzf "$work/$archive" -C "$work" spaces-identity spaces-identity-live ||
		fail "cannot unpack $archive. It needs tar and gzip."
	mkdir -p "$home/bin"
	mv -f "$work/spaces-identity-live" "$work/spaces-identity" "$home/bin/"
}

# Prints the platform as in the names of a release, such as linux-amd64.
platform() {
	case $(uname -s) in
	Linux) os=linux ;;
	Darwin) os=darwin ;;
	*) os=unsupported ;;
	esac
	case $(uname -m) in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) arch=unsupported ;;
	esac
	echo "$os-$arch"
}

build_binary() {
	command -v go >/dev/null || fail "there is no binary at $binary, and no Go on PATH to build it.
Install Go ($(go_wanted) or newer), or copy the binary there."
	say "building version $version with $(go env GOVERSION)"
	{ build spaces-identity-live && build spaces-identity; } ||
		fail "go build failed. It needs Go $(go_wanted) or newer, and the modules of go.mod."
}

# Replaces a program by its new version in one step.
build() {
	(cd "$home" && CGO_ENABLED=0 go build -trimpath -buildvcs=false \
		-ldflags "-s -w -X spaces-identity.dev/internal/cli.Version=$version -X spaces-identity.dev/internal/cli.Commit=$(commit)" \
		-o "bin/$1.new" "./cmd/$1" && mv "bin/$1.new" "bin/$1")
}

commit() {
	git -C "$home" rev-parse HEAD 2>/dev/null || :
}

go_wanted() {
	sed -n 's/^go //p' "$home/go.mod"
}

say() {
	printf 'spaces-identity: %s\n' "$1"
}

fail() {
	say "$1" >&2
	give_up
}

# Helm leaves a plugin whose hook fails in its directory, and Helm 4 a copy of the archive
# beside it. Before an update from git, Helm removes the programs.
give_up() {
	[ -z "${work:-}" ] || rm -rf "$work"
	if [ "$action" = update ]; then
		[ -x "$binary" ] || say "the plugin has no programs now. Fix that, then run: helm plugin update spaces-identity" >&2
		exit 1
	fi
	if [ "$plugins" = "${HELM_PLUGINS:-}" ] || [ "$(basename "$plugins")" = plugins ]; then
		if [ -L "$plugin" ]; then rm "$plugin"; else rm -rf "$plugin"; fi
		rm -f "$plugins/spaces-identity-$version.tgz" "$plugins/spaces-identity-$version.tgz.prov"
		say "nothing was installed" >&2
	fi
	exit 1
}

main
