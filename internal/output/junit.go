package output

import (
	"cmp"
	"encoding/xml"
	"errors"
	"strings"
)

// Suite is a group of checks in JUnit XML.
type Suite struct {
	Name  string
	Cases []Case
}

// Case is a check in JUnit XML.
type Case struct {
	Name, Message, Fix string
	State              CaseState
}

// CaseState is the outcome of a check in JUnit's terms.
type CaseState int

// The outcomes. A check with the state unknown is an error in JUnit. JUnit has no
// warnings: a check that warns passes, and its output has the message.
const (
	CasePassed CaseState = iota
	CaseWarned
	CaseFailed
	CaseUnknown
	CaseSkipped // did not run, because the user asked for that
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes the suites of a result with a method JUnit() []Suite as
// JUnit XML, in the form that Jenkins and GitLab read.
func writeJUnit(_ *Printer, r Result) ([]byte, error) {
	checked, ok := r.(interface{ JUnit() []Suite })
	if !ok {
		return nil, errors.New("this result has no checks")
	}
	var all junitSuites
	for _, s := range checked.JUnit() {
		suite := junitSuite{Name: s.Name, Tests: len(s.Cases)}
		for _, c := range s.Cases {
			one := junitCase{Class: s.Name, Name: c.Name}
			switch c.State {
			case CaseFailed:
				suite.Failures++
				one.Failure = c.message("fail")
			case CaseUnknown:
				suite.Errors++
				one.Error = c.message("unknown")
			case CaseSkipped:
				suite.Skipped++
				one.Skipped = c.message("left-out")
			case CaseWarned:
				one.Output = strings.TrimSpace("warning: " + c.Message + "\n" + c.fix())
			}
			suite.Cases = append(suite.Cases, one)
		}
		all.Suites = append(all.Suites, suite)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	return append(append([]byte(xml.Header), text...), '\n'), err
}

func (c Case) message(kind string) *junitMessage {
	return &junitMessage{Message: c.Message, Type: kind, Text: cmp.Or(c.fix(), c.Message)}
}

func (c Case) fix() string {
	if c.Fix == "" {
		return ""
	}
	return "fix: " + c.Fix
}
