package live

import (
	"cmp"
	"fmt"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/restart"
)

// RestartView shows what happened to each workload whose pods lack the identity.
type RestartView struct{ Steps []restart.Step }

// Kind returns the kind in JSON and YAML.
func (RestartView) Kind() string { return "RestartResult" }

// Data returns the fields of JSON and YAML.
func (v RestartView) Data() any {
	return struct {
		Steps []restart.Step `json:"steps"`
	}{v.Steps}
}

var stepColours = map[restart.Outcome]output.Colour{restart.Restarted: output.Green, restart.Annotated: output.Green,
	restart.WouldRestart: output.Cyan, restart.Left: output.Yellow, restart.Failed: output.Red}

// Text lists the workloads. Below, it gives each reason once.
func (v RestartView) Text(p *output.Page) {
	if len(v.Steps) == 0 {
		p.Line("Every pod has its identity: nothing to restart.")
		return
	}
	rows := [][]string{{"NAMESPACE", "COMPONENT", "WORKLOAD", "OUTCOME"}}
	var namespaces []string
	for _, s := range v.Steps {
		namespaces = append(namespaces, s.Namespace)
	}
	namespaces = p.Shorten(namespaces)
	for i, s := range v.Steps {
		rows = append(rows, []string{namespaces[i], s.Component, cmp.Or(s.Workload, "-"), p.Paint(stepColours[s.Outcome], string(s.Outcome))})
	}
	p.Table(rows)
	for _, same := range output.Group(v.Steps, func(s restart.Step) string { return string(s.Outcome) + s.Reason }) {
		s := same[0]
		p.Remark(fmt.Sprintf("%s %s/%s", p.Paint(stepColours[s.Outcome], string(s.Outcome)), s.Namespace, s.Component), len(same)-1, s.Reason, "")
	}
}
