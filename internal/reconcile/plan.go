package reconcile

import (
	"context"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// Action is what a plan does to one role, policy, statement, provider, agent or
// association.
type Action string

// The actions. Keep is for what this program manages although the config no longer asks
// for it: it stays until the user asks for pruning or adoption. Foreign is for what
// somebody else manages.
const (
	None    Action = "none"
	Create  Action = "create"
	Change  Action = "change"
	Remove  Action = "remove"
	Adopt   Action = "adopt"
	Keep    Action = "keep"
	Foreign Action = "foreign"
)

// writes reports whether applying the action writes anything.
func (a Action) writes() bool { return a == Create || a == Change || a == Remove || a == Adopt }

// Plan is the difference between the desired state and AWS.
type Plan struct {
	Identity     string              `json:"identity"` // ARN of the identity that read AWS
	Account      string              `json:"account"`
	Providers    []ProviderChange    `json:"oidcProviders"`
	Agents       []AgentChange       `json:"agents"`
	Roles        []RoleChange        `json:"roles"`
	Associations []AssociationChange `json:"associations"`         // those that are not up to date
	UpToDate     int                 `json:"associationsUpToDate"` // number of the other associations that the config names
	Skipped      int                 `json:"associationsSkipped"`  // number of those that were not read, because their record is unchanged
	Warnings     []Warning           `json:"warnings"`
	Blocked      []string            `json:"blocked"` // differences that only somebody else can remove
	Deletes      bool                `json:"-"`       // whether the plan is one of [Reconciler.PlanDelete]

	steps   [phaseCount][]planStep
	records []*associationRecord // one for each role
}

// Warning is what a user should know before applying a plan.
type Warning struct {
	Text string `json:"text"`
	Fix  Fix    `json:"fix,omitempty"`
}

// Fix is the option of a [Reconciler] that resolves a warning.
type Fix string

// The options.
const (
	FixAdopt Fix = "adopt"
	FixPrune Fix = "prune"
)

// ProviderChange is the change of an IAM OIDC provider.
type ProviderChange struct {
	ARN      string   `json:"arn"`
	Action   Action   `json:"action"`
	Elements []string `json:"elements,omitempty"` // what differs: audience, tags
}

// AgentChange is the change of the Pod Identity agent of a cluster.
type AgentChange struct {
	Cluster string `json:"cluster"`
	Region  string `json:"region"`
	Action  Action `json:"action"`
}

// RoleChange is the change of a role, its trust policy and its other policies.
type RoleChange struct {
	ARN      string             `json:"arn"`
	Action   Action             `json:"action"`             // of the role itself: create, adopt (its tag), change (its settings), none or foreign
	Settings []SettingChange    `json:"settings,omitempty"` // of the role itself, those that differ
	Trust    TrustChange        `json:"trustPolicy"`
	Policies []PolicyChange     `json:"permissionsPolicies"`
	Attached []AttachmentChange `json:"managedPolicies,omitempty"`
}

// SettingChange is the change of a setting of a role. Only its owner changes a setting of a
// foreign role: the action is then [Foreign].
type SettingChange struct {
	Name   string `json:"name"` // permissionsBoundary, maxSessionDuration (in seconds), or tags. and a key
	Action Action `json:"action"`
	Before string `json:"before,omitempty"`
	After  string `json:"after"`
}

// AttachmentChange says what happens to a managed policy of a role.
type AttachmentChange struct {
	ARN    string `json:"arn"`
	Action Action `json:"action"`
}

// TrustChange is the change of a role's trust policy.
type TrustChange struct {
	Action     Action            `json:"action"`
	Budget     desired.Budget    `json:"budget"`
	Statements []StatementChange `json:"statements"`
	After      iam.Document      `json:"after"`

	pruned []iam.Statement // what only pruning removes
}

// StatementChange is the change of one statement of a policy. Subjects are token subjects,
// or namespaces in a statement for EKS Pod Identity.
type StatementChange struct {
	Sid      string   `json:"sid"`
	Place    int      `json:"place"` // its number in the new policy, from 1; in the old one if it is removed
	Action   Action   `json:"action"`
	Added    []string `json:"added,omitempty"`    // subjects that gain access
	Removed  []string `json:"removed,omitempty"`  // subjects that lose access
	Covered  []string `json:"covered,omitempty"`  // subjects that another statement admits from now on
	Kept     []string `json:"kept,omitempty"`     // kept subjects
	Elements []string `json:"elements,omitempty"` // other elements that differ, such as Condition
	Gained   []string `json:"gained,omitempty"`   // values that these elements gain, such as Action s3:GetObject
	Lost     []string `json:"lost,omitempty"`     // values that these elements lose

	Denies    bool     `json:"denies,omitempty"`    // its effect is Deny
	Edited    bool     `json:"edited,omitempty"`    // kept as a whole, because somebody edited it
	Elsewhere bool     `json:"elsewhere,omitempty"` // it is only about clusters that the config does not name
	Grants    string   `json:"grants,omitempty"`    // of a foreign statement: its effect, and for whom
	Redundant bool     `json:"redundant,omitempty"` // a foreign statement that grants no more than the config
	Beyond    []string `json:"beyond,omitempty"`    // token subjects that it admits and the config does not name: those kept, or those with a service account of the config
}

// PolicyChange is the change of an inline policy whose name is one of this program's.
type PolicyChange struct {
	Name       string            `json:"name"`
	Component  string            `json:"component,omitempty"` // empty if no component of the role has it
	Action     Action            `json:"action"`
	Successor  string            `json:"successor,omitempty"` // the new name of a policy that an earlier version wrote
	Statements []StatementChange `json:"statements"`
	After      iam.Document      `json:"after,omitzero"`
}

// AssociationChange is the change of a Pod Identity association.
type AssociationChange struct {
	Action         Action   `json:"action"`
	Cluster        string   `json:"cluster"`
	Region         string   `json:"region"`
	Namespace      string   `json:"namespace"`
	ServiceAccount string   `json:"serviceAccount"`
	ID             string   `json:"id,omitempty"`
	Role           string   `json:"role"`
	Elements       []string `json:"elements,omitempty"` // what differs, such as roleArn

	wanted bool // the config asks for an association of this namespace
}

// planStep makes one planned change. The code that finds a difference also adds the
// step, so that apply does exactly what the plan shows.
type planStep func(context.Context) error

// planPhase orders the steps of a plan. Steps that remove access come before steps
// that grant access. So at no time does anybody have access that they have neither before
// nor after.
type planPhase int

const (
	phaseEnable       planPhase = iota // OIDC providers and agents, which grant nothing by themselves
	phaseDisassociate                  // associations that are removed
	phaseRoles                         // in each role: remove subjects, then change permissions, then add subjects
	phaseAssociate                     // associations that are created, changed or adopted
	phaseRecord                        // records of what was attached, which are not part of the plan
	phaseProviders                     // OIDC providers that are deleted
	phaseCount
)

// add adds a step to a phase.
func (p *Plan) add(in planPhase, s planStep) { p.steps[in] = append(p.steps[in], s) }

// Counts counts the things that applying the plan adds, changes, removes and adopts.
// The trust policy of a role that is created or removed counts with the role.
func (p *Plan) Counts() (add, change, remove, adopt int) {
	n := map[Action]int{}
	for _, c := range p.Providers {
		n[c.Action]++
	}
	for _, c := range p.Agents {
		n[c.Action]++
	}
	for _, r := range p.Roles {
		n[r.Action]++
		if r.Action != Create && r.Action != Remove {
			n[r.Trust.Action]++
		}
		for _, c := range r.Policies {
			n[c.Action]++
		}
		for _, c := range r.Attached {
			n[c.Action]++
		}
	}
	for _, c := range p.Associations {
		n[c.Action]++
	}
	return n[Create], n[Change], n[Remove], n[Adopt]
}

// Changes counts the things that applying the plan writes.
func (p *Plan) Changes() int {
	add, change, remove, adopt := p.Counts()
	return add + change + remove + adopt
}

// Differs reports whether AWS differs from the config. It includes what only somebody else
// can change, and what is kept beyond the config. It does not include subjects of clusters
// that the config does not name, because another config may share the role.
func (p *Plan) Differs() bool {
	b := p.Beyond()
	return p.Changes() > 0 || len(p.Blocked) > 0 || len(b.Subjects)+b.Edited+b.Foreign+b.Policies > 0 || slices.ContainsFunc(p.Roles, hasForeignSettings)
}

// hasForeignSettings reports whether only the owner of a role can set what the config asks
// for.
func hasForeignSettings(r RoleChange) bool {
	return slices.ContainsFunc(r.Settings, func(s SettingChange) bool { return s.Action == Foreign })
}

// Beyond is what gives access beyond the config although applying the plan does not remove
// it.
type Beyond struct {
	Subjects []string // kept token subjects, by the trust policy or an association
	Edited   int      // managed statements that are kept as a whole
	Foreign  int      // foreign statements that admit a service account of the config
	Policies int      // kept permissions policies
}

// Beyond counts what gives access beyond the config.
func (p *Plan) Beyond() Beyond {
	var b Beyond
	for _, r := range p.Roles {
		for _, s := range r.Trust.Statements {
			b.count(s)
		}
		for _, c := range r.Policies {
			if c.Action == Keep && c.Component != "" && c.Successor == "" {
				b.Policies++
			}
		}
		for _, c := range r.Attached {
			if c.Action == Keep {
				b.Policies++
			}
		}
	}
	for _, a := range p.Associations {
		if a.Action == Keep {
			b.Subjects = append(b.Subjects, desired.TokenSubject(a.Namespace, a.ServiceAccount))
		}
	}
	b.Subjects = sortedUnique(b.Subjects)
	return b
}

// count adds what one statement of a trust policy gives.
func (b *Beyond) count(s StatementChange) {
	switch {
	case s.Action == Foreign && len(s.Beyond) > 0:
		b.Foreign++
	case s.Action == Foreign || s.Elsewhere:
	case s.Edited:
		b.Edited++
		fallthrough
	default:
		b.Subjects = append(b.Subjects, s.Beyond...)
	}
}
