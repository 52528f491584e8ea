package main

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
)

// skipList names the tests that may be skipped in continuous integration.
//
//go:embed skips.txt
var skipList string

// permitted is a line of the list. The name of the test is a pattern of path.Match.
type permitted struct {
	name   testName
	reason string
}

// parseList reads lines of the form "package test reason". Lines that begin with # are
// comments.
func parseList(text string) ([]permitted, error) {
	var list []permitted
	for number, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pkg, rest, _ := strings.Cut(line, " ")
		test, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
		reason = strings.TrimSpace(reason)
		if _, err := path.Match(test, ""); err != nil || reason == "" {
			return nil, fmt.Errorf("skips.txt:%d: %q is not a package, a test and a reason", number+1, line)
		}
		list = append(list, permitted{testName{pkg, test}, reason})
	}
	return list, nil
}

// find returns the line that permits to skip a test.
func find(list []permitted, name testName) (permitted, bool) {
	for _, p := range list {
		if match, _ := path.Match(p.name.test, name.test); match && p.name.pkg == name.pkg {
			return p, true
		}
	}
	return permitted{}, false
}
