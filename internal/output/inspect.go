package output

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
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
		Places   []identity.Place  `json:"places"`
	}{v.Result.Findings, v.Result.Warnings, v.Result.Advice}
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
			rows = append(rows, []string{outcome, f.Component, fmt.Sprint(f.Line), visible(ObjectName(f), ""), string(f.Place), visible(f.Path+newValue(f), "")})
		}
		p.Table(rows)
	}
	v.reasons(p)
	for _, warning := range v.Result.Warnings {
		p.Note(Yellow, "warning", visible(warning, "\n"))
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
			p.Remark(fmt.Sprintf("%s, line %d", p.Paint(outcomeColours[f.Outcome], string(f.Outcome)), f.Line), len(same)-1, visible(f.Reason, "\n"), "")
		}
	}
}

// places shows the lines for the config that describe unrecognised texts.
func (v InspectView) places(p *Page) {
	if len(v.Result.Advice) == 0 {
		return
	}
	p.Blank()
	p.Prose(0, "If an unrecognised text sets the identity, describe its place in the config:")
	p.Blank()
	p.Line("  places:")
	for _, a := range v.Result.Advice {
		if a.Component = cmp.Or(a.Component, "NAME"); !v.Several {
			a.Component = ""
		}
		p.Line("  - {%s}", placeFields(a))
	}
}

// placeFields returns the fields of a place as those of a YAML mapping on one line.
func placeFields(a identity.Place) string {
	var fields []string
	for _, f := range [][2]string{
		{"kind", a.Kind}, {"name", yamlName(a.Name)}, {"path", "'" + strings.ReplaceAll(a.Path.String(), "'", "''") + "'"},
		{"encoding", a.Encoding}, {"holds", a.Holds}, {"component", a.Component},
	} {
		if f[1] != "" {
			fields = append(fields, f[0]+": "+f[1])
		}
	}
	return strings.Join(fields, ", ")
}

// yamlName returns the name of an object as YAML. Without quotes, a number or a word such
// as yes would not be a string.
func yamlName(name string) string {
	if name[0] < 'a' || slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, name) {
		return "'" + name + "'"
	}
	return name
}
