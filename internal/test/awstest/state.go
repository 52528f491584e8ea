package awstest

import (
	"maps"
	"slices"
)

// State is the state of the account.
type State struct {
	TrustPolicyQuota int
	Roles            map[string]Role              // by name
	Managed          map[string]string            // managed policies by ARN, JSON
	Providers        map[string][]string          // client IDs by ARN
	ProviderTags     map[string]map[string]string // by the provider's ARN
	OrgID            string                       // organization of the account; empty if it is in none
	Clusters         map[string]Cluster           // by name; by region/name outside Region
	Associations     []Association                // in the order of their creation
	Buckets          map[string]map[string]string // objects of S3 buckets, by key
	Deleted          map[string]string            // unique IDs of deleted users and roles, by ARN
	SmallPages       bool                         // lists have pages of two, and an empty page before each
	KeepsTargetRoles bool                         // an update with an empty target role or policy keeps the old one
	made             int                          // number of associations and sessions created so far, for their IDs
	sessions         map[string]session           // by access key
	caller           string                       // access key of the current call
	unseen           map[string]int               // number of reads that still return the state from before, by role or provider
	before           map[string]State             // the state from before, by role or provider
	places           map[string]int               // index of associations, by ID
}

// Role is an IAM role.
type Role struct {
	Path        string
	Trust       string // JSON, as it was written
	Description string
	Inline      map[string]string
	Attached    []string // ARNs of managed policies
	Boundary    string   // ARN of a managed policy; empty if there is no permissions boundary
	Tags        map[string]string
	LastUsed    string   // time in RFC 3339; empty if the role was never used
	MaxSession  int      // seconds; 0 for AWS's default
	Profiles    []string // names of the instance profiles that contain the role
}

// Cluster is an EKS cluster.
type Cluster struct {
	Issuer   string
	Version  string
	AutoMode bool
	Addons   map[string]string // status by name, such as ACTIVE
}

// Association is an EKS Pod Identity association. Cluster is a key of Clusters.
type Association struct {
	ID, Cluster, Namespace, ServiceAccount, RoleARN, TargetRoleARN, Policy, Token, OwnerARN string
	DisableSessionTags                                                                      bool
	Tags                                                                                    map[string]string
}

func newState() State {
	return State{TrustPolicyQuota: 2048, Roles: map[string]Role{}, Managed: map[string]string{}, Providers: map[string][]string{}, ProviderTags: map[string]map[string]string{},
		Clusters: map[string]Cluster{},
		Deleted:  map[string]string{}, Buckets: map[string]map[string]string{}, sessions: map[string]session{}, unseen: map[string]int{}, before: map[string]State{}}
}

func (s *State) clone() State {
	c := *s
	c.Roles = maps.Clone(s.Roles)
	for name, role := range c.Roles {
		role.Inline, role.Tags = maps.Clone(role.Inline), maps.Clone(role.Tags)
		c.Roles[name] = role
	}
	c.Managed, c.Providers, c.Deleted = maps.Clone(s.Managed), maps.Clone(s.Providers), maps.Clone(s.Deleted)
	c.ProviderTags = maps.Clone(s.ProviderTags)
	c.Buckets, c.sessions = maps.Clone(s.Buckets), maps.Clone(s.sessions)
	c.Clusters = maps.Clone(s.Clusters)
	for name, cluster := range c.Clusters {
		cluster.Addons = maps.Clone(cluster.Addons)
		c.Clusters[name] = cluster
	}
	c.Associations = slices.Clone(s.Associations)
	c.unseen, c.before, c.places = nil, nil, nil
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

// Hide hides a role from a number of reads, as if it had just been created.
func (s *State) Hide(role string, reads int) {
	s.lag("role "+role, reads)
	delete(s.before["role "+role].Roles, role)
}

// lag saves the state for a number of later reads of a role or provider.
func (s *State) lag(thing string, reads int) {
	if reads > 0 {
		s.before[thing] = s.clone()
		s.unseen[thing] = reads
	}
}

// association returns the index of an association, or -1. A test may have changed the list, so
// the index of an earlier search is only a guess.
func (s *State) association(cluster, id string) int {
	is := func(a Association) bool { return a.Cluster == cluster && a.ID == id }
	if i, known := s.places[id]; known && i < len(s.Associations) && is(s.Associations[i]) {
		return i
	}
	s.places = map[string]int{}
	for i, a := range s.Associations {
		s.places[a.ID] = i
	}
	return slices.IndexFunc(s.Associations, is)
}
