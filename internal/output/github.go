package output

import (
	"fmt"
	"strings"
)

// writeGitHub writes a workflow command of GitHub Actions for each mistake, which marks the
// line in a pull request.
//
// Source: GitHub documentation, "Workflow commands for GitHub Actions".
func writeGitHub(_ *Printer, r Result) ([]byte, error) {
	v, ok := r.(CheckView)
	if !ok {
		return nil, errNoRules
	}
	var b strings.Builder
	for _, f := range v.Findings {
		place := ""
		if !f.Argument {
			place = fmt.Sprintf("file=%s,line=%d,col=%d,", commandProperty(f.File), f.Line, f.Column)
		}
		fmt.Fprintf(&b, "::error %stitle=%s::%s\n", place, commandProperty(f.Rule), commandText(withFix(f)))
	}
	return []byte(b.String()), nil
}

// commandText escapes a text for a workflow command.
func commandText(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// commandProperty escapes the value of a property, where colons and commas end the value.
func commandProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandText(text))
}
