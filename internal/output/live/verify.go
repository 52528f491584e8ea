package live

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/verify"
)

// VerifyView shows the checks of each control plane and component.
type VerifyView struct {
	Result verify.Result
	When   time.Time // shown by the page only, so that JSON can be compared; zero if it is not known
}

// Kind returns the kind in JSON and YAML.
func (VerifyView) Kind() string { return "Verification" }

// Data returns the fields of JSON and YAML.
func (v VerifyView) Data() any { return v.Result }

var stateColours = map[verify.State]output.Colour{verify.OK: output.Green, verify.Fails: output.Red,
	verify.Warns: output.Yellow, verify.Unknown: output.Magenta}

// Text writes a row for each control plane and component with the numbers of its findings.
// Below, it explains each finding once, names where it was found, and says what to do. A
// wide page has a column for each check.
func (v VerifyView) Text(p *output.Page) {
	findings := v.findings()
	if len(v.Result.Rows) > 0 {
		p.Table(v.table(p, findings))
	}
	writeFindings(p, findings)
	for _, left := range v.Result.LeftOut {
		p.Note(output.Cyan, "left out", fmt.Sprintf("%s (%s)", strings.Join(left.Checks, ", "), left.Reason))
	}
	writeProblems(p, v.Result.Problems)
	counts := map[verify.State]int{}
	for _, row := range v.Result.Rows {
		counts[verify.Worst(row.Checks)]++
	}
	p.Blank()
	p.Line("%d checked: %d ok, %d fail, %d warn, %d unknown", len(v.Result.Rows),
		counts[verify.OK], counts[verify.Fails], counts[verify.Warns], counts[verify.Unknown])
}

// table returns the rows. If the page is wide, it has a column for each check that at least
// one row has.
func (v VerifyView) table(p *output.Page, findings []finding) [][]string {
	header := []string{"NAMESPACE", "COMPONENT", "RESULT"}
	if !p.Wide() {
		header = append(header, "OK", "FINDINGS")
	}
	var checks, namespaces []string
	for _, row := range v.Result.Rows {
		namespaces = append(namespaces, cmp.Or(row.ControlPlane.HostNamespace, row.ControlPlane.String()))
	}
	for _, name := range verify.RowNames {
		if p.Wide() && slices.ContainsFunc(v.Result.Rows, func(r verify.Row) bool { return stateOf(r, name) != "" }) {
			checks, header = append(checks, name), append(header, verify.Column(name))
		}
	}
	rows := [][]string{header}
	namespaces, numbers := p.Shorten(namespaces), numbersByCause(findings)
	for i, row := range v.Result.Rows {
		cells := []string{namespaces[i], cmp.Or(row.Component, "-"), paintState(p, verify.Worst(row.Checks))}
		if !p.Wide() {
			cells = append(cells, okCount(row), cmp.Or(numbersOf(numbers, row), "-"))
		}
		for _, name := range checks {
			cells = append(cells, paintState(p, stateOf(row, name)))
		}
		rows = append(rows, cells)
	}
	return rows
}

// okCount returns how many checks of the row are ok, such as 9/11.
func okCount(row verify.Row) string {
	ok := 0
	for _, c := range row.Checks {
		if c.State == verify.OK {
			ok++
		}
	}
	return fmt.Sprintf("%d/%d", ok, len(row.Checks))
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

// finding is a check that is not ok, wherever it was found with the same cause and fix.
type finding struct {
	number int
	cause  string // see [causeOf]
	verify.Check
	places []string
	rows   []verify.Row // of the places
}

// findings returns the checks that are not ok. It numbers them in the order in which they
// appear, the common ones first.
func (v VerifyView) findings() []finding {
	type found struct {
		verify.Check
		row verify.Row
	}
	var all []found
	for _, row := range v.allRows() {
		for _, c := range row.Checks {
			if c.State != verify.OK {
				all = append(all, found{c, row})
			}
		}
	}
	var findings []finding
	for i, same := range output.Group(all, func(f found) string { return causeOf(f.Check, f.row) }) {
		one := finding{number: i + 1, cause: causeOf(same[0].Check, same[0].row), Check: same[0].Check}
		for _, f := range same {
			place := placeName(f.row)
			if f.Object != "" {
				place += " (" + f.Object + ")"
			}
			one.places, one.rows = append(one.places, place), append(one.rows, f.row)
		}
		findings = append(findings, one)
	}
	return findings
}

// causeOf returns what findings of the same cause and fix have in common: the text without
// the names of the place.
func causeOf(c verify.Check, row verify.Row) string {
	_, object, _ := strings.Cut(c.Object, " ")
	text := fmt.Sprintf("%s %s %s\n%s", c.State, c.Name, c.Detail, c.Fix)
	for _, name := range []string{row.ControlPlane.HostNamespace, object} {
		if name != "" {
			text = strings.ReplaceAll(text, name, "…")
		}
	}
	return text
}

// numbersByCause returns the numbers of the findings by their causes.
func numbersByCause(findings []finding) map[string]int {
	numbers := map[string]int{}
	for _, f := range findings {
		numbers[f.cause] = f.number
	}
	return numbers
}

// numbersOf returns the numbers of the findings of a row.
func numbersOf(byCause map[string]int, row verify.Row) string {
	var numbers []string
	for _, c := range row.Checks {
		if c.State != verify.OK {
			numbers = append(numbers, strconv.Itoa(byCause[causeOf(c, row)]))
		}
	}
	return strings.Join(numbers, ", ")
}

// writeFindings writes each finding with its places and what to do. If it was found in
// several places, a command in the fix is for the first of them.
func writeFindings(p *output.Page, findings []finding) {
	for _, f := range findings {
		p.Blank()
		p.Prose(0, fmt.Sprintf("%d %s %s: %s", f.number, paintState(p, f.State), f.Name, f.Detail))
		writePlaces(p, f.places)
		if f.Fix != "" {
			p.Prose(1, "fix: "+f.Fix)
		}
	}
}

// shownPlaces is how many places of a finding a page lists if it is not wide.
const shownPlaces = 10

// writePlaces writes a line for each place. It never cuts a name.
func writePlaces(p *output.Page, places []string) {
	shown := places
	if !p.Wide() && len(places) > shownPlaces+1 {
		shown = places[:shownPlaces]
	}
	for _, place := range shown {
		p.Line("    %s", place)
	}
	if more := len(places) - len(shown); more > 0 {
		p.Line("    and %d more, which -o wide lists", more)
	}
}

func (v VerifyView) allRows() []verify.Row { return slices.Concat(v.Result.Common, v.Result.Rows) }

func placeName(row verify.Row) string {
	return strings.Trim(cmp.Or(row.ControlPlane.HostNamespace, row.ControlPlane.String())+"/"+row.Component, "/")
}

var caseStates = map[verify.State]output.CaseState{verify.OK: output.CasePassed, verify.Warns: output.CaseWarned,
	verify.Fails: output.CaseFailed, verify.Unknown: output.CaseUnknown}

// JUnit returns a suite for each control plane and component. A suite of its own has the
// checks that were left out, and another one what could not be read, so that the report
// fails.
func (v VerifyView) JUnit() []output.Suite {
	var all []output.Suite
	for _, row := range v.allRows() {
		suite := output.Suite{Name: placeName(row)}
		for _, c := range row.Checks {
			suite.Add(c.Name, caseStates[c.State], messageOf(c), c.Fix)
		}
		all = append(all, suite)
	}
	for _, left := range v.Result.LeftOut {
		suite := output.Suite{Name: "left out"}
		for _, name := range left.Checks {
			suite.Add(name, output.CaseSkipped, left.Reason, "")
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

func messageOf(c verify.Check) string {
	if c.Object == "" {
		return c.Detail
	}
	return c.Object + ": " + c.Detail
}
