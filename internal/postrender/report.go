package postrender

import (
	"spaces-identity.dev/internal/artifact"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/rewrite"
)

// ReportFile is the name of the report among the artifacts.
const ReportFile = "report.json"

// Report is the content of report.json. From a Secret it contains only the values of the
// annotations and labels that the config sets.
type Report struct {
	Error        *Failure          `json:"error,omitempty"` // why nothing was changed
	Components   []ComponentReport `json:"components"`
	Changes      []rewrite.Finding `json:"changes"`        // what was written
	Found        []rewrite.Finding `json:"found"`          // what was already there
	Left         []rewrite.Finding `json:"left"`           // what was not changed, with the reason
	Unrecognised []rewrite.Finding `json:"unrecognised"`   // texts that name a component and are not at a known place
	Then         []ThenReport      `json:"then,omitempty"` // the programs of the setting then that ran, in order
	Artifacts    []string          `json:"artifacts"`      // files in the directory that this run wrote or found as they should be
	Stale        []string          `json:"stale"`          // files of an earlier run, which no longer apply
	Warnings     []string          `json:"warnings"`
}

// Failure is the error that a run ended with.
type Failure struct {
	Message string      `json:"message"`
	Hint    string      `json:"hint,omitempty"` // the next step, a line for each error that has one
	Status  exit.Status `json:"exitStatus"`
}

// ThenReport describes a run of a program that the setting then names. It leaves out the
// arguments, which may contain anything.
type ThenReport struct {
	Program string `json:"program"`
	Stderr  string `json:"stderr,omitempty"` // the last lines of its standard error, without the values of Secrets
	Error   string `json:"error,omitempty"`  // how it failed
}

// ComponentReport describes one component.
type ComponentReport struct {
	Name            string          `json:"name"`
	ServiceAccounts []string        `json:"serviceAccounts"` // the names that it may have on the host cluster
	Mode            identity.Mode   `json:"mode"`
	RoleARN         string          `json:"roleARN,omitempty"`
	Namespaces      []string        `json:"namespaces"`            // those that the trust policy lists
	Match           string          `json:"match,omitempty"`       // the pattern of further namespaces
	TrustPolicy     *desired.Budget `json:"trustPolicy,omitempty"` // its length against the quota
}

// JSON returns the content of the file. Lists are never null.
func (r Report) JSON() []byte {
	text, err := output.Indented(r)
	if err != nil {
		panic(err) // the types above always encode
	}
	return text
}

// list lists the artifacts of this run and those of earlier ones in the directory. It warns
// of the latter.
func (r *Report) list(files []export.File, dir string) {
	for _, f := range files {
		r.Artifacts = append(r.Artifacts, f.Name)
	}
	r.Stale = artifact.Stale(dir, files, export.IsArtifact)
	if text := artifact.StaleWarning(dir, r.Stale); text != "" {
		r.Warnings = append(r.Warnings, text)
	}
}

// NewReport returns the findings of a stream, sorted by their outcome.
func NewReport(result *rewrite.Result) Report {
	var r Report
	if result == nil {
		return r
	}
	for _, f := range result.Findings {
		switch f.Outcome {
		case rewrite.Changed:
			r.Changes = append(r.Changes, f)
		case rewrite.Unchanged:
			r.Found = append(r.Found, f)
		case rewrite.Left:
			r.Left = append(r.Left, f)
		default:
			r.Unrecognised = append(r.Unrecognised, f)
		}
	}
	r.Warnings = result.Warnings
	return r
}
