package pages

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// home is the home directory that the pages show, and clone the clone of the repository.
const (
	home  = "/home/me"
	clone = home + "/spaces-identity"
)

// Session is a shell with a home directory of its own.
type Session struct {
	t      testing.TB
	root   string // what the pages show as /
	dir    string // in which it starts
	input  io.Writer
	output *bufio.Reader
}

// loop runs the commands that it reads from file descriptor 3. Each ends with a zero byte.
// After the output of a command it prints a zero byte, the exit status and another one.
const loop = `while IFS= read -r -d "" command <&3; do eval "$command" 3<&-; printf '\0%d\0' $?; done 2>&1`

// NewSession starts a shell in a copy of the repository, in which helm is the program at a
// path. It runs with the variables, and without those of the user that change what Helm or
// this program do.
func NewSession(t testing.TB, repository, helm string, variables map[string]string) *Session {
	t.Helper()
	s := newSession(t, clone)
	copyRepository(t, repository, s.dir)
	s.link(helm, "helm")
	s.start(variables)
	return s
}

// NewProgramSession starts a shell in an empty directory, in which spaces-identity is built
// from the source.
func NewProgramSession(t testing.TB, repository string) *Session {
	t.Helper()
	s := newSession(t, home)
	build := exec.Command("go", "build", "-o", s.path("/bin")+string(filepath.Separator), "./cmd/spaces-identity", "./cmd/spaces-identity-live")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.start(nil)
	return s
}

func newSession(t testing.TB, dir string) *Session {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{t: t, root: root}
	s.dir = s.path(dir)
	for _, dir := range []string{s.dir, s.path("/bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// start starts the shell. It ends with the test.
func (s *Session) start(variables map[string]string) {
	t := s.t
	t.Helper()
	cmd := exec.Command("bash", "--norc", "--noprofile", "-c", loop)
	cmd.Dir, cmd.Env = s.dir, s.environment(variables)
	commands, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{commands}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = commands.Close() // the shell has it
	t.Cleanup(func() {
		_ = input.Close() // ends the loop
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	s.input, s.output = input, bufio.NewReader(output)
}

// File returns the path of a file, by its path from the directory in which the shell started.
func (s *Session) File(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Write writes a file with these lines.
func (s *Session) Write(name string, lines []string) {
	s.t.Helper()
	if err := os.WriteFile(s.File(name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// path returns the file that a page shows under a path.
func (s *Session) path(shown string) string { return filepath.Join(s.root, filepath.FromSlash(shown)) }

func (s *Session) link(program, name string) {
	s.t.Helper()
	if err := os.Symlink(program, s.path("/bin/"+name)); err != nil {
		s.t.Fatal(err)
	}
}

// environment returns the variables of the shell. The caches of Go are those of the user,
// so that nothing is built or downloaded again.
func (s *Session) environment(variables map[string]string) []string {
	s.t.Helper()
	env := slices.DeleteFunc(os.Environ(), changesResults)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			s.t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	env = append(env, "HOME="+s.path(home), "PATH="+s.path("/bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"XDG_DATA_HOME="+s.path(home+"/.local/share"), "XDG_CONFIG_HOME="+s.path(home+"/.config"), "XDG_CACHE_HOME="+s.path(home+"/.cache"))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		env = append(env, name+"="+variables[name])
	}
	return env
}

// changesResults reports whether a variable changes what Helm, make, the AWS SDK or this
// program do.
func changesResults(variable string) bool {
	return slices.ContainsFunc([]string{"SPACES_IDENTITY_", "HELM_", "AWS_", "KUBECONFIG=", "MAKE", "MFLAGS=", "TESTFLAGS=", "BASH_ENV=", "CLICOLOR", "LC_", "LANG="},
		func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
}

// Run runs a command. It returns the lines that the command prints, and its exit status.
// The paths in them are those that a page shows.
func (s *Session) Run(command string) (lines []string, status int) {
	s.t.Helper()
	if _, err := io.WriteString(s.input, command+"\x00"); err != nil {
		s.t.Fatal(err)
	}
	text, err := s.output.ReadString(0)
	if err != nil {
		s.t.Fatalf("the session ended in %s: %v\n%s", command, err, text)
	}
	code, err := s.output.ReadString(0)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Sscanf(code, "%d", &status); err != nil {
		s.t.Fatal(err)
	}
	text = strings.ReplaceAll(strings.TrimSuffix(text, "\x00"), s.root, "")
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil, status
	}
	return strings.Split(text, "\n"), status
}

// copyRepository copies the files of a repository that git knows or does not ignore.
func copyRepository(t testing.TB, from, to string) {
	t.Helper()
	list, err := exec.Command("git", "-C", from, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil && !os.IsNotExist(err) { // a file was deleted and the deletion is not committed
			t.Fatal(err)
		}
	}
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil || info.IsDir() {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}
