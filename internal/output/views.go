package output

import (
	"fmt"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// ExplainView shows whether a service account would get a role, and why.
type ExplainView struct{ desired.Explanation }

// Kind returns the kind in JSON and YAML.
func (ExplainView) Kind() string { return "Explanation" }

// Data returns the fields of JSON and YAML.
func (v ExplainView) Data() any { return v.Explanation }

var verdictColours = map[iam.Verdict]Colour{iam.Allowed: Green, iam.Denied: Red, iam.CannotEvaluate: Magenta}

// Text writes the verdict. For each way to the role, it writes which statement or
// condition decides.
func (v ExplainView) Text(p *Page) {
	verdict := func(d iam.Verdict) string { return p.Paint(verdictColours[d], string(d)) }
	p.Prose(0, fmt.Sprintf("%s: service account %s in namespace %s, role %s", verdict(v.Verdict), v.ServiceAccount, v.Namespace, v.Role))
	p.Prose(0, fmt.Sprintf("by %s (component %s)", v.Policy, v.Component))
	for _, w := range v.Ways {
		p.Blank()
		p.Line("%s on cluster %s (%s): %s", w.Mechanism, w.Cluster, w.Action, verdict(w.Verdict))
		p.Prose(1, w.Reason)
		if len(w.Changes) > 0 {
			p.Line("  It would be allowed if:")
		}
		for _, change := range w.Changes {
			p.Prose(2, "- "+change)
		}
	}
	for _, note := range v.Notes {
		p.Note(Cyan, "note", note)
	}
}

// VersionView shows the version of the program.
type VersionView struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"` // of the source, with -dirty if files differed, or unknown
	Go       string `json:"goVersion"`
	Platform string `json:"platform"` // operating system/architecture
}

// Kind returns the kind in JSON and YAML.
func (VersionView) Kind() string { return "Version" }

// Text writes one line.
func (v VersionView) Text(p *Page) {
	p.Line("spaces-identity %s (%s, %s)", v.Version, v.Go, v.Platform)
}

// Reach returns what a pattern of namespaces admits, a line for each namespace.
func Reach(r desired.Reach) string {
	var b strings.Builder
	fmt.Fprintf(&b, "match %s admits every namespace like %s", r.Match, r.Pattern)
	if len(r.Covers) > 0 {
		fmt.Fprintf(&b, ": %d of the known control planes, and any other namespace of that form", len(r.Covers))
	}
	b.WriteByte('\n')
	for _, ns := range r.Misses {
		fmt.Fprintf(&b, "  not admitted: %s\n", ns)
	}
	for _, ns := range r.Beyond {
		fmt.Fprintf(&b, "  also admitted, for example: %s\n", ns)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", w)
	}
	return b.String()
}
