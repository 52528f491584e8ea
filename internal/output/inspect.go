package output

import (
	"cmp"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/rewrite"
)

// InspectView shows the places of a stream of manifests. As a diff it shows what would
// change.
type InspectView struct {
	Result  *rewrite.Result
	Several bool // the config has several components, so that a place must name its own
}

// Kind returns the kind in JSON and YAML.
func (InspectView) Kind() string { return "Inspection" }

// Data returns the fields of JSON and YAML.
func (v InspectView) Data() any {
	return struct {
		Findings []rewrite.Finding `json:"findings"`
		Warnings []string          `json:"warnings"`
	}{v.Result.Findings, v.Result.Warnings}
}

// Changes returns the documents that would change. The values of Secrets are replaced by
// their sizes.
func (v InspectView) Changes() []rewrite.Change { return v.Result.Changes() }

var outcomeColours = map[rewrite.Outcome]Colour{
	rewrite.Changed: Green, rewrite.Left: Yellow, rewrite.Unrecognised: Magenta,
}

// Text lists the places. Below the table it gives the reasons for places that are left,
// the warnings, and the lines that the config needs for unrecognised texts.
func (v InspectView) Text(p *Page) {
	if len(v.Result.Findings) == 0 {
		p.Line("No place for an identity was found.")
	} else {
		rows := [][]string{{"OUTCOME", "COMPONENT", "LINE", "OBJECT", "PLACE", "PATH"}}
		for _, f := range v.Result.Findings {
			outcome := p.Paint(outcomeColours[f.Outcome], string(f.Outcome))
			rows = append(rows, []string{outcome, f.Component, fmt.Sprint(f.Line), ObjectName(f), string(f.Place), f.Path + newValue(f)})
		}
		p.Table(rows)
	}
	v.reasons(p)
	for _, warning := range v.Result.Warnings {
		p.Blank()
		p.Prose(0, p.Paint(Yellow, "warning:")+" "+warning)
	}
	v.places(p)
}

// ObjectName returns the object of a finding, such as Deployment upbound-system/router.
func ObjectName(f rewrite.Finding) string {
	return strings.TrimSpace(f.Kind + " " + strings.Trim(f.Namespace+"/"+f.Name, "/"))
}

// newValue returns the value that a place would get, and the one it had.
func newValue(f rewrite.Finding) string {
	switch {
	case f.Outcome != rewrite.Changed:
		return ""
	case f.Old != nil:
		return fmt.Sprintf(" = %s (was %s)", f.New, *f.Old)
	}
	return " = " + f.New
}

func (v InspectView) reasons(p *Page) {
	for _, same := range Group(v.Result.Findings, func(f rewrite.Finding) string { return string(f.Outcome) + f.Reason }) {
		if f := same[0]; f.Reason != "" {
			p.Remark(fmt.Sprintf("%s, line %d", p.Paint(outcomeColours[f.Outcome], string(f.Outcome)), f.Line), len(same)-1, f.Reason, "")
		}
	}
}

// places shows the lines for the config that describe unrecognised texts.
func (v InspectView) places(p *Page) {
	var lines []string
	for _, f := range v.Result.Findings {
		if f.Encoding != "" {
			component := ""
			if v.Several {
				component = ", component: " + cmp.Or(f.Component, "NAME")
			}
			lines = append(lines, fmt.Sprintf("  - {kind: %s, name: %s, path: '%s', encoding: %s%s}", f.Kind, f.Name, strings.ReplaceAll(f.Path, "'", "''"), f.Encoding, component))
		}
	}
	if len(lines) == 0 {
		return
	}
	p.Blank()
	p.Prose(0, "If an unrecognised text sets the identity, describe its place in the config:")
	p.Blank()
	p.Line("  places:\n%s", strings.Join(lines, "\n"))
}
