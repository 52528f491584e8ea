package awstest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// associationJSON is an association as List shows it.
type associationJSON struct {
	ClusterName    string `json:"clusterName"`
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
	AssociationARN string `json:"associationArn"`
	AssociationID  string `json:"associationId"`
	OwnerARN       string `json:"ownerArn,omitempty"` // of the add-on that created it
}

// wholeAssociationJSON is an association as Describe shows it.
type wholeAssociationJSON struct {
	associationJSON

	RoleARN            string            `json:"roleArn"`
	TargetRoleARN      string            `json:"targetRoleArn,omitempty"`
	ExternalID         string            `json:"externalId,omitempty"`
	Policy             string            `json:"policy,omitempty"`
	DisableSessionTags bool              `json:"disableSessionTags"`
	Tags               map[string]string `json:"tags,omitempty"`
	CreatedAt          float64           `json:"createdAt"`
	ModifiedAt         float64           `json:"modifiedAt"`
}

func (a Association) summary() associationJSON {
	region, name := clusterOf(a.Cluster)
	return associationJSON{ClusterName: name, Namespace: a.Namespace, ServiceAccount: a.ServiceAccount, AssociationID: a.ID,
		AssociationARN: arnOf(region, "podidentityassociation/"+name+"/"+a.ID), OwnerARN: a.OwnerARN}
}

func (a Association) whole() apiResponse {
	out := wholeAssociationJSON{associationJSON: a.summary(), RoleARN: a.RoleARN, TargetRoleARN: a.TargetRoleARN, Policy: a.Policy,
		DisableSessionTags: a.DisableSessionTags, Tags: a.Tags, CreatedAt: 1795305600, ModifiedAt: 1795305600}
	if a.TargetRoleARN != "" {
		out.ExternalID = fmt.Sprintf("%s/%s/%s", out.AssociationARN, a.Namespace, a.ServiceAccount)
	}
	return jsonAnswer{struct {
		Association wholeAssociationJSON `json:"association"`
	}{out}}
}

func listAssociations(req restRequest) apiOperation {
	return onCluster(req, "cluster/"+req.segments[1], false, func(s *State, _ int, cluster string, _ Cluster) apiResponse {
		token := req.query.Get("nextToken")
		shown := s
		if token == "" {
			shown = s.seen("associations " + cluster)
		}
		var selected []int
		for i, a := range shown.Associations {
			if a.Cluster == cluster && selects(req.query, "namespace", a.Namespace) && selects(req.query, "serviceAccount", a.ServiceAccount) {
				selected = append(selected, i)
			}
		}
		selected, next, fail := pageOf(s, selected, token, req.query.Get("maxResults"))
		if fail != nil {
			return invalid(fail.message)
		}
		found := []associationJSON{}
		for _, i := range selected {
			found = append(found, shown.Associations[i].summary())
		}
		return jsonAnswer{struct {
			Associations []associationJSON `json:"associations"`
			NextToken    string            `json:"nextToken,omitempty"`
		}{found, next}}
	})
}

func selects(query url.Values, key, value string) bool {
	return !query.Has(key) || query.Get(key) == value
}

func createAssociation(req restRequest) apiOperation {
	op := onCluster(req, "cluster/"+req.segments[1], true, func(s *State, lag int, cluster string, _ Cluster) apiResponse {
		b := req.body
		for _, a := range s.Associations {
			switch {
			case a.Cluster != cluster:
			case a.Token == b.ClientRequestToken && b.ClientRequestToken != "":
				return a.whole()
			case a.Namespace == b.Namespace && a.ServiceAccount == b.ServiceAccount:
				return &apiError{409, "ResourceInUseException", "Association already exists: " + a.ID}
			}
		}
		a := b.patch(Association{Cluster: cluster, Namespace: b.Namespace, ServiceAccount: b.ServiceAccount, Token: b.ClientRequestToken, Tags: b.Tags}, false)
		if s.full(cluster) {
			return &apiError{400, "ResourceLimitExceededException", "the cluster has 5000 associations"}
		}
		if fail := s.checkAssociation(a); fail != nil {
			return fail
		}
		if fail := checkEKSTags(nil, b.Tags, "InvalidParameterException"); fail != nil {
			return fail
		}
		s.lag("associations "+cluster, lag)
		s.made++
		a.ID = fmt.Sprintf("a-%017d", s.made)
		s.Associations = append(s.Associations, a)
		return a.whole()
	})
	op.also = req.rolePermissions()
	if len(req.body.Tags) > 0 {
		op.also = append(op.also, requiredPermission{"eks:TagResource", arnOf(req.region, "podidentityassociation/"+req.segments[1]+"/a-new")})
	}
	return op
}

// patch sets the fields that a request has. An empty field removes what was there.
//
// Source: AWS Controllers for Kubernetes, eks-controller, which sends an empty
// targetRoleArn to remove the target role, because an absent one changes nothing.
func (b requestBody) patch(a Association, keepsEmpty bool) Association {
	for field, value := range map[*string]*string{&a.RoleARN: b.RoleARN, &a.TargetRoleARN: b.TargetRoleARN, &a.Policy: b.Policy} {
		if value != nil && (*value != "" || !keepsEmpty) {
			*field = *value
		}
	}
	if b.DisableSessionTags != nil {
		a.DisableSessionTags = *b.DisableSessionTags
	}
	return a
}

// rolePermissions returns what AWS requires of who gives a role to an association.
func (req restRequest) rolePermissions() []requiredPermission {
	if req.body.RoleARN == nil {
		return nil
	}
	return []requiredPermission{{"iam:GetRole", *req.body.RoleARN}, {"iam:PassRole", *req.body.RoleARN}}
}

// full reports whether a cluster has the most associations that EKS allows.
//
// Source: Amazon EKS User Guide, "Service quotas".
func (s *State) full(cluster string) bool {
	n := 0
	for _, a := range s.Associations {
		if a.Cluster == cluster {
			n++
		}
	}
	return n >= 5000
}

// checkAssociation returns the error of EKS if an association is not valid. The role may be
// so new that EKS does not see it, or sees its former trust policy.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation; the messages are those
// that users report.
func (s *State) checkAssociation(a Association) *apiError {
	name := a.RoleARN[strings.LastIndexByte(a.RoleARN, '/')+1:]
	role, there := s.seen("role " + name).Roles[name]
	switch {
	case !there || roleARN(role.Path, name) != a.RoleARN:
		return invalid("Role provided in the request does not exist.")
	case !trustsPodIdentity(role.Trust):
		return invalid("Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue.")
	case a.Policy != "" && !a.DisableSessionTags:
		return invalid("disableSessionTags must be true if a policy is provided.")
	}
	return nil
}

// trustsPodIdentity reports whether a trust policy has statements for EKS Pod Identity.
func trustsPodIdentity(trust string) bool {
	doc, err := iam.Parse([]byte(trust))
	return err == nil && slices.ContainsFunc(doc.Statement, func(s iam.Statement) bool {
		return s.Effect == iam.Allow && slices.Contains(s.Principal.Service, desired.PodIdentityService)
	})
}

// onAssociation returns an operation on an existing association.
func onAssociation(req restRequest, write bool, run func(s *State, lag int, at int) apiResponse) apiOperation {
	id := req.segments[3]
	return onCluster(req, "podidentityassociation/"+req.segments[1]+"/"+id, write, func(s *State, lag int, cluster string, _ Cluster) apiResponse {
		at := s.association(cluster, id)
		if at < 0 {
			return &apiError{404, "ResourceNotFoundException", "Association not found: " + id}
		}
		return run(s, lag, at)
	})
}

func describeAssociation(req restRequest) apiOperation {
	return onAssociation(req, false, func(s *State, _ int, at int) apiResponse { return s.Associations[at].whole() })
}

// updateAssociation changes only the fields of the request.
func updateAssociation(req restRequest) apiOperation {
	op := onAssociation(req, true, func(s *State, _ int, at int) apiResponse {
		b := req.body
		if b.RoleARN == nil && b.TargetRoleARN == nil && b.Policy == nil && b.DisableSessionTags == nil {
			return invalid("At least one field must change.")
		}
		a := b.patch(s.Associations[at], s.KeepsTargetRoles)
		if fail := s.checkAssociation(a); fail != nil {
			return fail
		}
		s.Associations = slices.Clone(s.Associations)
		s.Associations[at] = a
		return a.whole()
	})
	op.also = req.rolePermissions()
	return op
}

func deleteAssociation(req restRequest) apiOperation {
	return onAssociation(req, true, func(s *State, lag int, at int) apiResponse {
		gone := s.Associations[at]
		s.lag("associations "+gone.Cluster, lag)
		s.Associations = slices.Delete(slices.Clone(s.Associations), at, at+1)
		return gone.whole()
	})
}

func tagAssociation(req restRequest) apiOperation {
	arn := req.segments[1]
	return apiOperation{resource: arn, write: true, run: func(s *State, _ int) apiResponse {
		for i, a := range s.Associations {
			if a.summary().AssociationARN != arn {
				continue
			}
			if fail := checkEKSTags(a.Tags, req.body.Tags, "BadRequestException"); fail != nil {
				return fail
			}
			s.Associations = slices.Clone(s.Associations)
			s.Associations[i].Tags = mergeMaps(a.Tags, req.body.Tags)
			return jsonAnswer{struct{}{}}
		}
		return &apiError{404, "NotFoundException", "no such resource: " + arn}
	}}
}

// checkEKSTags returns the error of EKS for tags that are added to others.
//
// Source: Amazon EKS User Guide, "Organize Amazon EKS resources with tags", "Tag
// restrictions".
func checkEKSTags(before, added map[string]string, code string) *apiError {
	for key, value := range added {
		if strings.HasPrefix(strings.ToLower(key), "aws:") || strings.HasPrefix(strings.ToLower(value), "aws:") {
			return &apiError{400, code, "tags with the prefix aws: are reserved"}
		}
	}
	if len(mergeMaps(before, added)) > 50 {
		return &apiError{400, code, "the resource would have more than 50 tags"}
	}
	return nil
}
