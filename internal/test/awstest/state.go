package awstest

import (
	"maps"
	"slices"
)

// State is the state of the account.
type State struct {
	TrustPolicyQuota int
	Roles            map[string]Role     // by name
	Managed          map[string]string   // managed policies by ARN, JSON
	Providers        map[string][]string // client IDs by ARN
	Clusters         map[string]Cluster  // by name, all in one region
	Associations     []Association       // in the order of their creation
	made             int                 // number of associations created so far, for their IDs
	unseen           map[string]int      // number of reads that still return the state from before, by role or provider
	before           map[string]State    // the state from before, by role or provider
}

// Role is an IAM role.
type Role struct {
	Path        string
	Trust       string // JSON, as it was written
	Description string
	Inline      map[string]string
	Attached    []string // ARNs of managed policies
	Tags        map[string]string
}

// Cluster is an EKS cluster.
type Cluster struct {
	Issuer   string
	Version  string
	AutoMode bool
	Addons   map[string]bool
}

// Association is an EKS Pod Identity association.
type Association struct {
	ID, Cluster, Namespace, ServiceAccount, RoleARN, TargetRoleARN, Policy, Token, OwnerARN string
	DisableSessionTags                                                            bool
	Tags                                                                          map[string]string
}

func newState() State {
	return State{TrustPolicyQuota: 2048, Roles: map[string]Role{}, Managed: map[string]string{}, Providers: map[string][]string{}, Clusters: map[string]Cluster{},
		unseen: map[string]int{}, before: map[string]State{}}
}

func (s *State) clone() State {
	c := *s
	c.Roles = maps.Clone(s.Roles)
	for name, role := range c.Roles {
		role.Inline, role.Tags = maps.Clone(role.Inline), maps.Clone(role.Tags)
		c.Roles[name] = role
	}
	c.Providers = maps.Clone(s.Providers)
	c.Clusters = maps.Clone(s.Clusters)
	for name, cluster := range c.Clusters {
		cluster.Addons = maps.Clone(cluster.Addons)
		c.Clusters[name] = cluster
	}
	c.Associations = slices.Clone(s.Associations)
	c.unseen, c.before = nil, nil
	return c
}

// seen returns the state for a read of a role or provider. If reads lag, that is the state
// from before the last write.
func (s *State) seen(thing string) *State {
	if s.unseen[thing] == 0 {
		return s
	}
	s.unseen[thing]--
	old := s.before[thing]
	return &old
}

// lag saves the state for a number of later reads of a role or provider.
func (s *State) lag(thing string, reads int) {
	if reads > 0 {
		s.before[thing] = s.clone()
		s.unseen[thing] = reads
	}
}

func (s *State) association(cluster, id string) int {
	return slices.IndexFunc(s.Associations, func(a Association) bool { return a.Cluster == cluster && a.ID == id })
}
