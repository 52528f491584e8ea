package live

import (
	"cmp"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/space"
)

// DiscoveryView shows the control planes of a host cluster.
type DiscoveryView struct {
	Discovery space.Discovery
	Copies    []Copy
}

// Copy is a service account of a component that vcluster has copied to a host namespace.
type Copy struct {
	Component      string `json:"component"`
	HostNamespace  string `json:"hostNamespace"`
	ServiceAccount string `json:"serviceAccount"` // its name on the host
	Namespace      string `json:"namespace"`      // of the original inside the control plane
	Expected       bool   `json:"expected"`       // whether the config expects this name
}

// Kind returns the kind in JSON and YAML.
func (DiscoveryView) Kind() string { return "Discovery" }

// Data returns the fields of JSON and YAML.
func (v DiscoveryView) Data() any {
	return struct {
		ControlPlanes []space.ControlPlane `json:"controlPlanes"`
		Copies        []Copy               `json:"copies,omitempty"`
		Problems      []string             `json:"problems"` // sources that could not be read
	}{v.Discovery.ControlPlanes, v.Copies, v.problems()}
}

func (v DiscoveryView) problems() []string {
	var all []string
	for _, p := range v.Discovery.Problems {
		all = append(all, p.Error())
	}
	return all
}

// Text lists the control planes. Below, it explains uncertain ones and lists what could
// not be read. It never shortens host namespaces, because users copy them into the config.
func (v DiscoveryView) Text(p *output.Page) {
	rows := [][]string{{"HOST NAMESPACE", "CONTROL PLANE", "FOUND IN", "NOTE"}}
	uncertain := false
	for _, plane := range v.Discovery.ControlPlanes {
		note := ""
		switch {
		case plane.HostNamespace == "":
			note = "no host namespace yet"
		case !plane.Certain:
			note, uncertain = p.Paint(output.Yellow, "uncertain"), true
		}
		name := strings.Trim(plane.Namespace+"/"+plane.Name, "/")
		rows = append(rows, []string{cmp.Or(plane.HostNamespace, "-"), cmp.Or(name, "-"), strings.Join(identity.Words(plane.Sources), ", "), note})
	}
	if len(rows) == 1 {
		p.Line("No control planes were found.")
	} else {
		p.Table(rows)
	}
	if uncertain {
		p.Blank()
		p.Prose(0, "uncertain: only the name of a ServiceAccount suggests a control plane. If it is one, list its host namespace under controlPlanes.namespaces.")
	}
	v.copies(p)
	writeProblems(p, v.problems())
}

// copies says once how each service account is called on the host.
func (v DiscoveryView) copies(p *output.Page) {
	for _, same := range output.Group(v.Copies, func(c Copy) string { return c.Component + " " + c.ServiceAccount }) {
		c := same[0]
		p.Blank()
		p.Prose(0, fmt.Sprintf("%s: on the host its service account is called %s in %s, because it is in the namespace %s inside the control plane.",
			c.Component, c.ServiceAccount, output.Count(len(same), "host namespace"), c.Namespace))
		if !c.Expected {
			p.Prose(0, p.Paint(output.Yellow, "The config expects another name")+": correct components[].syncedFrom.")
		}
	}
}

// writeProblems lists what could not be read.
func writeProblems(p *output.Page, problems []string) {
	for _, problem := range problems {
		p.Note(output.Magenta, "not read", problem)
	}
}
