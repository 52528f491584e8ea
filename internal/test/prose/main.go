// Prose checks what people read: the Markdown files, the comments of the Go files
// and the help of every command. It writes the text of each file without code and
// markup below bin/prose and runs Vale on it with the style in .vale:
//
//	go run ./internal/test/prose VALE [PROGRAM]
//
// Errors of the style fail. Long sentences fail if there are too many of them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"spaces-identity.dev/internal/exit"
)

// maxLong is how many of 100 sentences may have more than 25 words.
const maxLong = 5

// outputDir has the text of each file, under its name with .txt. Vale reads only
// text there: in Markdown it drops alerts about sentences that contain code.
const outputDir = "bin/prose"

func main() {
	err := errors.New("usage: prose VALE [PROGRAM]")
	if len(os.Args) > 1 {
		err = check(os.Args[1], os.Args[2:], os.Stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(int(exit.Failed))
	}
}

func check(vale string, programs []string, out io.Writer) error {
	texts, err := repositoryTexts()
	if err != nil {
		return err
	}
	for _, program := range programs {
		if texts["help.md"], err = helpText(program); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(outputDir); err != nil {
		return err
	}
	for path, text := range texts {
		path = filepath.Join(outputDir, path+".txt")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	found, err := runVale(vale, outputDir)
	if err != nil {
		return err
	}
	return report(out, found)
}

// built has the directories whose files are built or installed, not written.
var built = []string{"bin", "dist", "node_modules", "identity-artifacts"}

// repositoryTexts returns the text of every Go and Markdown file of the project, by path.
func repositoryTexts() (map[string]string, error) {
	texts := map[string]string{}
	return texts, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (slices.Contains(built, entry.Name()) || entry.Name()[0] == '.'):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".md":
			return nil
		}
		texts[path], err = textOf(path)
		return err
	})
}

func textOf(path string) (string, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if filepath.Ext(path) == ".md" {
		return plainText(markdownLines(string(source))), nil
	}
	lines, err := commentLines(source)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return plainText(lines), nil
}

// alert is what Vale says about one place.
type alert struct {
	path                            string
	Check, Match, Message, Severity string
	Line                            int
}

// runVale runs Vale on a directory of texts. Its status is not 0 if it has
// something to say, so the output decides.
func runVale(vale, dir string) ([]alert, error) {
	command := exec.Command(vale, "--no-exit", "--output=JSON", "--minAlertLevel=suggestion", dir)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", vale, err, output)
	}
	byPath := map[string][]alert{}
	if err := json.Unmarshal(output, &byPath); err != nil {
		return nil, fmt.Errorf("read Vale's output: %w", err)
	}
	var found []alert
	for path, alerts := range byPath {
		if below, err := filepath.Rel(dir, path); err == nil {
			path = below
		}
		for _, a := range alerts {
			a.path = strings.TrimSuffix(filepath.ToSlash(path), ".txt")
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b alert) int {
		if a.path != b.path {
			return strings.Compare(a.path, b.path)
		}
		return a.Line - b.Line
	})
	return found, nil
}

// report prints the errors, and the long sentences if there are too many. It fails
// if it printed any.
func report(out io.Writer, found []alert) error {
	count := countSeverities(found)
	sentences, long, wrong := count["suggestion"], count["warning"], count["error"]
	tooLong := long*100 > sentences*maxLong
	for _, a := range found {
		if a.Severity == "error" || a.Severity == "warning" && tooLong {
			_, _ = fmt.Fprintf(out, "%s:%d: %s\n", a.path, a.Line, describe(a))
		}
	}
	_, _ = fmt.Fprintf(out, "prose: %d of %d sentences have more than 25 words (%.1f %%; %d %% may)\n",
		long, sentences, 100*float64(long)/float64(max(sentences, 1)), maxLong)
	switch {
	case sentences == 0:
		return errors.New("found no sentence")
	case wrong > 0:
		return fmt.Errorf("%d errors: write what each message says", wrong)
	case tooLong:
		return errors.New("too many long sentences: split some")
	}
	return nil
}

// countSeverities counts errors, warnings (long sentences) and suggestions (all
// sentences).
func countSeverities(found []alert) map[string]int {
	count := map[string]int{}
	for _, a := range found {
		count[a.Severity]++
	}
	return count
}

// describe returns the message with the beginning of a long sentence.
func describe(a alert) string {
	if a.Severity != "warning" {
		return a.Message
	}
	words := strings.Fields(a.Match)
	return fmt.Sprintf("%s %q", a.Message, strings.Join(words[:min(8, len(words))], " ")+" …")
}
