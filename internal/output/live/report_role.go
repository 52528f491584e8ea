package live

import (
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/verify"
)

// reportRole is a role with its live trust policy.
type reportRole struct {
	verify.RoleSummary
	ID     string
	Policy []policyPart
	Bar    *quotaBar
}

// policyPart is a part of the JSON of a policy: a statement, or what is around them.
type policyPart struct {
	Origin reconcile.Origin // empty if it is no statement
	Number int
	Text   string
}

// quotaBar is the length of a policy against the quota. The widths are in thousandths of the
// bar.
type quotaBar struct {
	desired.Budget
	Summary                           string // in one line
	OwnUsed, Free, Over               int    // characters
	OwnWidth, KeptWidth, ForeignWidth int
	KeptAt, ForeignAt, LimitAt        int // thousandths
}

func (b *reportBuilder) roles() []reportRole {
	var all []reportRole
	for _, r := range b.Result.Roles {
		one := reportRole{RoleSummary: r, ID: b.ids.add("role-" + baseName(r.Role)), Policy: policyParts(r)}
		if r.Budget != nil {
			one.Bar = newQuotaBar(*r.Budget)
		}
		all = append(all, one)
	}
	return all
}

func newQuotaBar(b desired.Budget) *quotaBar {
	whole := max(b.Used, b.Limit, 1)
	bar := quotaBar{Budget: b, Summary: b.String(), OwnUsed: max(0, b.Used-b.Foreign-b.Kept), Free: max(0, b.Limit-b.Used), Over: max(0, b.Used-b.Limit)}
	width := func(n int) int { return n * 1000 / whole }
	bar.OwnWidth, bar.KeptWidth, bar.ForeignWidth = width(bar.OwnUsed), width(b.Kept), width(b.Foreign)
	bar.KeptAt, bar.ForeignAt, bar.LimitAt = bar.OwnWidth, bar.OwnWidth+bar.KeptWidth, width(b.Limit)
	return &bar
}

// policyParts splits the JSON of a trust policy, as the program prints it, into its statements
// and the lines around them. A statement is indented by four spaces.
func policyParts(r verify.RoleSummary) []policyPart {
	if r.TrustPolicy == nil {
		return nil
	}
	parts := []policyPart{{}}
	number := 0
	for line := range strings.Lines(output.Visible(string(r.TrustPolicy.JSON()))) {
		if line == "    {\n" {
			part := policyPart{Number: number + 1}
			if number < len(r.Statements) {
				part.Origin = r.Statements[number].Origin
			}
			parts, number = append(parts, part), number+1
		}
		last := &parts[len(parts)-1]
		if last.Number > 0 && line == "  ]\n" {
			parts = append(parts, policyPart{})
			last = &parts[len(parts)-1]
		}
		last.Text += line
	}
	return parts
}
