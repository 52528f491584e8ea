// Package complete reads names for shell completion from the files of kubectl and the AWS
// CLI. A file that cannot be read has no names.
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
	return sortedNames(names)
}

// Profiles returns the sorted names of the profiles of the AWS CLI. Its config file has
// sections "profile NAME" and "default", its credentials file has sections "NAME".
//
// Source: AWS CLI User Guide, "Configuration and credential file settings".
func Profiles(configFile, credentialsFile string) []string {
	var names []string
	for _, section := range sectionNames(configFile) {
		if name, ok := strings.CutPrefix(section, "profile "); ok || section == "default" {
			names = append(names, strings.Trim(name, ` "'`))
		}
	}
	return sortedNames(append(names, sectionNames(credentialsFile)...))
}

// sectionNames returns the names in brackets at the start of lines.
func sectionNames(file string) []string {
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

func sortedNames(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
