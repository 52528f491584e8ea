package pages

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Walk runs the commands of a page in a session.
type Walk struct {
	Session *Session
	Helm    string // 3 or 4; empty without Helm
	Marked  bool   // run only the commands that the page marks with <!-- run -->
	// NotRun has the commands that no test can run, with the reason. A key is what the
	// command begins with.
	NotRun map[string]string
	// Cluster says whether there is a cluster. Without one, the commands that need it are
	// left out.
	Cluster bool
	// Before has what happens before a command or instead of one of NotRun: what the Space
	// does, for example. A key is what the command begins with.
	Before map[string]func()
	// Update writes the output to the page if it differs.
	Update bool
}

// Run runs the page at a path. It fails if a command prints something else than the page
// shows, and if an entry of NotRun or Before has no command.
func (w Walk) Run(t *testing.T, path string) {
	t.Helper()
	page, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	checkUsed(t, page, w.NotRun)
	checkUsed(t, page, w.Before)
	differs := map[int][]string{}
	for i, s := range page.Steps {
		if printed, ok := w.run(t, page, s); !ok {
			differs[i] = printed
		}
	}
	if w.Update && len(differs) > 0 {
		if err := page.Replace(differs); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a step. It returns what the command prints, and whether the page shows that.
func (w Walk) run(t *testing.T, page *Page, s Step) (printed []string, ok bool) {
	t.Helper()
	switch {
	case s.File != "":
		w.Session.Write(s.File, page.Shown(s))
		return nil, true
	case s.Helm != "" && s.Helm != w.Helm || s.Cluster && !w.Cluster || w.Marked && !s.Marked:
		return nil, true
	}
	for _, before := range entries(w.Before, s) {
		before()
	}
	if len(entries(w.NotRun, s)) > 0 {
		return nil, true
	}
	printed, status := w.Session.Run(s.Command)
	if status != 0 && !hasError(printed) {
		t.Errorf("%s:%d: $ %s\nexit status %d without an error:\n%s", page.path, s.Line, s.Command, status, strings.Join(printed, "\n"))
	}
	shown := page.Shown(s)
	ok = Matches(shown, printed)
	if !ok && !w.Update {
		t.Errorf("%s:%d: $ %s\nprints something else; go test -update writes it to the page (-page +printed):\n%s", page.path, s.Line, s.Command, cmp.Diff(shown, printed))
	}
	return printed, ok
}

// entries returns the values for a command.
func entries[V any](m map[string]V, s Step) []V {
	var found []V
	for _, start := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(s.Command, start) {
			found = append(found, m[start])
		}
	}
	return found
}

// checkUsed fails for keys with which no command of the page begins.
func checkUsed[V any](t *testing.T, page *Page, m map[string]V) {
	t.Helper()
	for start := range m {
		if !slices.ContainsFunc(page.Steps, func(s Step) bool { return strings.HasPrefix(s.Command, start) }) {
			t.Errorf("%s has no command that begins with %q", page.path, start)
		}
	}
}

func hasError(lines []string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "Error: ")
	})
}

// Helm returns the path of a Helm, 3 or 4. It skips the test if there is none.
func Helm(t testing.TB, version string) string {
	t.Helper()
	path := os.Getenv("SPACES_IDENTITY_HELM" + version)
	if path == "" {
		t.Skip("needs the Helms: run make test")
	}
	return path
}
