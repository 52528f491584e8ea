package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// headers are the columns of the table, by check.
var headers = map[string]string{ServiceAccount: "ACCOUNT", Workload: "WORKLOAD", Labels: "LABELS", Injected: "INJECTED", Ready: "READY",
	BackupConfig: "CONFIG", LatestBackup: "BACKUP", Trust: "TRUST", Association: "ASSOCIATION"}

// coloured colours the words of a table's cells, once it is laid out: a colour
// has a length for tabwriter and none for the eye.
var coloured = strings.NewReplacer("  ok", "  \x1b[32mok\x1b[0m", "  FAIL", "  \x1b[31mFAIL\x1b[0m",
	"  warn", "  \x1b[33mwarn\x1b[0m", "  ?", "  \x1b[35m?\x1b[0m")

// Table writes the result for people: a row for each control plane and
// component, then what is wrong, each kind once, with the first thing to do.
func (r Result) Table(out io.Writer, colour bool) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(w, r.cells()); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	text := table.String()
	if colour {
		text = coloured.Replace(text)
	}
	_, err := io.WriteString(out, text+r.findings()+r.summary())
	return err
}

// cells are the table's lines, their cells parted by tabs.
func (r Result) cells() string {
	columns := r.columns()
	lines := []string{"NAMESPACE\tCOMPONENT"}
	for _, name := range columns {
		lines[0] += "\t" + headers[name]
	}
	for _, row := range r.Rows {
		line := []string{row.ControlPlane.HostNamespace, row.Component}
		for _, name := range columns {
			line = append(line, word(row.state(name)))
		}
		lines = append(lines, strings.Join(line, "\t"))
	}
	return strings.Join(lines, "\n") + "\n"
}

func word(s State) string {
	switch s {
	case Fails:
		return "FAIL"
	case "":
		return "-"
	case Unknown:
		return "?"
	}
	return string(s)
}

// columns are the checks that some row has.
func (r Result) columns() []string {
	var names []string
	for _, name := range RowNames {
		for _, row := range r.Rows {
			if row.state(name) != "" {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

func (r Row) state(name string) State {
	for _, c := range r.Checks {
		if c.Name == name {
			return c.State
		}
	}
	return ""
}

// finding is one thing to do, and where.
type finding struct {
	state      State
	check, fix string
	detail     string // of the first place
	first      string
	places     int
}

// findings are what is not right, the same thing in many control planes once.
func (r Result) findings() string {
	var order []string
	found := map[string]*finding{}
	for _, row := range append(r.Common, r.Rows...) {
		for _, c := range row.Checks {
			if c.State == OK {
				continue
			}
			k := fmt.Sprint(c.State, c.Name, row.Component, c.Fix)
			if found[k] == nil {
				place := strings.Trim(row.ControlPlane.HostNamespace+"/"+row.Component, "/")
				found[k] = &finding{state: c.State, check: c.Name, fix: c.Fix, detail: c.Detail, first: place}
				order = append(order, k)
			}
			found[k].places++
		}
	}
	var b strings.Builder
	for _, k := range order {
		f := found[k]
		more := ""
		if f.places > 1 {
			more = fmt.Sprintf(" (and %d more)", f.places-1)
		}
		fmt.Fprintf(&b, "\n%s %s, %s%s: %s\n", word(f.state), f.check, f.first, more, f.detail)
		if f.fix != "" {
			fmt.Fprintf(&b, "  first: %s\n", f.fix)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\nnot read: %s\n", p)
	}
	return b.String()
}

func (r Result) summary() string {
	counts := map[State]int{}
	for _, row := range r.Rows {
		counts[row.worst()]++
	}
	return fmt.Sprintf("\n%d checked: %d ok, %d fail, %d warn, %d unknown\n", len(r.Rows), counts[OK], counts[Fails], counts[Warns], counts[Unknown])
}

// worst is the row's state as a whole.
func (r Row) worst() State {
	for _, state := range []State{Fails, Unknown, Warns} {
		for _, c := range r.Checks {
			if c.State == state {
				return state
			}
		}
	}
	return OK
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the result as JUnit XML: a suite for each control plane and
// component, a case for each check. What could not be checked is an error; a
// warning passes and stands in the case's output.
func (r Result) JUnit(out io.Writer) error {
	var all junitSuites
	for _, row := range append(r.Common, r.Rows...) {
		suite := junitSuite{Name: strings.Trim(row.ControlPlane.HostNamespace+"/"+row.Component, "/"), Tests: len(row.Checks)}
		for _, c := range row.Checks {
			one := junitCase{Class: suite.Name, Name: c.Name}
			switch c.State {
			case Fails:
				suite.Failures++
				one.Failure = &junitMessage{c.Detail, "first: " + c.Fix}
			case Unknown:
				suite.Errors++
				one.Error = &junitMessage{c.Detail, c.Detail}
			case Warns:
				one.Output = "warning: " + c.Detail
			}
			suite.Cases = append(suite.Cases, one)
		}
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
