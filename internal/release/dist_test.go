package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDistHasTheFilesOfARelease compares the names with those that scripts rely on.
func TestDistHasTheFilesOfARelease(t *testing.T) {
	dir := must[string](t)(signedRelease())
	var got []string
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		got = append(got, strings.NewReplacer("-"+host.os+"-"+host.arch, "-OS-ARCH", "_"+host.os+"_"+host.arch, "_OS_ARCH").Replace(e.Name()))
	}
	want := []string{
		"checksums.txt", "checksums.txt.sig", "plugin", "release-notes.md",
		"spaces-identity-0.1.0-OS-ARCH.tgz", "spaces-identity-0.1.0-OS-ARCH.tgz.cdx.json", "spaces-identity-0.1.0-OS-ARCH.tgz.prov",
		"spaces-identity-release-key.gpg",
		"spaces-identity_0.1.0_OS_ARCH.tar.gz", "spaces-identity_0.1.0_OS_ARCH.tar.gz.cdx.json",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestChecksumsCoverAllFilesButTheSignatures compares them with those of another program.
func TestChecksumsCoverAllFilesButTheSignatures(t *testing.T) {
	dir := must[string](t)(signedRelease())
	named := map[string]string{}
	for line := range strings.Lines(string(must[[]byte](t)(os.ReadFile(filepath.Join(dir, checksumsFile))))) {
		sum, file, _ := strings.Cut(strings.TrimSpace(line), "  ")
		named[file] = sum
	}
	for file, content := range filesBelow(t, dir) {
		switch {
		case strings.HasPrefix(file, pluginLayout+"/"), strings.HasSuffix(file, ".prov"), file == checksumsFile, file == signatureFile, file == publicKeyFile:
			continue
		}
		sum := sha256.Sum256(content)
		if named[file] != hex.EncodeToString(sum[:]) {
			t.Errorf("the checksum of %s is %q", file, named[file])
		}
		delete(named, file)
	}
	if len(named) > 0 {
		t.Errorf("there are checksums without files: %v", slices.Sorted(maps.Keys(named)))
	}
}

// TestArchiveHasProgramsAndDocumentation unpacks the archive and runs the program.
func TestArchiveHasProgramsAndDocumentation(t *testing.T) {
	dir, to := must[string](t)(signedRelease()), t.TempDir()
	unpack := exec.Command("tar", "-xzf", filepath.Join(dir, host.archive("0.1.0")), "-C", to)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{
		"LICENSE", "README.md", "CHANGELOG.md", "spaces-identity.schema.json", licensesFile, "man/man1/spaces-identity.1", "man/man1/spaces-identity-post-render.1",
		"completions/spaces-identity.bash", "completions/_spaces-identity", "completions/spaces-identity.fish", "completions/spaces-identity.ps1",
	} {
		if info, err := os.Stat(filepath.Join(to, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, command := range []string{"version", "plan"} { // plan runs the other program
		out, err := exec.Command(filepath.Join(to, name), command, "--help").CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	var version struct{ Version, Commit string }
	out := must[[]byte](t)(exec.Command(filepath.Join(to, name), "version", "-o", "json").Output())
	if err := json.Unmarshal(out, &version); err != nil || version.Version != "0.1.0" || version.Commit != testCommit {
		t.Errorf("version printed %s (%v)", out, err)
	}
}

// TestLicensesNameEveryModule compares the licences with the modules in the SBOM.
func TestLicensesNameEveryModule(t *testing.T) {
	dir := must[string](t)(signedRelease())
	var sbom struct {
		Metadata   struct{ Timestamp string }
		Components []struct{ Type, Name, Version string }
	}
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(filepath.Join(dir, host.archive("0.1.0")+sbomSuffix))), &sbom); err != nil {
		t.Fatal(err)
	}
	text := string(fileOf(t, filepath.Join(dir, host.archive("0.1.0")), licensesFile))
	var libraries int
	for _, c := range sbom.Components {
		if c.Type != "library" || c.Name == "std" {
			continue
		}
		libraries++
		if !strings.Contains(text, "\n"+c.Name+" "+c.Version+": ") {
			t.Errorf("the licence of %s %s is missing", c.Name, c.Version)
		}
	}
	if libraries < 20 || sbom.Metadata.Timestamp != "" {
		t.Errorf("the SBOM names %d libraries and the time %q", libraries, sbom.Metadata.Timestamp)
	}
	if n := strings.Count(text, "Apache License"); n < 10 {
		t.Errorf("the text has the Apache License %d times", n)
	}
}

// TestSignatureOfTheChecksums verifies it with gpgv, as the install hook does.
func TestSignatureOfTheChecksums(t *testing.T) {
	gpgv, err := exec.LookPath("gpgv")
	if err != nil {
		t.Skip("needs gpgv")
	}
	dir := must[string](t)(signedRelease())
	verify := func(sums string) error {
		return exec.Command(gpgv, "--keyring", filepath.Join(dir, publicKeyFile), filepath.Join(dir, signatureFile), sums).Run()
	}
	if err := verify(filepath.Join(dir, checksumsFile)); err != nil {
		t.Errorf("gpgv refuses the signature: %v", err)
	}
	changed := filepath.Join(t.TempDir(), "sums")
	if err := os.WriteFile(changed, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if verify(changed) == nil {
		t.Error("gpgv accepts other checksums")
	}
}

// TestPublicKeyHasNoSecret checks the file that is published.
func TestPublicKeyHasNoSecret(t *testing.T) {
	dir := must[string](t)(signedRelease())
	signer, err := readSigner(filepath.Join(dir, publicKeyFile))
	if err == nil || !strings.Contains(err.Error(), "want one secret key") {
		t.Errorf("it was read as a secret key: %v, %v", signer, err)
	}
}

// TestBadInputLeavesDistAsItIs gives keys and platforms that cannot be used.
func TestBadInputLeavesDistAsItIs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	output := filepath.Join(dir, "dist")
	if err := os.Mkdir(output, 0o755); err != nil {
		t.Fatal(err)
	}
	write("dist/checksums.txt", "of an earlier release\n")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"the key: open", []string{"-key", filepath.Join(dir, "missing")}},
		{"the key", []string{"-key", write("empty", "")}},
		{"the key", []string{"-key", write("text", "not a key\n")}},
		{`"linux/s390x" is not a platform of a release`, []string{"-platforms", "linux/s390x"}},
		{`does not take the argument "more"`, []string{"more"}},
		{"plugin.yaml", []string{"-root", dir}},
	} {
		err := run(context.Background(), append([]string{"dist", "-root", repository, "-output", output}, c.args...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.args, err, c.want)
		}
	}
	if got := filesBelow(t, output); len(got) != 1 || string(got["checksums.txt"]) != "of an earlier release\n" {
		t.Errorf("dist has changed: %v", got)
	}
}

// TestArchivesKeepTheOrderAndTheModes reads back what was packed.
func TestArchivesKeepTheOrderAndTheModes(t *testing.T) {
	files := []file{{path: "plugin.yaml", content: []byte("a")}, {path: "bin/x", content: []byte("b"), program: true}}
	archive := must[[]byte](t)(tarGz(files, undated))
	entries := tar.NewReader(must[*gzip.Reader](t)(gzip.NewReader(bytes.NewReader(archive))))
	var got []string
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, header.FileInfo().Mode().String()+" "+header.Name)
	}
	if d := cmp.Diff([]string{"-rw-r--r-- plugin.yaml", "drwxr-xr-x bin/", "-rwxr-xr-x bin/x"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// fileOf returns a file of a .tar.gz archive.
func fileOf(t *testing.T, archive, path string) []byte {
	t.Helper()
	return must[[]byte](t)(exec.Command("tar", "-xzOf", archive, path).Output())
}
