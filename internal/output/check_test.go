package output

import (
	"encoding/json"
	"strings"
	"testing"

	"spaces-identity.dev/internal/check"
)

// mistakes returns a result with mistakes in files and in an argument. Names and values
// contain what each format must escape.
func mistakes() CheckView {
	return CheckView{Version: "1.2.3", Report: check.Report{
		Findings: []check.Finding{
			{Rule: "unknown-key", Place: check.Place{File: "a,b:c/values 100%.yaml", Line: 4, Column: 1}, Path: "backup",
				Problem: "the Spaces chart has no such key, and Helm ignores it silently", Fix: "remove it"},
			{Rule: "string-value", Place: check.Place{File: "values.yaml", Line: 9, Column: 15}, Path: "controlPlanes.vector.pod.customLabels.a",
				Problem: "the value of a is a boolean,\nand Kubernetes accepts only strings here\x1b[31m", Fix: `write "true", in quotes`, Fixable: true},
			{Rule: "set-brackets", Place: check.Place{File: "--set", Line: 2, Column: 61}, Argument: true,
				Problem: "Helm reads [x] as the index of a list, which is a number", Fix: "write .x instead of the brackets"},
		},
		Fixed:   []check.Finding{{Rule: "stray-space", Place: check.Place{File: "values.yaml", Line: 2, Column: 3}, Path: "billing.storage.aws.region", Problem: "the value has space around it, which stays part of it", Fix: "remove the space", Fixable: true}},
		Checked: []check.Checked{{File: "a,b:c/values 100%.yaml", As: []string{"values"}}, {File: "values.yaml", As: []string{"values"}}},
	}}
}

func TestMistakesInEachFormat(t *testing.T) {
	golden(t, "check.txt", printed(t, Table, mistakes()))
	golden(t, "check.coloured.txt", printed(t, Table, mistakes(), "CLICOLOR_FORCE", "1"))
	golden(t, "check.json", printed(t, JSON, mistakes()))
	golden(t, "check.yaml", printed(t, YAML, mistakes()))
	golden(t, "check.sarif", printed(t, SARIF, mistakes()))
	golden(t, "check.github", printed(t, GitHub, mistakes()))
	golden(t, "check.gitlab", printed(t, GitLab, mistakes()))
}

func TestNoMistakesInEachFormat(t *testing.T) {
	none := CheckView{Report: check.Report{Checked: []check.Checked{{File: "values.yaml", As: []string{"values"}}}}}
	if text := printed(t, Table, none); text != "No mistakes in 1 file.\n" {
		t.Error(text)
	}
	if text := printed(t, GitHub, none); text != "" {
		t.Error(text)
	}
	if text := printed(t, GitLab, none); text != "[]\n" {
		t.Error(text)
	}
	if text := printed(t, Table, CheckView{}); text != "No mistakes in the arguments.\n" {
		t.Error(text)
	}
}

// TestSARIFHasTheRequiredStructure checks what the schema of SARIF 2.1.0 requires of the
// properties that the output has, and that each result refers to its rule. make judge-sarif
// validates the output with the validator of the format's authors.
func TestSARIFHasTheRequiredStructure(t *testing.T) {
	for _, v := range []CheckView{mistakes(), {}} {
		var file struct {
			Schema  string `json:"$schema"`
			Version string
			Runs    []struct {
				ColumnKind string
				Tool       struct {
					Driver struct {
						Name  string
						Rules []struct {
							ID               string
							ShortDescription struct{ Text string }
						}
					}
				}
				Results []struct {
					RuleID, Level string
					RuleIndex     int
					Message       struct{ Text string }
					Locations     []struct {
						PhysicalLocation *struct {
							ArtifactLocation struct{ URI string }
							Region           struct{ StartLine, StartColumn int }
						}
						LogicalLocations []struct{ FullyQualifiedName string }
					}
				}
			}
		}
		decoder := json.NewDecoder(strings.NewReader(printed(t, SARIF, v)))
		if err := decoder.Decode(&file); err != nil {
			t.Fatal(err)
		}
		if file.Version != "2.1.0" || file.Schema == "" || len(file.Runs) != 1 || file.Runs[0].Results == nil || file.Runs[0].ColumnKind != "unicodeCodePoints" {
			t.Fatalf("%+v", file)
		}
		run := file.Runs[0]
		if run.Tool.Driver.Name == "" || len(run.Tool.Driver.Rules) != len(check.Rules()) || len(run.Results) != len(v.Findings) {
			t.Fatalf("%+v", run)
		}
		for _, rule := range run.Tool.Driver.Rules {
			if rule.ID == "" || rule.ShortDescription.Text == "" {
				t.Errorf("%+v", rule)
			}
		}
		for i, r := range run.Results {
			if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.Level != "error" || r.Message.Text == "" || len(r.Locations) != 1 {
				t.Errorf("%+v", r)
			}
			switch at := r.Locations[0]; {
			case v.Findings[i].Argument && at.PhysicalLocation == nil && len(at.LogicalLocations) == 1:
			case !v.Findings[i].Argument && at.PhysicalLocation.Region.StartLine > 0 && at.PhysicalLocation.Region.StartColumn > 0 && !strings.ContainsAny(at.PhysicalLocation.ArtifactLocation.URI, " "):
			default:
				t.Errorf("%+v", at)
			}
		}
	}
}

// TestFingerprintsOfGitLab checks that two equal mistakes in one file are two for GitLab, and
// that a mistake stays the same if only its line changes or the file is named another way.
func TestFingerprintsOfGitLab(t *testing.T) {
	fingerprints := func(findings ...check.Finding) []string {
		var report []struct{ Fingerprint string }
		if err := json.Unmarshal([]byte(printed(t, GitLab, CheckView{Report: check.Report{Findings: findings}})), &report); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, r := range report {
			all = append(all, r.Fingerprint)
		}
		return all
	}
	first := check.Finding{Rule: "stray-space", Place: check.Place{File: "values.yaml", Line: 2, Column: 3}, Path: "a", Problem: "p"}
	moved, other := first, first
	moved.File, moved.Line = "./values.yaml", 7
	other.File = "other.yaml"
	got := fingerprints(first, moved, other)
	if got[0] == got[1] || got[0] == got[2] || got[1] == got[2] {
		t.Errorf("fingerprints of three mistakes: %v", got)
	}
	if again := fingerprints(moved); again[0] != got[0] {
		t.Errorf("the fingerprint was %s, and is %s on another line", got[0], again[0])
	}
}

// A fix may quote a value of the file.
func TestFixesShowHiddenCharacters(t *testing.T) {
	v := CheckView{Report: check.Report{Findings: []check.Finding{{Rule: "string-value", Place: check.Place{File: "values.yaml", Line: 1, Column: 1}, Problem: "p", Fix: "write \"\u202ea\x1b[31m\""}}}}
	for _, format := range []Format{Table, SARIF, GitHub, GitLab} {
		if text := printed(t, format, v); strings.ContainsAny(text, "\u202e\x1b") || !strings.Contains(text, "u202ea") {
			t.Errorf("%s hides a character: %s", format, text)
		}
	}
}
