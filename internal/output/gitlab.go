package output

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
)

// codeQuality is a mistake in a Code Quality report of GitLab.
//
// Source: GitLab documentation, "Code Quality", on the report format.
type codeQuality struct {
	Description string              `json:"description"`
	Check       string              `json:"check_name"`
	Fingerprint string              `json:"fingerprint"`
	Severity    string              `json:"severity"` // info, minor, major, critical or blocker
	Location    codeQualityLocation `json:"location"`
}

type codeQualityLocation struct {
	Path  string           `json:"path"` // relative to the repository, with slashes
	Lines codeQualityLines `json:"lines"`
}

type codeQualityLines struct {
	Begin int `json:"begin"`
}

// writeGitLab writes the mistakes as a Code Quality report, which GitLab shows in a merge
// request. The report needs a path: an argument of the command line has that of its flag.
//
// GitLab compares the fingerprints with those of the target branch, and shows two mistakes
// with one fingerprint as one. So a fingerprint contains no line, and counts repetitions.
func writeGitLab(_ *Printer, r Result) ([]byte, error) {
	v, ok := r.(CheckView)
	if !ok {
		return nil, errNoRules
	}
	report := []codeQuality{}
	seen := map[string]int{}
	for _, f := range v.Findings {
		path := filepath.ToSlash(filepath.Clean(f.File))
		key := strings.Join([]string{f.Rule, path, f.Path, f.Problem}, "\x00")
		seen[key]++
		hash := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key]))
		report = append(report, codeQuality{Description: withFix(f), Check: f.Rule,
			Fingerprint: hex.EncodeToString(hash[:16]), Severity: "critical",
			Location: codeQualityLocation{path, codeQualityLines{f.Line}}})
	}
	return Indented(report)
}
