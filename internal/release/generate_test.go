package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGeneratedFilesNameTheAddressOfReleases compares each part with release.env.
func TestGeneratedFilesNameTheAddressOfReleases(t *testing.T) {
	p := must[project](t)(readProject(repository))
	for _, r := range regions {
		file := must[[]byte](t)(os.ReadFile(filepath.Join(repository, r.path)))
		if want := must[[]byte](t)(r.render(file, p.address())); !bytes.Equal(file, want) {
			t.Errorf("%s differs from release.env and its template: run make release-files", r.path)
		}
	}
}

// TestOnlyGeneratedFilesNameTheAddress searches all files for the URL and the registry.
func TestOnlyGeneratedFilesNameTheAddress(t *testing.T) {
	p := must[project](t)(readProject(repository))
	generated := []string{"release.env"}
	for _, r := range regions {
		generated = append(generated, r.path)
	}
	for _, value := range []string{p.env["URL"], p.env["REGISTRY"]} {
		out, err := exec.Command("git", "-C", repository, "grep", "--fixed-strings", "--files-with-matches", "--untracked", value).Output()
		if err != nil {
			t.Fatal(err)
		}
		for file := range strings.FieldsSeq(string(out)) {
			if !slices.Contains(generated, file) {
				t.Errorf("%s names %s, but is not generated from release.env", file, value)
			}
		}
	}
}

// TestFormulaNamesTheArchives renders the Homebrew formula of files with known checksums.
func TestFormulaNamesTheArchives(t *testing.T) {
	b := builder{project: must[project](t)(readProject(repository)), files: map[string][]byte{}}
	if err := b.addFormula(); err != nil || len(b.files) > 0 {
		t.Errorf("without archives it wrote %v (%v)", b.files, err)
	}
	for _, target := range allPlatforms {
		b.files[target.archive(b.version)] = []byte(target.String())
	}
	if err := b.addFormula(); err != nil {
		t.Fatal(err)
	}
	formula := string(b.files[name+".rb"])
	for _, want := range []string{
		"  on_macos do\n    on_arm do\n      url \"" + b.address().Release + "/spaces-identity_0.1.0_darwin_arm64.tar.gz\"\n",
		"spaces-identity_0.1.0_linux_amd64.tar.gz\"\n      sha256 \"baf0239e48ff4c47ebac3ba02b5cf1506b69cd5a0c0d0c825a53ba65976fb942\"\n",
	} {
		if !strings.Contains(formula, want) {
			t.Errorf("the formula lacks %q:\n%s", want, formula)
		}
	}
	if strings.Contains(formula, "windows") || strings.Contains(formula, "<no value>") {
		t.Errorf("the formula:\n%s", formula)
	}
}
