package live

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/verify"
)

// VerifyView shows the checks of each control plane and component.
type VerifyView struct{ Result verify.Result }

// Kind returns the kind in JSON and YAML.
func (VerifyView) Kind() string { return "Verification" }

// Data returns the fields of JSON and YAML.
func (v VerifyView) Data() any {
	return struct {
		Common   []verify.Row `json:"common"`
		Rows     []verify.Row `json:"rows"`
		Problems []string     `json:"problems"`
	}{v.Result.Common, v.Result.Rows, v.Result.Problems}
}

var stateColours = map[verify.State]output.Colour{verify.OK: output.Green, verify.Fails: output.Red,
	verify.Warns: output.Yellow, verify.Unknown: output.Magenta}

// Text writes a row for each control plane and component, then each problem once with
// what to do about it, and the counts.
func (v VerifyView) Text(p *output.Page) {
	if len(v.Result.Rows) > 0 {
		p.Table(v.table(p))
	}
	v.remarks(p)
	writeProblems(p, v.Result.Problems)
	counts := map[verify.State]int{}
	for _, row := range v.Result.Rows {
		counts[worst(row)]++
	}
	p.Blank()
	p.Line("%d checked: %d ok, %d fail, %d warn, %d unknown", len(v.Result.Rows),
		counts[verify.OK], counts[verify.Fails], counts[verify.Warns], counts[verify.Unknown])
}

// table returns the rows. It has a column for each check that at least one row has.
func (v VerifyView) table(p *output.Page) [][]string {
	header := []string{"NAMESPACE", "COMPONENT"}
	var checks, namespaces []string
	for _, row := range v.Result.Rows {
		namespaces = append(namespaces, row.ControlPlane.HostNamespace)
	}
	for _, name := range verify.RowNames {
		if slices.ContainsFunc(v.Result.Rows, func(r verify.Row) bool { return stateOf(r, name) != "" }) {
			checks, header = append(checks, name), append(header, verify.Column(name))
		}
	}
	rows := [][]string{header}
	namespaces = p.Shorten(namespaces)
	for i, row := range v.Result.Rows {
		cells := []string{namespaces[i], row.Component}
		for _, name := range checks {
			cells = append(cells, paintState(p, stateOf(row, name)))
		}
		rows = append(rows, cells)
	}
	return rows
}

func paintState(p *output.Page, s verify.State) string {
	if s == "" {
		return "-"
	}
	return p.Paint(stateColours[s], string(s))
}

// stateOf returns the state of a check, or nothing if the row does not have the check.
func stateOf(row verify.Row, name string) verify.State {
	for _, c := range row.Checks {
		if c.Name == name {
			return c.State
		}
	}
	return ""
}

// worst returns the state of a row as a whole.
func worst(row verify.Row) verify.State {
	for _, s := range []verify.State{verify.Fails, verify.Unknown, verify.Warns} {
		if slices.ContainsFunc(row.Checks, func(c verify.Check) bool { return c.State == s }) {
			return s
		}
	}
	return verify.OK
}

// problem is a check that is not ok, with its component and place.
type problem struct {
	verify.Check
	component, place string
}

// remarks shows the checks that are not ok. It shows a problem of many control planes
// once, for the first of them.
func (v VerifyView) remarks(p *output.Page) {
	var all []problem
	for _, row := range v.allRows() {
		for _, c := range row.Checks {
			if c.State != verify.OK {
				all = append(all, problem{c, row.Component, placeName(row)})
			}
		}
	}
	for _, same := range output.Group(all, func(f problem) string { return fmt.Sprint(f.State, f.Name, f.component, f.Fix) }) {
		f := same[0]
		p.Remark(fmt.Sprintf("%s %s, %s", paintState(p, f.State), f.Name, f.place), len(same)-1, f.Detail, f.Fix)
	}
}

func (v VerifyView) allRows() []verify.Row { return slices.Concat(v.Result.Common, v.Result.Rows) }

func placeName(row verify.Row) string {
	return strings.Trim(row.ControlPlane.HostNamespace+"/"+row.Component, "/")
}

var caseStates = map[verify.State]output.CaseState{verify.OK: output.CasePassed, verify.Warns: output.CaseWarned,
	verify.Fails: output.CaseFailed, verify.Unknown: output.CaseUnknown}

// JUnit returns a suite for each control plane and component. A suite of its own has what
// could not be read, so that the report fails.
func (v VerifyView) JUnit() []output.Suite {
	var all []output.Suite
	for _, row := range v.allRows() {
		suite := output.Suite{Name: placeName(row)}
		for _, c := range row.Checks {
			suite.Add(c.Name, caseStates[c.State], c.Detail, c.Fix)
		}
		all = append(all, suite)
	}
	if len(v.Result.Problems) > 0 {
		suite := output.Suite{Name: "not read"}
		for _, problem := range v.Result.Problems {
			suite.Add(problem, output.CaseUnknown, problem, "")
		}
		all = append(all, suite)
	}
	return all
}
