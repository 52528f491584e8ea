package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	imageLayout  = "image" // OCI layout in dist
	user         = "65532" // as in Distroless: https://github.com/GoogleContainerTools/distroless
	nobody       = "65534"
	programDir   = "usr/local/bin"
	sbomArtifact = "application/vnd.cyclonedx+json"
)

// imageArchive returns the file name of the layout as one file.
func (p project) imageArchive() string { return name + "-" + p.version + "-image.tar" }

func isImage(file string) bool {
	return file == imageLayout || strings.HasPrefix(file, name+"-") && strings.HasSuffix(file, "-image.tar")
}

// image writes an image of both programs for Linux, as an OCI layout and as one file. The
// base is empty: the image has the programs, the certificates of public authorities and
// the licences.
func image(ctx context.Context, o options, out io.Writer) error {
	p, err := readProject(o.root)
	if err != nil {
		return err
	}
	i := imageBuilder{project: p, commit: cmp.Or(o.commit, headCommit(ctx, o.root)), index: empty.Index}
	for _, target := range o.platforms {
		if target.os != "linux" {
			continue
		}
		_, _ = fmt.Fprintf(out, "building the image of %s %s for %s\n", name, p.version, target)
		if err := i.add(ctx, target); err != nil {
			return err
		}
	}
	if err := i.write(o.output); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "  %s (OCI layout, tag %s)\n  %s\n", imageLayout, p.version, p.imageArchive())
	return nil
}

type imageBuilder struct {
	project
	commit string
	index  v1.ImageIndex // of the images
	tagged []tagged
}

// tagged is an image, or an SBOM, that the layout lists besides the index.
type tagged struct {
	image v1.Image
	tag   string // empty for an SBOM, which is found by its subject
}

// add builds the image of one platform and its SBOM.
func (i *imageBuilder) add(ctx context.Context, target platform) error {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans up
	paths, err := i.build(ctx, target, i.commit, dir)
	if err != nil {
		return err
	}
	bom, err := i.sbom(paths)
	if err != nil {
		return err
	}
	img, err := i.imageOf(ctx, target, paths)
	if err != nil {
		return err
	}
	subject, err := partial.Descriptor(img)
	if err != nil {
		return err
	}
	attached, err := artifactOf(sbomArtifact, &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		blob{mediaType: sbomArtifact, title: name + sbomSuffix, content: bom})
	if err != nil {
		return err
	}
	subject.Platform = &v1.Platform{OS: target.os, Architecture: target.arch}
	i.index = mutate.AppendManifests(i.index, mutate.IndexAddendum{Add: img, Descriptor: *subject})
	i.tagged = append(i.tagged, tagged{img, target.tag(i.version)}, tagged{attached, ""})
	return nil
}

// imageOf returns the image of one platform, with the certificates in a layer of their own.
func (i *imageBuilder) imageOf(ctx context.Context, target platform, paths []string) (v1.Image, error) {
	base, err := i.baseFiles(ctx, target)
	if err != nil {
		return nil, err
	}
	var binaries []file
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		binaries = append(binaries, file{path: programDir + "/" + filepath.Base(path), content: content, program: true})
	}
	img := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	for _, files := range [][]file{base, binaries} {
		layer, err := i.layer(files)
		if err != nil {
			return nil, err
		}
		img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{CreatedBy: "make image", Created: v1.Time{Time: i.time}}})
		if err != nil {
			return nil, err
		}
	}
	config, err := i.config(img, target)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, config)
}

// baseFiles returns what the programs need besides themselves.
func (i *imageBuilder) baseFiles(ctx context.Context, target platform) ([]file, error) {
	licenses, err := i.licenses(ctx, target)
	if err != nil {
		return nil, err
	}
	license, err := os.ReadFile(filepath.Join(i.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	// kustomize and kpt run a function as the user nobody, whom a container runtime looks up
	// by name.
	const (
		doc    = "usr/share/doc/" + name + "/"
		groups = "nonroot:x:" + user + ":\nnobody:x:" + nobody + ":\n"
		users  = "nonroot:x:" + user + ":" + user + "::/:/sbin/nologin\nnobody:x:" + nobody + ":" + nobody + "::/:/sbin/nologin\n"
	)
	return []file{
		{path: "etc/group", content: []byte(groups)},
		{path: "etc/passwd", content: []byte(users)},
		{path: "etc/ssl/certs/ca-certificates.crt", content: authorities()},
		{path: doc + "LICENSE", content: license},
		{path: doc + licensesFile, content: append(licenses, []byte(rootsNotice)...)},
	}, nil
}

// rootsNotice names the terms of the certificates.
const rootsNotice = `
The certificates in /etc/ssl/certs are those that Mozilla trusts for servers, from the Go
module golang.org/x/crypto/x509roots/fallback. Mozilla publishes the list under the Mozilla
Public License 2.0: https://www.mozilla.org/MPL/2.0/. The module has the licence of Go.
`

// authorities returns the certificates of the public authorities as PEM. It leaves out
// those that Mozilla trusts only for certificates up to some date, because the file cannot
// say so.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}

func (i *imageBuilder) layer(files []file) (v1.Layer, error) {
	content, err := tarOf(files, i.time)
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression))
}

// config returns what a container runtime reads. The labels are those of
// https://specs.opencontainers.org/image-spec/annotations/.
func (i *imageBuilder) config(img v1.Image, target platform) (*v1.ConfigFile, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = target.os, target.arch
	config.Created = v1.Time{Time: i.time}
	config.Config = v1.Config{
		User:       user + ":" + user,
		Entrypoint: []string{"/" + programDir + "/" + name},
		WorkingDir: "/",
		Env:        []string{"PATH=/" + programDir},
		Labels:     i.labels(),
	}
	return config, nil
}

func (i *imageBuilder) labels() map[string]string {
	const key = "org.opencontainers.image."
	labels := map[string]string{
		key + "title":       name,
		key + "description": "Gives the components of an Upbound Space on Amazon EKS an IAM role",
		key + "version":     i.version,
		key + "licenses":    "Apache-2.0",
		key + "created":     i.time.Format(time.RFC3339),
		key + "source":      i.env["URL"],
	}
	if i.commit != "" {
		labels[key+"revision"] = i.commit
	}
	return labels
}

// write replaces the image of an earlier release.
func (i *imageBuilder) write(dir string) error {
	old, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range old {
		if isImage(e.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	path := filepath.Join(dir, imageLayout)
	out, err := layout.Write(path, empty.Index)
	if err != nil {
		return err
	}
	if err := out.AppendIndex(i.index, layout.WithAnnotations(map[string]string{refKey: i.version})); err != nil {
		return err
	}
	for _, t := range i.tagged {
		var options []layout.Option
		if t.tag != "" {
			options = append(options, layout.WithAnnotations(map[string]string{refKey: t.tag}))
		}
		if err := out.AppendImage(t.image, options...); err != nil {
			return err
		}
	}
	archive, err := tarOfDirectory(path, i.time)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, i.imageArchive()), archive, 0o644)
}

// tarOfDirectory returns the files of a directory as an archive.
func tarOfDirectory(dir string, at time.Time) ([]byte, error) {
	contents := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		contents[path], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return tarOf(sorted(contents), at)
}
