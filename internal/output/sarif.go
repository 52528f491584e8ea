package output

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"spaces-identity.dev/internal/check"
)

var errNoRules = errors.New("this result has no rules")

// sarifLog is a file of the Static Analysis Results Interchange Format.
//
// Source: OASIS, SARIF 2.1.0.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID          string       `json:"id"`
	Description sarifMessage `json:"shortDescription"`
	Default     sarifLevel   `json:"defaultConfiguration"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifMessage    `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
}

// writeSARIF writes the mistakes as SARIF, with all rules. An argument of the command line
// has no file, so its location is a logical one.
func writeSARIF(_ *Printer, r Result) ([]byte, error) {
	v, ok := r.(CheckView)
	if !ok {
		return nil, errNoRules
	}
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "spaces-identity", Version: v.Version}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	index := map[string]int{}
	for i, rule := range check.Rules() {
		about := rule.About()
		index[about.Name] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{about.Name, sarifMessage{about.Summary}, sarifLevel{"error"}})
	}
	for _, f := range v.Findings {
		run.Results = append(run.Results, sarifResult{RuleID: f.Rule, RuleIndex: index[f.Rule], Level: "error",
			Message: sarifMessage{withFix(f)}, Locations: []sarifLocation{locationOf(f)}})
	}
	return Indented(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func locationOf(f check.Finding) sarifLocation {
	if f.Argument {
		return sarifLocation{Logical: []sarifLogical{{strings.TrimSpace(f.File + " " + f.Path)}}}
	}
	return sarifLocation{Physical: &sarifPhysical{sarifArtifact{fileURI(f.File)}, sarifRegion{f.Line, f.Column}}}
}

// fileURI returns the URI of a file: relative if its name is relative.
func fileURI(name string) string {
	u := url.URL{Path: filepath.ToSlash(name)}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
		if !strings.HasPrefix(u.Path, "/") {
			u.Path = "/" + u.Path
		}
	}
	return u.String()
}
