package reconcile

import (
	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/iam"
)

// Action is what is to be done to a thing.
type Action string

// The actions. Keep is for what is this program's and no longer in the config:
// it stays until pruning is asked for. Foreign is for what is a stranger's.
const (
	None    Action = "none"
	Create  Action = "create"
	Change  Action = "change"
	Remove  Action = "remove"
	Adopt   Action = "adopt"
	Keep    Action = "keep"
	Foreign Action = "foreign"
)

// does reports whether carrying out the action writes anything.
func (a Action) does() bool { return a == Create || a == Change || a == Remove || a == Adopt }

// Plan is the difference between the config and AWS.
type Plan struct {
	Identity     string              `json:"identity"` // ARN whose credentials read AWS
	Account      string              `json:"account"`
	Providers    []ProviderChange    `json:"oidcProviders"`
	Agents       []AgentChange       `json:"agents"`
	Roles        []RoleChange        `json:"roles"`
	Associations []AssociationChange `json:"associations"`       // that differ, are kept, or are foreign
	InStep       int                 `json:"associationsInStep"` // associations that are as they should be
	Warnings     []string            `json:"warnings"`
	Blocked      []string            `json:"blocked"` // what should change and is a stranger's

	books []*fingerprint
}

// ProviderChange is about an IAM OIDC provider. Change adds the audience.
type ProviderChange struct {
	ARN    string `json:"arn"`
	Action Action `json:"action"`
}

// AgentChange is about the Pod Identity agent of a cluster.
type AgentChange struct {
	Cluster string `json:"cluster"`
	Region  string `json:"region"`
	Action  Action `json:"action"`
}

// RoleChange is about a role: its trust policy and the policies in it.
type RoleChange struct {
	ARN      string         `json:"arn"`
	Action   Action         `json:"action"` // of the role itself: create, adopt (its tag), none or foreign
	Trust    TrustChange    `json:"trustPolicy"`
	Policies []PolicyChange `json:"permissionsPolicies"`

	wanted wantedRole
}

// TrustChange is about a role's trust policy.
type TrustChange struct {
	Action     Action            `json:"action"`
	Budget     iam.Budget        `json:"budget"`
	Statements []StatementChange `json:"statements"`
	After      iam.Document      `json:"after"`
}

// StatementChange is about one statement of a trust policy.
type StatementChange struct {
	Sid      string   `json:"sid"`
	Place    int      `json:"place"` // in the policy afterwards, from 1; where it was, if it is removed
	Action   Action   `json:"action"`
	Added    []string `json:"added,omitempty"`    // subjects admitted from now on
	Removed  []string `json:"removed,omitempty"`  // subjects that lose access
	Covered  []string `json:"covered,omitempty"`  // subjects that another statement admits now
	Kept     []string `json:"kept,omitempty"`     // subjects that the config does not name
	Elements []string `json:"elements,omitempty"` // what else differs, such as Condition
	Gained   []string `json:"gained,omitempty"`   // values in those elements from now on, such as Action s3:GetObject
	Lost     []string `json:"lost,omitempty"`     // values in them that go
}

// PolicyChange is about an inline policy.
type PolicyChange struct {
	Name       string            `json:"name"`
	Action     Action            `json:"action"`
	Statements []StatementChange `json:"statements"`
	After      iam.Document      `json:"after"`
}

// AssociationChange is about a Pod Identity association.
type AssociationChange struct {
	Action         Action   `json:"action"`
	Cluster        string   `json:"cluster"`
	Region         string   `json:"region"`
	Namespace      string   `json:"namespace"`
	ServiceAccount string   `json:"serviceAccount"`
	ID             string   `json:"id,omitempty"`
	Role           string   `json:"role"`
	Elements       []string `json:"elements,omitempty"` // what differs, such as roleArn

	wanted iam.Association
}

// newPlan is a plan whose lists are empty, not absent, in JSON.
func newPlan(c account.Caller) *Plan {
	return &Plan{Identity: c.ARN, Account: c.Account, Providers: []ProviderChange{}, Agents: []AgentChange{}, Roles: []RoleChange{},
		Associations: []AssociationChange{}, Warnings: []string{}, Blocked: []string{}}
}

// Changes is the number of things that carrying out the plan would write.
func (p *Plan) Changes() int {
	n := 0
	count := func(a Action) {
		if a.does() {
			n++
		}
	}
	for _, c := range p.Providers {
		count(c.Action)
	}
	for _, c := range p.Agents {
		count(c.Action)
	}
	for _, r := range p.Roles {
		count(r.Action)
		count(r.Trust.Action)
		for _, c := range r.Policies {
			count(c.Action)
		}
	}
	for _, c := range p.Associations {
		count(c.Action)
	}
	return n
}

// Differs reports whether something in AWS is not as the config says, be it ours
// to change or not. What is only kept does not count.
func (p *Plan) Differs() bool { return p.Changes() > 0 || len(p.Blocked) > 0 }
