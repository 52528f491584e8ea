// Package complete reads the names that a shell completes from the files of other
// tools. It needs no client of theirs. A file that cannot be read has no names.
package complete

import (
	"bufio"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Contexts returns the names of the contexts in kubeconfig files, sorted.
func Contexts(files []string) []string {
	var names []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var kubeconfig struct {
			Contexts []struct{ Name string }
		}
		if yaml.Unmarshal(content, &kubeconfig) != nil {
			continue
		}
		for _, c := range kubeconfig.Contexts {
			names = append(names, c.Name)
		}
	}
	return sorted(names)
}

// Profiles returns the names of the profiles in AWS's config file, in sections
// "profile NAME" and "default", and in its credentials file, in sections "NAME".
// They are sorted.
//
// Source: AWS CLI User Guide, "Configuration and credential file settings".
func Profiles(configFile, credentialsFile string) []string {
	var names []string
	for _, section := range sections(configFile) {
		if name, ok := strings.CutPrefix(section, "profile "); ok || section == "default" {
			names = append(names, strings.Trim(name, ` "'`))
		}
	}
	return sorted(append(names, sections(credentialsFile)...))
}

// sections returns the names in brackets at the beginning of lines.
func sections(file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "["); ok {
			name, _, _ := strings.Cut(rest, "]")
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
