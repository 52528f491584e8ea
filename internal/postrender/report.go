package postrender

import (
	"bytes"
	"encoding/json"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

// ReportFile is the name of the report among the artifacts.
const ReportFile = "report.json"

// Report is the content of report.json. Of a Secret it holds the values of the
// annotations and labels that were asked for, and nothing else.
type Report struct {
	Error        *Failure          `json:"error,omitempty"` // why nothing was changed
	Components   []ComponentReport `json:"components"`
	Changes      []rewrite.Finding `json:"changes"`      // what was written
	Found        []rewrite.Finding `json:"found"`        // what stood there already
	Left         []rewrite.Finding `json:"left"`         // what was not touched, with the reason
	Unrecognised []rewrite.Finding `json:"unrecognised"` // what names a component and is no known place
	Warnings     []string          `json:"warnings"`
}

// Failure is the error that a run ended with.
type Failure struct {
	Message string      `json:"message"`
	Hint    string      `json:"hint,omitempty"` // the next step, a line for each error that has one
	Status  exit.Status `json:"exitStatus"`
}

// ComponentReport is what the report says of one component.
type ComponentReport struct {
	Name           string          `json:"name"`
	ServiceAccount string          `json:"serviceAccount"`
	Mode           identity.Mode   `json:"mode"`
	RoleARN        string          `json:"roleARN,omitempty"`
	Namespaces     []string        `json:"namespaces"`            // exact ones in the trust policy
	Match          string          `json:"match,omitempty"`       // the pattern beside them
	TrustPolicy    *desired.Budget `json:"trustPolicy,omitempty"` // its length against the quota
}

// JSON is the report as it is written: indented by two spaces, with a line break
// at the end, lists never null.
func (r Report) JSON() []byte {
	r.Components = orEmpty(r.Components)
	r.Changes, r.Found = orEmpty(r.Changes), orEmpty(r.Found)
	r.Left, r.Unrecognised = orEmpty(r.Left), orEmpty(r.Unrecognised)
	r.Warnings = orEmpty(r.Warnings)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		panic(err) // the types above always encode
	}
	return b.Bytes()
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// NewReport sorts what was found in a stream by what became of it.
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
