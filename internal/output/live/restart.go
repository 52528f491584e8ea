package live

import (
	"cmp"
	"fmt"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/restart"
)

// RestartView shows what happened to each workload whose pods lack the identity.
type RestartView struct{ Result restart.Result }

// Kind returns the kind in JSON and YAML.
func (RestartView) Kind() string { return "RestartResult" }

// Data returns the fields of JSON and YAML.
func (v RestartView) Data() any { return v.Result }

var stepColours = map[restart.Outcome]output.Colour{restart.Restarted: output.Green, restart.Annotated: output.Green, restart.Healthy: output.Green,
	restart.WouldRestart: output.Cyan, restart.Left: output.Yellow, restart.Unknown: output.Magenta, restart.Failed: output.Red}

// Text lists the workloads. Below, it gives each reason once with the workloads that have
// it, and then the control planes that the config does not cover.
func (v RestartView) Text(p *output.Page) {
	switch {
	case len(v.Result.Steps) > 0:
		v.steps(p)
	case v.Result.Pods == 0:
		p.Line("There is no pod to look at in %s.", v.where())
	default:
		p.Line("%s in %s: each has its identity, nothing to restart.", output.Count(v.Result.Pods, "pod"), v.where())
	}
	for _, plane := range v.Result.Deleting {
		p.Note(output.Cyan, "left out", fmt.Sprintf("the control plane %s (host namespace %s) is being deleted", plane, plane.HostNamespace))
	}
	for _, plane := range v.Result.OutOfScope {
		text := fmt.Sprintf("the config does not cover the control plane %s (host namespace %s); ignore this if another config covers it", plane, plane.HostNamespace)
		if plane.HostNamespace == "" {
			text = fmt.Sprintf("the control plane %s has no host namespace yet; run `spaces-identity restart` again when it has one", plane)
		}
		p.Note(output.Yellow, "warning", text)
	}
	writeProblems(p, v.Result.Problems)
}

// where says where pods were looked for.
func (v RestartView) where() string {
	text := output.Count(v.Result.ControlPlanes, "control plane")
	if v.Result.Namespaces > 0 {
		text += " and " + output.Count(v.Result.Namespaces, "other namespace")
	}
	return text
}

func (v RestartView) steps(p *output.Page) {
	rows := [][]string{{"NAMESPACE", "COMPONENT", "WORKLOAD", "OUTCOME"}}
	var namespaces []string
	for _, s := range v.Result.Steps {
		namespaces = append(namespaces, s.Namespace)
	}
	namespaces = p.Shorten(namespaces)
	for i, s := range v.Result.Steps {
		rows = append(rows, []string{namespaces[i], s.Component, cmp.Or(s.Workload, "-"), p.Paint(stepColours[s.Outcome], string(s.Outcome))})
	}
	p.Table(rows)
	for _, same := range output.Group(v.Result.Steps, func(s restart.Step) string { return string(s.Outcome) + s.Reason }) {
		p.Blank()
		p.Prose(0, fmt.Sprintf("%s: %s", p.Paint(stepColours[same[0].Outcome], string(same[0].Outcome)), same[0].Reason))
		var places []string
		for _, s := range same {
			places = append(places, s.Namespace+"/"+cmp.Or(s.Workload, s.Component))
		}
		writePlaces(p, places)
	}
}
