package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
)

const (
	repository = "../.."
	testCommit = "0123456789abcdef0123456789abcdef01234567"
)

// host is the platform of this machine.
var host = platform{runtime.GOOS, runtime.GOARCH}

// scratch is removed after the tests.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "release"); err != nil {
		panic(err)
	}
	status := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		panic(err)
	}
	os.Exit(status)
}

// secretKey returns the path of a throw-away key.
var secretKey = sync.OnceValues(func() (string, error) { return newKey(filepath.Join(scratch, "secret.gpg")) })

func newKey(path string) (string, error) {
	key, err := openpgp.NewEntity("Throw-away key of a test", "", "test@example.com", nil)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := key.SerializePrivate(&out, nil); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, out.Bytes(), 0o600)
}

// signedRelease returns the directory of a release of the repository for this platform.
var signedRelease = sync.OnceValues(func() (string, error) { return makeDist(repository, "signed") })

// nextRelease returns the directory of a release with the next version.
var nextRelease = sync.OnceValues(func() (string, error) {
	root := filepath.Join(scratch, "next")
	if err := copyRepository(root); err != nil {
		return "", err
	}
	for _, file := range []string{"plugin.yaml", "CHANGELOG.md", "internal/plugin/post-renderer.yaml"} {
		path := filepath.Join(root, file)
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(path, bytes.Replace(text, []byte("0.1.0"), []byte("0.1.1"), 1), 0o600); err != nil {
			return "", err
		}
	}
	return makeDist(root, "signed-next")
})

func makeDist(root, output string) (string, error) {
	key, err := secretKey()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, output)
	return dir, run(context.Background(), []string{"dist", "-root", root, "-output", dir, "-key", key,
		"-commit", testCommit, "-platforms", host.String()}, io.Discard)
}

// copyRepository copies the files that git tracks or would add.
func copyRepository(to string) error {
	list, err := exec.Command("git", "-C", repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(repository, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(repository, name))
		if err != nil {
			return err
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// must ends the test if the value could not be made.
func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// serve serves a directory on loopback until the test ends, with the content type that
// Helm 3 needs for a plugin.
func serve(dir string) *httptest.Server {
	files := http.FileServer(http.Dir(dir))
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".tgz") {
			w.Header().Set("Content-Type", "application/gzip")
		}
		files.ServeHTTP(w, r)
	}))
}

// filesBelow returns the regular files below a directory, by their paths.
func filesBelow(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
