package output

import (
	"encoding/xml"
	"errors"
	"strings"
)

// Suite is a group of checks in JUnit XML, in the form that Jenkins and GitLab read.
type Suite struct {
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

// Add adds a check with its outcome and, if there is something to do, the fix.
func (s *Suite) Add(name string, state CaseState, message, fix string) {
	one, text := junitCase{Class: s.Name, Name: name}, message
	if fix != "" {
		fix = "fix: " + fix
		text = fix
	}
	switch state {
	case CaseFailed:
		s.Failures++
		one.Failure = &junitMessage{message, "fail", text}
	case CaseUnknown:
		s.Errors++
		one.Error = &junitMessage{message, "unknown", text}
	case CaseSkipped:
		s.Skipped++
		one.Skipped = &junitMessage{message, "left-out", text}
	case CaseWarned:
		one.Output = strings.TrimSpace("warning: " + message + "\n" + fix)
	}
	s.Tests++
	s.Cases = append(s.Cases, one)
}

// writeJUnit writes the suites of a result with a method JUnit() []Suite as JUnit XML.
func writeJUnit(_ *Printer, r Result) ([]byte, error) {
	checked, ok := r.(interface{ JUnit() []Suite })
	if !ok {
		return nil, errors.New("this result has no checks")
	}
	all := struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []Suite  `xml:"testsuite"`
	}{Suites: checked.JUnit()}
	text, err := xml.MarshalIndent(all, "", "  ")
	return append(append([]byte(xml.Header), text...), '\n'), err
}
