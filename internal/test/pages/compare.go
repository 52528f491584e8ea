package pages

import (
	"regexp"
	"strings"
)

// varying are the values that are not the same in each run. A value in the page and a value
// in the output are equal if the same pattern matches both.
var varying = []*regexp.Regexp{
	// Helm 4 parses and prints a render again, so its lines have other numbers.
	regexp.MustCompile(`^@@ -\d+,\d+ \+\d+,\d+ @@`),
	// The two Helms compute another checksum of a template.
	regexp.MustCompile(`checksum/values: [0-9a-f]{64}$`),
	regexp.MustCompile(`\bin \d+s$`),
	// Kubernetes adds a random suffix to the names of pods.
	regexp.MustCompile(`\bmxp-controller-[0-9a-f]+-[0-9a-z]{5}\b`),
	// A page has no spaces at the ends of its lines.
	regexp.MustCompile(`\s+$`),
}

// Matches reports whether the output of a command is what a page shows.
func Matches(shown, got []string) bool {
	for i, line := range shown {
		if strings.HasPrefix(line, elision) {
			return matchesLater(shown[i+1:], got[min(i, len(got)):])
		}
		if i >= len(got) || plain(line) != plain(got[i]) {
			return false
		}
	}
	return len(shown) == len(got)
}

// matchesLater reports whether output matches after one or more of its first lines.
func matchesLater(shown, got []string) bool {
	for n := 1; n <= len(got); n++ {
		if Matches(shown, got[n:]) {
			return true
		}
	}
	return false
}

// plain returns a line without its varying values.
func plain(line string) string {
	for _, v := range varying {
		line = v.ReplaceAllString(line, "")
	}
	return line
}
