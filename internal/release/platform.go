package main

import (
	"fmt"
	"slices"
	"strings"
)

// platform is a target of the Go compiler.
type platform struct{ os, arch string }

type platforms []platform

// allPlatforms are the platforms of a release.
var allPlatforms = platforms{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

func (p platform) String() string { return p.os + "/" + p.arch }

// exe returns the file name of a program on the platform.
func (p platform) exe(program string) string {
	if p.os == "windows" {
		return program + ".exe"
	}
	return program
}

// archive returns the file name of the archive with both programs.
func (p platform) archive(version string) string {
	suffix := ".tar.gz"
	if p.os == "windows" {
		suffix = ".zip"
	}
	return fmt.Sprintf("%s_%s_%s_%s%s", name, version, p.os, p.arch, suffix)
}

// plugin returns the file name of the Helm plugin.
func (p platform) plugin(version string) string {
	return fmt.Sprintf("%s-%s-%s-%s.tgz", name, version, p.os, p.arch)
}

// tag returns the tag of the Helm plugin in a registry, which has one tag for each
// platform: Helm does not choose between platforms.
func (p platform) tag(version string) string {
	return fmt.Sprintf("%s-%s-%s", version, p.os, p.arch)
}

func (ps *platforms) parse(list string) error {
	*ps = nil
	for word := range strings.SplitSeq(list, ",") {
		os, arch, _ := strings.Cut(word, "/")
		p := platform{os, arch}
		if !slices.Contains(allPlatforms, p) {
			return fmt.Errorf("%q is not a platform of a release; those are %s", word, allPlatforms)
		}
		*ps = append(*ps, p)
	}
	return nil
}

func (ps platforms) String() string {
	var words []string
	for _, p := range ps {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}
