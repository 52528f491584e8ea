package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// name is the name of the project, its plugin and its first program.
const name = "spaces-identity"

// programs are the two programs. The first runs the second.
var programs = []string{name, name + "-live"}

// project is what the files of the repository say about a release.
type project struct {
	root    string
	version string    // of plugin.yaml, such as 0.1.0
	time    time.Time // of every file in an archive
	notes   string    // the section of CHANGELOG.md, in Markdown
	env     map[string]string
}

// undated is the time of files in a version that has no date yet. It is the earliest that
// a zip archive can store.
var undated = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func readProject(root string) (project, error) {
	p := project{root: root}
	text, err := os.ReadFile(filepath.Join(root, "plugin.yaml"))
	if err != nil {
		return p, err
	}
	found := regexp.MustCompile(`(?m)^version: *(\d+\.\d+\.\d+\S*)$`).FindSubmatch(text)
	if found == nil {
		return p, errors.New("plugin.yaml has no version")
	}
	p.version = string(found[1])
	if p.notes, p.time, err = changes(root, p.version); err != nil {
		return p, err
	}
	p.env, err = readEnv(filepath.Join(root, "release.env"))
	return p, err
}

// changes returns the section of CHANGELOG.md about a version, and the version's date. The
// format is that of https://keepachangelog.com/en/1.1.0/.
func changes(root, version string) (string, time.Time, error) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return "", undated, err
	}
	for section := range strings.SplitSeq("\n"+string(text), "\n## ") {
		heading, body, _ := strings.Cut(section, "\n")
		date, ok := strings.CutPrefix(heading, "["+version+"]")
		if !ok {
			continue
		}
		body = strings.TrimSpace(body) + "\n"
		date = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(date), "-"))
		if date == "" || date == "unreleased" {
			return body, undated, nil
		}
		day, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return "", undated, fmt.Errorf("CHANGELOG.md: the date of version %s: %w", version, err)
		}
		return body, day, nil
	}
	return "", undated, fmt.Errorf("CHANGELOG.md has no section ## [%s]", version)
}

// readEnv reads lines of the form NAME=VALUE, as a shell does that sources the file.
// Values have neither quotes nor spaces.
func readEnv(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.ContainsAny(value, " \"'$") {
			return nil, fmt.Errorf("%s:%d: want NAME=VALUE without quotes and spaces", path, n)
		}
		values[key] = value
	}
	return values, lines.Err()
}
