package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"text/template"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*"))

// address is what the templates know of a release.
type address struct {
	Version    string
	URL        string // of the repository
	Repository string // owner and name, such as owner/spaces-identity
	Release    string // URL of the directory with the files of the version
	Raw        string // URL of the directory with the files of the source
	Registry   string
	Key        string // path of the public key in the repository
	KeyFile    string // its last part
	Systems    []system
}

// system has the archives of an operating system for the Homebrew formula.
type system struct {
	Brew     string // as Homebrew names it
	Archives []formulaArchive
}

type formulaArchive struct{ Brew, File, Sum string }

func (p project) address() address {
	url, key := p.env["URL"], p.env["KEY"]
	repository := path.Join(path.Base(path.Dir(url)), path.Base(url))
	return address{
		Version: p.version, URL: url, Repository: repository, Release: url + "/releases/download/v" + p.version,
		Raw: url + "/raw/v" + p.version, Registry: p.env["REGISTRY"], Key: key, KeyFile: path.Base(key),
	}
}

// region is a part of a file that is generated.
type region struct {
	path     string
	part     *regexp.Regexp // what comes before and after is in its first and last group
	template string
}

// modeline is the line of a config that names its schema for editors.
var modeline = regexp.MustCompile(`(?m)^(# yaml-language-server: \$schema=)\S+()$`)

// regions are all places outside release.env that name the address of releases. The
// install hook reads release.env itself.
var regions = []region{
	{"README.md", regexp.MustCompile(`(?s)(<!-- install: make release-files writes this part -->\n).*?(<!-- end -->\n)`), "readme-install.md"},
	{"docs/install.md", regexp.MustCompile(`(?s)^().*()$`), "install.md"},
	{"examples/scheduled-apply/cronjob.yaml", regexp.MustCompile(`(?m)^( *image: )\S+()$`), "image"},
	{"examples/kustomize/container/spaces-identity.yaml", regexp.MustCompile(`(?m)^( *image: )\S+()$`), "image"},
	{"examples/kpt/Kptfile", regexp.MustCompile(`(?m)^( *- image: )\S+()$`), "image"},
	{"internal/config/schema_url.go", regexp.MustCompile(`(?m)^(const SchemaURL = ")[^"]*("$)`), "schema"},
	{"internal/cli/live/testdata/live/init.yaml", modeline, "schema"},
	{"internal/cli/live/testdata/live/init-asked.yaml", modeline, "schema"},
}

// generate writes the regions again.
func generate(_ context.Context, o options, out io.Writer) error {
	p, err := readProject(o.root)
	if err != nil {
		return err
	}
	for _, r := range regions {
		file := filepath.Join(o.root, filepath.FromSlash(r.path))
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err := r.render(old, p.address())
		if err != nil {
			return err
		}
		if bytes.Equal(old, text) {
			continue
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "wrote %s\n", r.path)
	}
	return nil
}

// render returns the file with its region as the template has it.
func (r region) render(file []byte, a address) ([]byte, error) {
	at := r.part.FindSubmatchIndex(file)
	if at == nil {
		return nil, fmt.Errorf("%s has no part that matches %s", r.path, r.part)
	}
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, r.template, a); err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{file[:at[3]], text.Bytes(), file[at[4]:]}, nil), nil
}

// addFormula adds the Homebrew formula, if all platforms of Homebrew were built.
func (b *builder) addFormula() error {
	a := b.address()
	for _, s := range []struct{ brew, os string }{{"macos", "darwin"}, {"linux", "linux"}} {
		next := system{Brew: s.brew}
		for _, arch := range []struct{ brew, arch string }{{"arm", "arm64"}, {"intel", "amd64"}} {
			file := platform{s.os, arch.arch}.archive(b.version)
			content, ok := b.files[file]
			if !ok {
				return nil
			}
			next.Archives = append(next.Archives, formulaArchive{arch.brew, file, fmt.Sprintf("%x", sha256.Sum256(content))})
		}
		a.Systems = append(a.Systems, next)
	}
	var text bytes.Buffer
	err := templates.ExecuteTemplate(&text, "formula.rb", a)
	b.files[name+".rb"] = text.Bytes()
	return err
}
