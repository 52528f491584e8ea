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
	Used      int      `json:"used"`           // characters, as IAM counts
	Limit     int      `json:"limit"`          // characters
	Foreign   int      `json:"foreign"`        // the part of Used that foreign statements take
	Kept      int      `json:"kept,omitempty"` // the part of Used that kept subjects take
	Fits      int      `json:"fits"`           // how many more control planes fit, with host namespaces of the default name
	Unlimited bool     `json:"unlimited"`      // any number of them fits: a pattern admits them, or the role is not for control planes
	WaysOut   []WayOut `json:"waysOut,omitempty"`

	elsewhere bool // no component of the role runs in control planes
}

// WayOut is a step after which the policy fits: it is shorter, or its quota higher.
type WayOut struct {
	Setting     string `json:"setting"` // of the config, a flag or of the account
	Length      int    `json:"length"`  // characters of the trust policy then
	Consequence string `json:"consequence"`
}

// Budget measures the trust policy of the component's role against the quota of the
// config. The errors are those of [State.TrustPolicy].
func (s State) Budget(c Component) (Budget, error) {
	doc, err := s.TrustPolicy(c)
	if err != nil {
		return Budget{}, err
	}
	return s.budget(c, doc, doc, s.spec.TrustPolicyQuota, quotaSetting)
}

// BudgetOf compares the length of a role's trust policy in AWS with the account's quota. The
// policy has the statements of the config, and perhaps kept subjects and foreign statements.
// Above 80 % of the quota the budget lists ways to shorten the policy or to raise the quota.
func (s State) BudgetOf(c Component, trust iam.Document, quota int) (Budget, error) {
	own, err := s.TrustPolicy(c)
	if err != nil {
		return Budget{}, err
	}
	return s.budget(c, own, trust, quota, accountQuota)
}

// The names of the quota in [WayOut]. The live commands use that of the account, and ignore
// the setting.
const (
	quotaSetting = "trustPolicy.quota: %d"
	accountQuota = "account quota of %d"
)

func (s State) budget(c Component, own, trust iam.Document, quota int, quotaName string) (Budget, error) {
	managed := iam.Document{Version: trust.Version, ID: trust.ID}
	for _, statement := range trust.Statement {
		if Manages(statement) {
			managed.Statement = append(managed.Statement, statement)
		}
	}
	b := Budget{Used: iam.Length(trust), Limit: quota}
	b.Foreign = b.Used - iam.Length(managed)
	b.Kept = max(0, iam.Length(managed)-iam.Length(own))
	c, ofPlanes := s.planeSharer(c)
	b.elsewhere = !ofPlanes
	if b.Unlimited = !ofPlanes || c.Subjects.covers(uuidNamespace(0)); !b.Unlimited {
		b.Fits, b.Unlimited = s.fits(c, b)
	}
	if ofPlanes && c.Mode.UsesPodIdentity() {
		b = b.limitedByAssociations(s.associationsPerCluster())
	}
	if b.Used*100 > b.Limit*warnAbove {
		b.WaysOut = s.waysOut(c, b, quotaName)
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

// planeSharer returns the component if it runs in control planes, or else one that does and
// has the same role. If there is none, ok is false.
func (s State) planeSharer(c Component) (sharer Component, ok bool) {
	for _, sharer := range append([]Component{c}, s.withRole(c.Role)...) {
		if sharer.Namespace == "" {
			return sharer, true
		}
	}
	return c, false
}

// inPlanes limits a change to the components that run in control planes.
func inPlanes(change func(*Component)) func(*Component) {
	return func(c *Component) {
		if c.Namespace == "" {
			change(c)
		}
	}
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
// statements and kept subjects included; ok is false if the change is not possible.
func (s State) lengthAfter(c Component, b Budget, change func(*Component)) (length int, ok bool) {
	doc, err := s.change(c.Role, change).TrustPolicy(c)
	return iam.Length(doc) + b.Foreign + b.Kept, err == nil
}

// fits counts how many namespaces can be added. The first may cost more than the others:
// it may need a new statement, or turn a single value into a list. Without session tags the
// policy does not grow, and any number fits.
func (s State) fits(c Component, b Budget) (count int, unlimited bool) {
	length := func(extra int) int {
		names := c.Subjects.newNamespaces(extra)
		n, ok := s.lengthAfter(c, b, inPlanes(func(sharer *Component) { sharer.Subjects = sharer.Subjects.with(names...) }))
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
func (b Budget) limitedByAssociations(associations, perPlane int) Budget {
	left := max(0, MaxAssociations-associations) / perPlane
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
	return fmt.Errorf("the trust policy has %d characters%s, but the quota is %d%s", b.Used, b.others(), b.Limit, b.list())
}

// others returns how much of the policy the config did not ask for.
func (b Budget) others() string {
	var parts []string
	if b.Foreign > 0 {
		parts = append(parts, fmt.Sprintf("%d in foreign statements", b.Foreign))
	}
	if b.Kept > 0 {
		parts = append(parts, fmt.Sprintf("%d for kept subjects", b.Kept))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// String returns the budget in one line.
func (b Budget) String() string {
	used := fmt.Sprintf("trust policy: %d of %d characters (%d %%)", b.Used, b.Limit, b.Used*100/b.Limit)
	switch {
	case b.elsewhere:
		return used
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
		fmt.Fprintf(&out, "\n  %s (%d characters): %s", w.Setting, w.Length, w.Consequence)
	}
	return out.String()
}

// raisedQuota returns a higher quota in which the policy fits: a multiple of the default.
// How far AWS raises it may change, so this program knows no maximum.
//
// Source: IAM User Guide, "IAM and AWS STS quotas"; Service Quotas, "Role trust policy
// length".
func (b Budget) raisedQuota() int {
	const step = identity.DefaultTrustPolicyQuota
	return (max(b.Used-1, b.Limit)/step + 1) * step
}

func (s State) waysOut(c Component, b Budget, quotaName string) []WayOut {
	all := []WayOut{{fmt.Sprintf(quotaName, b.raisedQuota()), b.Used,
		"after AWS has raised the account's quota for role trust policies; the subjects stay exact"}}
	addLength := func(setting, consequence string, length int) {
		if length < b.Used && length <= b.Limit {
			all = append(all, WayOut{setting, length, consequence})
		}
	}
	add := func(setting, consequence string, change func(*Component)) {
		if n, ok := s.lengthAfter(c, b, change); ok {
			addLength(setting, consequence, n)
		}
	}
	addLength("prune", "removes the subjects that the config does not name", b.Used-b.Kept)
	if b.Foreign > 0 {
		addLength("another roleARN", fmt.Sprintf("for a role without foreign statements, which take %d characters here; "+
			"they may also be removed if nobody needs them", b.Foreign), b.Used-b.Foreign-b.Kept)
	}
	match := func(m identity.Match) func(*Component) {
		return inPlanes(func(c *Component) { c.Subjects.Match = m })
	}
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
	tail = "-" + after
	overlaps := func(name string) bool { return len(name) < len(head)+len(tail) }
	if !dash || slices.ContainsFunc(names, overlaps) {
		tail = ""
	}
	match, err := identity.ParseMatch(head + "*" + tail)
	if err != nil || head == "" {
		return ""
	}
	return match
}
