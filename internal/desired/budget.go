package desired

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// warnAbove is the share of the quota, in percent, above which there is a warning.
const warnAbove = 80

// Budget describes how much of its quota a trust policy uses.
type Budget struct {
	Used      int      `json:"used"`      // characters, as IAM counts
	Limit     int      `json:"limit"`     // characters
	Foreign   int      `json:"foreign"`   // the part of Used that foreign statements take
	Kept      int      `json:"kept"`      // the part of Used that pruning frees
	Fits      int      `json:"fits"`      // how many more control planes fit, with host namespaces of the default name
	Unlimited bool     `json:"unlimited"` // a pattern admits any number of them
	WaysOut   []WayOut `json:"waysOut,omitempty"`

	live bool // the limit is the account's, not that of the config
}

// WayOut is a setting that makes the policy shorter or its quota higher.
type WayOut struct {
	Setting     string `json:"setting"`
	Length      int    `json:"length"` // characters of the trust policy then
	Fits        bool   `json:"fits"`   // within the limit
	Consequence string `json:"consequence"`
}

// Budget measures the trust policy of the component's role against the quota of the
// config. The errors are those of [State.TrustPolicy].
func (s State) Budget(c Component) (Budget, error) {
	return s.budget(c, Budget{Limit: s.spec.TrustPolicyQuota})
}

// LiveBudget measures the trust policy that the role of the component gets in AWS against
// the account's quota. The policy has used characters: kept ones that pruning would free,
// those of the config, and those of foreign statements.
func (s State) LiveBudget(c Component, used, kept, quota int) (Budget, error) {
	return s.budget(c, Budget{Used: used, Kept: kept, Limit: quota, live: true})
}

// budget completes a budget. Above 80 % of the quota it lists ways to shorten the policy or
// to raise the quota.
func (s State) budget(c Component, b Budget) (Budget, error) {
	doc, err := s.TrustPolicy(c)
	if err != nil {
		return Budget{}, err
	}
	own := iam.Length(doc)
	if !b.live {
		b.Used = own
	}
	b.Foreign = max(0, b.Used-b.Kept-own)
	if b.Unlimited = c.Subjects.covers(uuidNamespace(0)); !b.Unlimited {
		b.Fits, b.Unlimited = s.fits(c, b)
	}
	if c.Mode.UsesPodIdentity() {
		b = b.limitedByAssociations(s.associationsPerCluster())
	}
	if b.Used*100 > b.Limit*warnAbove {
		b.WaysOut = s.waysOut(c, b)
	}
	return b, nil
}

// uuidNamespace returns a host namespace as a Space names it, for measuring.
func uuidNamespace(n int) string {
	return identity.HostNamespace(fmt.Sprintf("%08x-0000-4000-8000-000000000000", n))
}

// newNamespaces returns count host namespaces that are not subjects yet, for measuring.
func (s Subjects) newNamespaces(count int) []string {
	var all []string
	for n := 0; len(all) < count; n++ {
		if ns := uuidNamespace(n); !s.Admits(ns) {
			all = append(all, ns)
		}
	}
	return all
}

// change returns the state with a change of every component that shares the role.
func (s State) change(role identity.RoleARN, change func(*Component)) State {
	s.Components = slices.Clone(s.Components)
	for i := range s.Components {
		if s.Components[i].Role == role {
			change(&s.Components[i])
		}
	}
	return s
}

// lengthAfter returns the length of the role's trust policy after a change, foreign
// statements included; ok is false if the change is not possible.
func (s State) lengthAfter(c Component, b Budget, change func(*Component)) (length int, ok bool) {
	doc, err := s.change(c.Role, change).TrustPolicy(c)
	return iam.Length(doc) + b.Foreign + b.Kept, err == nil
}

// fits counts how many namespaces can be added. The first may cost more than the others:
// it may need a new statement, or turn a single value into a list. Any number fits if the
// policy does not grow.
func (s State) fits(c Component, b Budget) (count int, unlimited bool) {
	length := func(extra int) int {
		names := c.Subjects.newNamespaces(extra)
		n, ok := s.lengthAfter(c, b, func(sharer *Component) { sharer.Subjects = sharer.Subjects.with(names...) })
		if !ok {
			return b.Limit + 1
		}
		return n
	}
	first, second, third := length(1), length(2), length(3)
	switch {
	case first > b.Limit:
		return 0, false
	case second == third:
		return 0, true
	case second > b.Limit:
		return 1, false
	}
	return 2 + (b.Limit-second)/(third-second), false
}

// limitedByAssociations applies the quota of EKS for associations. A control plane needs
// an association for each component.
func (b Budget) limitedByAssociations(associations, components int) Budget {
	left := max(0, MaxAssociations-associations) / components
	if b.Unlimited || left < b.Fits {
		b.Fits = left
	}
	b.Unlimited = false
	return b
}

// Warning returns the budget and the ways out if the policy uses 80 to 100 % of the quota.
// Otherwise it returns nothing.
func (b Budget) Warning() string {
	if b.Used > b.Limit || b.Used*100 <= b.Limit*warnAbove {
		return ""
	}
	return b.String() + b.list()
}

// Err returns an error that lists the ways out if the policy exceeds the quota.
func (b Budget) Err() error {
	if b.Used <= b.Limit {
		return nil
	}
	where := ""
	if b.live {
		where = "in this account "
	}
	return fmt.Errorf("the trust policy has %d characters, but %sthe quota is %d%s%s", b.Used, where, b.Limit, b.parts(), b.list())
}

// parts says what the config, foreign statements and kept subjects take.
func (b Budget) parts() string {
	if b.Foreign+b.Kept == 0 {
		return ""
	}
	parts := fmt.Sprintf(" (%d for the config", b.Used-b.Foreign-b.Kept)
	if b.Foreign > 0 {
		parts += fmt.Sprintf(", %d for foreign statements", b.Foreign)
	}
	if b.Kept > 0 {
		parts += fmt.Sprintf(", %d for what is kept beyond the config", b.Kept)
	}
	return parts + ")"
}

// String returns the budget in one line.
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
		fmt.Fprintf(&out, "\n  %s (%d characters%s): %s", w.Setting, w.Length, b.tooLong(w), w.Consequence)
	}
	return out.String()
}

// raisedQuota returns the quota, doubled until the policy fits.
func (b Budget) raisedQuota() int {
	quota := 2 * b.Limit
	for quota < b.Used {
		quota *= 2
	}
	return quota
}

// tooLong returns a remark on a way out that does not shorten the policy enough. A higher
// quota does not shorten it and is always enough.
func (b Budget) tooLong(w WayOut) string {
	if w.Fits || w.Length == b.Used {
		return ""
	}
	return fmt.Sprintf(", still more than %d", b.Limit)
}

// liveWaysOut returns the ways out that only a policy in AWS has.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
func (b Budget) liveWaysOut() []WayOut {
	all := []WayOut{{fmt.Sprintf("a quota of %d", b.raisedQuota()), b.Used, b.Used <= b.Limit,
		`ask AWS to raise "Role trust policy length" of IAM in Service Quotas; the subjects stay exact`}}
	if b.Kept > 0 {
		all = append(all, WayOut{"pruning", b.Used - b.Kept, b.Used-b.Kept <= b.Limit,
			fmt.Sprintf("frees %d characters: it removes the access that is kept beyond the config", b.Kept)})
	}
	if own := b.Used - b.Foreign - b.Kept; b.Foreign > 0 {
		all = append(all, WayOut{"roleARN of another role", own, own <= b.Limit,
			fmt.Sprintf("leaves the foreign statements, which take %d characters, to the role that has them", b.Foreign)})
	}
	return all
}

func (s State) waysOut(c Component, b Budget) []WayOut {
	all := b.liveWaysOut()
	if !b.live {
		all = []WayOut{{fmt.Sprintf("trustPolicy.quota: %d", b.raisedQuota()), b.Used, b.Used <= b.Limit,
			"after AWS has raised the account's quota for role trust policies; the subjects stay exact"}}
	}
	add := func(setting, consequence string, change func(*Component)) {
		if n, ok := s.lengthAfter(c, b, change); ok && n < b.Used {
			all = append(all, WayOut{setting, n, n <= b.Limit, consequence})
		}
	}
	match := func(m identity.Match) func(*Component) { return func(c *Component) { c.Subjects.Match = m } }
	if c.Subjects.Match != identity.MatchUUID {
		add("match: uuid", "also admits control planes created later, in namespaces that a Space names by itself", match(identity.MatchUUID))
	}
	if m := commonPattern(c.Subjects.Namespaces); m != "" && m != c.Subjects.Match {
		add("match: "+string(m), "also admits every other namespace of that form, whoever creates it", match(m))
	}
	if c.Mode != identity.PodIdentity {
		pods := func(c *Component) { c.Mode = identity.PodIdentity }
		add("mode: pod-identity", "needs the agent add-on and an association for each control plane; the policy still grows with each", pods)
		add("mode: pod-identity, match: uuid", "needs the agent add-on and an association for each control plane; without an association no pod gets the role", func(c *Component) {
			pods(c)
			match(identity.MatchUUID)(c)
		})
	}
	return all
}

// commonPattern returns the narrowest pattern with one * that matches all names. The *
// replaces whole parts between dashes. It returns nothing if there is no such pattern.
func commonPattern(names []string) identity.Match {
	if len(names) < 2 {
		return ""
	}
	head, tail := names[0], names[0]
	for _, name := range names[1:] {
		for !strings.HasPrefix(name, head) {
			head = head[:len(head)-1]
		}
		for !strings.HasSuffix(name, tail) {
			tail = tail[1:]
		}
	}
	head = head[:strings.LastIndexByte(head, '-')+1]
	_, after, dash := strings.Cut(tail, "-")
	if tail = "-" + after; !dash {
		tail = ""
	}
	match, err := identity.ParseMatch(head + "*" + tail)
	if err != nil || head == "" {
		return ""
	}
	return match
}
