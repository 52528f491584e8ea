package iam

import (
	"fmt"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// warnAbove is the share of the quota, in percent, past which there is a
// warning.
const warnAbove = 80

// Budget is how much of its quota a trust policy uses.
type Budget struct {
	Used      int      `json:"used"`      // characters, as IAM counts
	Limit     int      `json:"limit"`     // characters
	Fits      int      `json:"fits"`      // control planes of a Space's own naming that still fit
	Unlimited bool     `json:"unlimited"` // a pattern admits them; their number does not matter
	WaysOut   []WayOut `json:"waysOut,omitempty"`
}

// WayOut is a change that makes the policy fit, and what else it does.
type WayOut struct {
	Setting     string `json:"setting"`
	Length      int    `json:"length"` // characters of the trust policy then
	Fits        bool   `json:"fits"`   // within the limit as it is
	Consequence string `json:"consequence"`
}

// NewBudget measures the trust policy of a component against spec's quota, or
// [identity.DefaultTrustPolicyQuota] where it sets none. The ways out are worked out where the
// policy is past 80 % of it. The errors are those of [Trust].
func NewBudget(spec identity.Spec, c identity.Component, subjects Subjects) (Budget, error) {
	doc, err := Trust(spec, c, subjects)
	if err != nil {
		return Budget{}, err
	}
	b := Budget{Used: Length(doc), Limit: quota(spec)}
	b.Unlimited = subjects.covers(uuidNamespace(0))
	if !b.Unlimited {
		b.Fits = fits(spec, c, subjects, b)
	}
	if c.Mode.UsesPodIdentity() {
		b = b.limitedByAssociations(len(subjects.Namespaces))
	}
	if b.Used*100 > b.Limit*warnAbove {
		b.WaysOut = waysOut(spec, c, subjects, b)
	}
	return b, nil
}

func quota(spec identity.Spec) int {
	if spec.TrustPolicyQuota > 0 {
		return spec.TrustPolicyQuota
	}
	return identity.DefaultTrustPolicyQuota
}

// uuidNamespace is a host namespace as a Space names it, for measuring.
func uuidNamespace(n int) string {
	return fmt.Sprintf("mxp-%08x-0000-4000-8000-000000000000-system", n)
}

// fits counts how many namespaces can be added. The second one added costs what
// each one after it costs; the first may cost more, as it may open a statement
// or make a list of a single value.
func fits(spec identity.Spec, c identity.Component, subjects Subjects, b Budget) int {
	length := func(extra int) int {
		more := subjects
		more.Namespaces = append([]string{}, subjects.Namespaces...)
		for n := range extra {
			more.Namespaces = append(more.Namespaces, uuidNamespace(n))
		}
		doc, err := Trust(spec, c, more)
		if err != nil {
			return b.Limit + 1
		}
		return Length(doc)
	}
	first, second, third := length(1), length(2), length(3)
	if first > b.Limit {
		return 0
	}
	if second > b.Limit {
		return 1
	}
	return 2 + (b.Limit-second)/(third-second)
}

// limitedByAssociations brings in the other quota of EKS Pod Identity.
func (b Budget) limitedByAssociations(associations int) Budget {
	left := max(0, MaxAssociations-associations)
	if b.Unlimited || left < b.Fits {
		b.Fits = left
	}
	b.Unlimited = false
	return b
}

// Warning is what to tell the user past 80 % of the quota, or nothing.
func (b Budget) Warning() string {
	if b.Used > b.Limit || b.Used*100 <= b.Limit*warnAbove {
		return ""
	}
	return b.String() + b.list()
}

// Err is an error that lists the ways out where the policy is past the quota.
func (b Budget) Err() error {
	if b.Used <= b.Limit {
		return nil
	}
	return fmt.Errorf("the trust policy has %d characters and the quota is %d%s", b.Used, b.Limit, b.list())
}

// String is the budget in a line.
func (b Budget) String() string {
	used := fmt.Sprintf("trust policy: %d of %d characters (%d %%)", b.Used, b.Limit, b.Used*100/b.Limit)
	switch {
	case b.Unlimited:
		return used + "; any number of control planes fits"
	case b.Fits == 1:
		return used + "; 1 more control plane fits"
	}
	return fmt.Sprintf("%s; %d more control planes fit", used, b.Fits)
}

func (b Budget) list() string {
	if len(b.WaysOut) == 0 {
		return ""
	}
	var out strings.Builder
	out.WriteString("\nways out:")
	for _, w := range b.WaysOut {
		fmt.Fprintf(&out, "\n  %s (%d characters%s): %s", w.Setting, w.Length, w.tooLong(b.Limit), w.Consequence)
	}
	return out.String()
}

// enough is the quota, doubled until the policy has room.
func enough(b Budget) int {
	quota := 2 * b.Limit
	for quota < b.Used {
		quota *= 2
	}
	return quota
}

// tooLong marks a change that shortens the policy, but not enough. A higher
// quota always is enough.
func (w WayOut) tooLong(limit int) string {
	if w.Fits || strings.HasPrefix(w.Setting, "trustPolicy.quota") {
		return ""
	}
	return fmt.Sprintf(", still more than %d", limit)
}

func waysOut(spec identity.Spec, c identity.Component, subjects Subjects, b Budget) []WayOut {
	out := []WayOut{{fmt.Sprintf("trustPolicy.quota: %d", enough(b)), b.Used, b.Used <= b.Limit,
		"after AWS has raised the account's quota for role trust policies; the subjects stay exact"}}
	add := func(setting, consequence string, c identity.Component, s Subjects) {
		doc, err := Trust(spec, c, s)
		if err != nil {
			return
		}
		if n := Length(doc); n < b.Used {
			out = append(out, WayOut{setting, n, n <= b.Limit, consequence})
		}
	}
	withMatch := func(m identity.Match) Subjects { return Subjects{subjects.Namespaces, m} }

	if subjects.Match != identity.MatchUUID {
		add("match: uuid", "also admits control planes made later, in namespaces that a Space names by itself", c, withMatch(identity.MatchUUID))
	}
	if m := commonPattern(subjects.Namespaces); m != "" && m != subjects.Match {
		add("match: "+string(m), "also admits every other namespace of that form, whoever makes it", c, withMatch(m))
	}
	if c.Mode != identity.PodIdentity {
		pods := c
		pods.Mode = identity.PodIdentity
		add("mode: pod-identity", "takes the agent add-on and an association for each control plane; the policy still grows with each", pods, subjects)
		add("mode: pod-identity, match: uuid", "takes the agent add-on and an association for each control plane; the associations keep others out", pods, withMatch(identity.MatchUUID))
	}
	return out
}

// commonPattern is the narrowest pattern with one * that the names share, cut at
// their dashes, or nothing.
func commonPattern(names []string) identity.Match {
	if len(names) < 2 {
		return ""
	}
	first := strings.Split(names[0], "-")
	head, tail := len(first), len(first)
	for _, name := range names[1:] {
		parts := strings.Split(name, "-")
		head = min(head, commonStart(first, parts))
		tail = min(tail, commonEnd(first, parts))
	}
	if head == 0 || head+tail >= len(first) {
		return ""
	}
	m := strings.Join(first[:head], "-") + "-*"
	if tail > 0 {
		m += "-" + strings.Join(first[len(first)-tail:], "-")
	}
	if CheckMatch(identity.Match(m)) != nil {
		return ""
	}
	return identity.Match(m)
}

func commonStart(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonEnd(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
