package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// The names of files in dist that do not depend on a platform.
const (
	checksumsFile = "checksums.txt"
	signatureFile = checksumsFile + ".sig"
	publicKeyFile = name + "-release-key.gpg"
	notesFile     = "release-notes.md"
	pluginLayout  = "plugin" // OCI layout with a tag for each platform
)

// dist writes the archives, the Helm plugins, their SBOMs and the checksums. It first
// builds everything, then replaces the files.
func dist(ctx context.Context, o options, out io.Writer) error {
	p, err := readProject(o.root)
	if err != nil {
		return err
	}
	signer, err := readSigner(o.key)
	if err != nil {
		return err
	}
	b := builder{project: p, signer: signer, commit: cmp.Or(o.commit, headCommit(ctx, o.root)), files: map[string][]byte{}}
	if err := b.readTexts(); err != nil {
		return err
	}
	b.files[notesFile] = []byte(p.notes)
	for _, target := range o.platforms {
		_, _ = fmt.Fprintf(out, "building %s %s for %s\n", name, p.version, target)
		if err := b.add(ctx, target); err != nil {
			return err
		}
	}
	if err := b.addFormula(); err != nil {
		return err
	}
	if err := b.seal(); err != nil {
		return err
	}
	if err := b.write(o.output, o.platforms); err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(b.files)) {
		_, _ = fmt.Fprintf(out, "  %s\n", file)
	}
	if signer == nil {
		_, _ = fmt.Fprintln(out, "not signed: Helm 4 installs these plugins only with --verify=false.\nTo sign them, name a file with an OpenPGP secret key: make dist KEY=FILE")
	}
	return nil
}

// builder collects the files of dist.
type builder struct {
	project
	signer *signer
	commit string
	texts  map[string][]byte // files that the archives of all platforms contain
	files  map[string][]byte // of dist, by name
}

// readTexts reads and generates the files that do not depend on a platform.
func (b *builder) readTexts() error {
	pages, err := b.manPages()
	if err != nil {
		return err
	}
	scripts, err := completions()
	if err != nil {
		return err
	}
	b.texts = pages
	maps.Copy(b.texts, scripts)
	for _, file := range []string{"LICENSE", "README.md", "CHANGELOG.md", "docs/spaces-identity.schema.json"} {
		if b.texts[path.Base(file)], err = os.ReadFile(filepath.Join(b.root, file)); err != nil {
			return err
		}
	}
	return nil
}

// add builds the programs for a platform, and adds the archive and the plugin.
func (b *builder) add(ctx context.Context, target platform) error {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans up
	paths, err := b.build(ctx, target, b.commit, dir)
	if err != nil {
		return err
	}
	bom, err := b.sbom(paths)
	if err != nil {
		return err
	}
	licenses, err := b.licenses(ctx, target)
	if err != nil {
		return err
	}
	var binaries []file
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		binaries = append(binaries, file{path: filepath.Base(path), content: content, program: true})
	}
	archive, err := b.archive(target, binaries, licenses)
	if err != nil {
		return err
	}
	plugin, err := b.plugin(target, binaries, licenses)
	if err != nil {
		return err
	}
	for file, content := range map[string][]byte{target.archive(b.version): archive, target.plugin(b.version): plugin} {
		b.files[file], b.files[file+sbomSuffix] = content, bom
	}
	return nil
}

// archive returns the programs with their documentation.
func (b *builder) archive(target platform, binaries []file, licenses []byte) ([]byte, error) {
	files := append(slices.Clone(binaries), sorted(b.texts)...)
	files = append(files, file{path: licensesFile, content: licenses})
	if target.os == "windows" {
		return zipOf(files, b.time)
	}
	return tarGz(files, b.time)
}

// seal adds the checksums and, with a key, the signatures.
func (b *builder) seal() error {
	var sums bytes.Buffer
	for _, file := range slices.Sorted(maps.Keys(b.files)) {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(b.files[file]), file)
	}
	b.files[checksumsFile] = sums.Bytes()
	if b.signer == nil {
		return nil
	}
	for file, content := range maps.Clone(b.files) {
		if filepath.Ext(file) != ".tgz" {
			continue
		}
		prov, err := b.signer.provenance(content, file, b.version)
		if err != nil {
			return err
		}
		b.files[file+provenanceSuffix] = prov
	}
	signature, err := b.signer.detached(sums.Bytes())
	if err != nil {
		return err
	}
	key, err := b.signer.publicKey()
	b.files[signatureFile], b.files[publicKeyFile] = signature, key
	return err
}

// write replaces the files of an earlier release in dist. The image stays.
func (b *builder) write(dir string, targets platforms) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if isImage(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	for file, content := range b.files {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			return err
		}
	}
	return b.writePlugins(filepath.Join(dir, pluginLayout), targets)
}
