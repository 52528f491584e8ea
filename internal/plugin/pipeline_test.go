package plugin_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pipelineConfig is the config of a repository that uses an example.
const pipelineConfig = `apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
cluster: {oidcProvider: oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E}
controlPlanes: {match: uuid}
components:
- {name: mxp-controller, bucket: spaces-backups, roleARN: "arn:aws:iam::123456789012:role/spaces-backup"}
`

// pipeline is a repository with a CI system: a bare repository as remote, a clone in which a
// developer works, a Helm, and a registry with the stand-in chart.
type pipeline struct {
	t         *testing.T
	dir       string // with remote.git, the developer's clone and a clone for each job
	developer string
	chart     string
	env       []string
	jobs      int // that have run, for the names of their clones
}

// newPipeline returns a repository whose branch main has a config and values.
func newPipeline(t *testing.T, h helm) *pipeline {
	t.Helper()
	dependOnFiles(t)
	dir := t.TempDir()
	p := &pipeline{t: t, dir: dir, developer: filepath.Join(dir, "developer")}
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{bin, p.developer} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(h.path, filepath.Join(bin, "helm")); err != nil {
		t.Fatal(err)
	}
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SPACES_IDENTITY_") })
	p.env = append(append(own, helmHome(dir)...), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"HOME="+dir, "GIT_CONFIG_GLOBAL="+filepath.Join(dir, "gitconfig"), "GIT_CONFIG_NOSYSTEM=1")
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // HOME has others
		p.env = append(p.env, name+"="+strings.TrimSpace(p.run(".", "go", "env", name)))
	}
	p.run(dir, "helm", "package", filepath.Join(repository(), "testdata", "chart"), "--destination", dir)
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("packages: %v %v", packed, err)
	}
	var authority string
	p.chart, authority = serveChart(t, packed[0])
	p.env = append(p.env, "SSL_CERT_FILE="+authority)

	p.run(dir, "git", "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
	p.run(p.developer, "git", "init", "--quiet", "--initial-branch=main")
	p.run(p.developer, "git", "remote", "add", "origin", p.remote())
	p.commit(map[string]string{"spaces-identity.yaml": pipelineConfig, "values.yaml": "{}\n"})
	return p
}

func (p *pipeline) remote() string { return "file://" + filepath.Join(p.dir, "remote.git") }

// put writes a file. An empty content removes it.
func (p *pipeline) put(dir, file, content string) {
	p.t.Helper()
	path := filepath.Join(dir, file)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil && content == "" {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(content), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// commit changes files on the branch main.
func (p *pipeline) commit(files map[string]string) {
	p.t.Helper()
	for file, content := range files {
		p.put(p.developer, file, content)
	}
	p.run(p.developer, "git", "add", "--all")
	p.run(p.developer, "git", "-c", "user.name=d", "-c", "user.email=d@example.com", "commit", "--quiet", "--message", "Change")
	p.run(p.developer, "git", "push", "--quiet", "origin", "main")
}

// merge merges the proposed branch into main.
func (p *pipeline) merge() {
	p.t.Helper()
	p.run(p.developer, "git", "pull", "--quiet", "--ff-only", "origin", "rendered")
	p.run(p.developer, "git", "push", "--quiet", "origin", "main")
}

// proposed returns the commit of the branch rendered, or nothing if there is none.
func (p *pipeline) proposed() string {
	p.t.Helper()
	commit, _, _ := strings.Cut(p.run(p.dir, "git", "ls-remote", "--heads", p.remote(), "refs/heads/rendered"), "\t")
	return commit
}

// show returns a file of the branch rendered.
func (p *pipeline) show(file string) string {
	p.t.Helper()
	return p.run(filepath.Join(p.dir, "remote.git"), "git", "show", "rendered:"+file)
}

// clone clones a branch for a job, as the CI systems do: its last commit alone.
func (p *pipeline) clone(branch string) (dir string) {
	p.t.Helper()
	p.jobs++
	dir = filepath.Join(p.dir, fmt.Sprintf("job-%d", p.jobs))
	p.run(p.dir, "git", "clone", "--quiet", "--depth=1", "--branch="+branch, p.remote(), dir)
	return dir
}

// run runs a program, which must succeed, and returns its standard output.
func (p *pipeline) run(dir, name string, args ...string) string {
	p.t.Helper()
	out, messages, status := p.try(dir, nil, "", name, args...)
	if status != 0 {
		p.t.Fatalf("%s %s: status %d\n%s%s", name, strings.Join(args, " "), status, out, messages)
	}
	return out
}

// try runs a program, and returns what it prints and its status.
func (p *pipeline) try(dir string, env []string, stdin, name string, args ...string) (out, messages string, status int) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "env", append([]string{name}, args...)...) // env looks the name up on the PATH of p.env
	cmd.Dir, cmd.Env, cmd.Stdin = dir, slices.Concat(p.env, env), strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// decodeExample decodes a YAML file of the examples.
func decodeExample(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), "examples", file))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
