package cli_test

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of this file hold for every Go file of the repository.

const root = "../.."

// goFile is a parsed file and its path below the root.
type goFile struct {
	path string
	*ast.File
	set *token.FileSet
}

func (f goFile) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// in reports whether the file is in one of the directories or below.
func (f goFile) in(dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(f.path, dir+"/") })
}

func (f goFile) at(pos token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.set.Position(pos).Line)
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"bin", ".git", "node_modules", "testdata"}, d.Name()):
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, path)
		files = append(files, goFile{filepath.ToSlash(below), parsed, set})
		return err
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("%d Go files were found: %v", len(files), err)
	}
	return files
}

// knowFlags are the packages that may name flags. Package output/live writes the flag
// that fixes a warning of package reconcile.
var knowFlags = []string{"internal/cli", "internal/config", "internal/output/live", "internal/test"}

// otherPrograms match commands of other programs, with flags of their own, and whole
// commands of this program to copy.
var otherPrograms = regexp.MustCompile("\\b(aws|kubectl|helm) [^;,:()]*|`spaces-identity [^`]*`")

var flagName = regexp.MustCompile(`(?:^|[^\w-])--([a-z][a-z-]*)`)

func TestOnlyTheCommandLineNamesFlags(t *testing.T) {
	flags := flagNames(t)
	for _, f := range goFiles(t) {
		if f.test() || !f.in("internal", "cmd") || f.in(knowFlags...) {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range flagName.FindAllStringSubmatch(otherPrograms.ReplaceAllString(text, ""), -1) {
				if flags[m[1]] {
					t.Errorf("%s: a string names the flag --%s", f.at(literal.Pos()), m[1])
				}
			}
			return true
		})
	}
}

// flagNames returns the flags of all commands, as their help shows them.
func flagNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, line := range helpLines(t) {
		for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(help(t, line), -1) {
			names[m[1]] = true
		}
	}
	for _, name := range []string{"set", "set-string"} { // check takes them over from Helm, whose flags other packages may name
		delete(names, name)
	}
	if !names["role-arn"] || !names["prune"] || !names["on-missing"] {
		t.Fatalf("flags are missing: %v", names)
	}
	return names
}

func TestOneFileKnowsTheExitStatuses(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test() || !f.in("internal", "cmd") || f.path == "internal/exit/exit.go" {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if n.Name == "ExitStatus" {
					t.Errorf("%s: ExitStatus belongs into package exit", f.at(n.Pos()))
				}
			case *ast.CallExpr:
				called, isSelector := n.Fun.(*ast.SelectorExpr)
				if !isSelector || len(n.Args) == 0 {
					return true
				}
				of, _ := called.X.(*ast.Ident)
				literal, _ := n.Args[0].(*ast.BasicLit)
				if of != nil && literal != nil && literal.Kind == token.INT && (of.Name == "os" && called.Sel.Name == "Exit" || of.Name == "exit") {
					t.Errorf("%s: a number is an exit status", f.at(n.Pos()))
				}
			}
			return true
		})
	}
}

// systems are the build tags of operating systems and architectures that the
// project uses.
var systems = []string{"linux", "darwin", "windows", "unix", "amd64", "arm64"}

func TestBuildTagsNameOperatingSystemsOnly(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if !constraint.IsGoBuild(c.Text) {
					continue
				}
				expression, err := constraint.Parse(c.Text)
				if err != nil {
					t.Fatalf("%s: %v", f.at(c.Pos()), err)
				}
				expression.Eval(func(tag string) bool {
					if !slices.Contains(systems, tag) {
						t.Errorf("%s: the build tag %s", f.at(c.Pos()), tag)
					}
					return true
				})
			}
		}
	}
}

// slowPackages take long to initialise or are linked only by the live program. The
// small program links none of them, so that it starts fast.
var slowPackages = []string{"k8s.io/", "sigs.k8s.io/", "github.com/aws/", "helm.sh/helm/v3/pkg/action",
	"github.com/hashicorp/hcl/", "github.com/zclconf/go-cty/", "github.com/google/go-cmp/", "html/template", "spaces-identity.dev/internal/export/terraform",
	"spaces-identity.dev/internal/account", "spaces-identity.dev/internal/space", "spaces-identity.dev/internal/reconcile",
	"spaces-identity.dev/internal/verify", "spaces-identity.dev/internal/restart",
	"net/http", "crypto/tls", "html/template", "os/user", "time/tzdata"}

func TestSmallProgramLinksNoSlowPackage(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/spaces-identity")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "spaces-identity.dev/internal/cli") {
		t.Fatalf("unexpected packages: %q", packages)
	}
	for _, p := range packages {
		for _, slow := range slowPackages {
			if strings.HasPrefix(p, slow) && p != "github.com/aws/aws-sdk-go-v2/aws/arn" { // which parses ARNs
				t.Errorf("the small program links %s", p)
			}
		}
	}
}
