package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
	"spaces-identity.dev/internal/export"
)

// shownCommand matches a command of this program in a page, and the output below it.
const shownCommand = "(?m)^\\$ spaces-identity (.+)\n((?:[^$`].*\n)*)"

// TestExportExamplesAreCurrent runs the commands that the pages of the examples show, and
// compares their output with the page, and their files with those beside the page.
func TestExportExamplesAreCurrent(t *testing.T) {
	for example, want := range map[string]int{"export": len(export.Forms()), "terraform-helm": 1} {
		t.Run(example, func(t *testing.T) {
			committed, err := filepath.Abs(filepath.Join("../../examples", example))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "spaces-identity.yaml"), read(t, filepath.Join(committed, "spaces-identity.yaml")))
			t.Chdir(dir)
			commands := regexp.MustCompile(shownCommand).FindAllStringSubmatch(read(t, filepath.Join(committed, "README.md")), -1)
			for _, command := range commands {
				status, out := runShown(t, strings.Fields(command[1]))
				if d := cmp.Diff(command[2], out); d != "" || status != 0 {
					t.Errorf("%s: exit status %d, output (-page +got):\n%s", command[1], status, d)
				}
			}
			if len(commands) != want {
				t.Errorf("the page shows %d commands, want %d", len(commands), want)
			}
			compareFiles(t, committed, dir)
		})
	}
}

// runShown runs a command of a page, and returns what it prints.
func runShown(t *testing.T, args []string) (status int, out string) {
	t.Helper()
	var text bytes.Buffer
	env := cli.Env{In: strings.NewReader(""), Out: &text, Err: &text, Live: live.Run,
		Getenv: func(string) string { return "" }, Terminal: func(any) bool { return false }}
	status = int(cli.Run(t.Context(), env, args))
	return status, text.String()
}

// compareFiles compares the files that a command wrote with the committed ones. With
// -update it replaces these.
func compareFiles(t *testing.T, committed, written string) {
	t.Helper()
	entries, err := os.ReadDir(written)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got, path := read(t, filepath.Join(written, entry.Name())), filepath.Join(committed, entry.Name())
		if *update {
			write(t, path, got)
		}
		if d := cmp.Diff(read(t, path), got); d != "" {
			t.Errorf("%s is not current; go test -update writes it (-want +got):\n%s", path, d)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
