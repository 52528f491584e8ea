package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// pageBlock matches a block of a page that a test uses: a file to write, or commands to run
// with what they print.
var pageBlock = regexp.MustCompile("(?s)<!-- (file: (\\S+)|run) -->\n```[a-z]*\n(.*?)```\n")

// TestPagesShowWhatCommandsPrint runs the marked commands of each page in docs, in a
// directory with the marked files. The order is that of the page, so a file can replace an
// earlier one. A line of a page that is only … stands for any lines.
func TestPagesShowWhatCommandsPrint(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var ran atomic.Int32
	t.Cleanup(func() { // the scripts have ended
		if ran.Load() == 0 {
			t.Error("no page has a command that is marked with <!-- run -->")
		}
	})
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, page, &ran) })
	}
}

// runPage runs the marked commands of a page. With -update it writes what they print.
func runPage(t *testing.T, page string, ran *atomic.Int32) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := pageBlock.FindAllStringSubmatch(string(content), -1)
	if len(blocks) == 0 {
		return
	}
	run := func(ts *testscript.TestScript, _ bool, _ []string) {
		for _, block := range blocks {
			if block[2] != "" {
				ts.Check(os.WriteFile(ts.MkAbs(block[2]), []byte(block[3]), 0o600))
				continue
			}
			ran.Add(1)
			printed := runBlock(ts, block[3])
			switch diff := cmp.Diff(block[3], printed); {
			case diff == "" || isShortened(block[3], printed):
			case *update:
				content = bytes.Replace(content, []byte(block[3]), []byte(printed), 1)
			default:
				ts.Fatalf("%s; run with -update (-page +printed):\n%s", page, diff)
			}
		}
	}
	script := filepath.Join(t.TempDir(), "page.txtar")
	if err := os.WriteFile(script, []byte("page\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if *update {
		t.Cleanup(func() { // the script has ended
			if err := os.WriteFile(page, content, 0o644); err != nil {
				t.Error(err)
			}
		})
	}
	testscript.Run(t, testscript.Params{Files: []string{script}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"page": run}})
}

// runBlock returns the commands of a block with what they print.
func runBlock(ts *testscript.TestScript, block string) string {
	var got strings.Builder
	for _, command := range commandsOf(block) {
		fmt.Fprintf(&got, "$ %s\n", command)
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = ts.Getenv("WORK")
		cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("WORK")}
		out, err := cmd.CombinedOutput() // a status that is not 0 is part of some examples
		if err != nil && cmd.ProcessState == nil {
			ts.Fatalf("%v", err)
		}
		got.Write(out)
	}
	return got.String()
}

// isShortened reports whether the block is what was printed, with lines … for other lines.
func isShortened(block, printed string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(block), "\n…\n", "\n(?s:.*)\n")
	return regexp.MustCompile("^" + pattern + "$").MatchString(printed)
}

// commandsOf returns the commands of a block: the lines after "$ ". A command goes on after
// a line that ends in a pipe or a backslash.
func commandsOf(block string) []string {
	var commands []string
	continues := false
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		switch text, isCommand := strings.CutPrefix(line, "$ "); {
		case isCommand:
			commands = append(commands, text)
		case continues:
			commands[len(commands)-1] += "\n" + line
		default:
			continue
		}
		continues = strings.HasSuffix(line, "|") || strings.HasSuffix(line, `\`)
	}
	return commands
}
