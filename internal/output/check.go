package output

import (
	"fmt"

	"spaces-identity.dev/internal/check"
)

// CheckView shows the mistakes that rules found in files.
type CheckView struct {
	check.Report
	Version string // of the program, for SARIF
}

// Kind returns the kind in JSON and YAML.
func (CheckView) Kind() string { return "Check" }

// Data returns the fields of JSON and YAML.
func (v CheckView) Data() any { return v.Report }

// Text lists the mistakes, each with what to do about it.
func (v CheckView) Text(p *Page) {
	for _, f := range v.Fixed {
		p.Prose(0, fmt.Sprintf("%s: %s: %s", placeOf(f), p.Paint(Green, "fixed "+f.Rule), sentence(f)))
	}
	for _, f := range v.Findings {
		p.Blank()
		p.Prose(0, fmt.Sprintf("%s: %s: %s", placeOf(f), p.Paint(Red, f.Rule), sentence(f)))
		p.Prose(1, "fix: "+visible(f.Fix, ""))
	}
	if len(v.Findings)+len(v.Fixed) > 0 {
		p.Blank()
	}
	switch fixable := v.fixable(); {
	case len(v.Findings) == 0:
		p.Line("No mistakes in %s.", v.checked())
	case fixable > 0:
		p.Line("%s in %s; `spaces-identity check --fix` corrects %d.", Count(len(v.Findings), "mistake"), v.checked(), fixable)
	default:
		p.Line("%s in %s.", Count(len(v.Findings), "mistake"), v.checked())
	}
}

func (v CheckView) fixable() int {
	n := 0
	for _, f := range v.Findings {
		if f.Fixable {
			n++
		}
	}
	return n
}

// checked says how much was checked.
func (v CheckView) checked() string {
	if len(v.Checked) == 0 {
		return "the arguments"
	}
	return Count(len(v.Checked), "file")
}

// sentence returns the path and the problem of a finding.
func sentence(f check.Finding) string {
	if f.Path == "" {
		return visible(f.Problem, "")
	}
	return visible(f.Path+": "+f.Problem, "")
}

// withFix returns the path, the problem and the fix of a finding in one line.
func withFix(f check.Finding) string { return sentence(f) + ". Fix: " + visible(f.Fix, "") }

// placeOf returns the place of a finding: file:line:column or, for an argument, its flag
// with its number and the column.
func placeOf(f check.Finding) string {
	return fmt.Sprintf("%s:%d:%d", visible(f.File, ""), f.Line, f.Column)
}
