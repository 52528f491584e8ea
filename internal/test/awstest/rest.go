package awstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// restRequest is a call of EKS.
type restRequest struct {
	segments []string // of the path
	query    url.Values
	body     requestBody
}

// requestBody has all fields of the request bodies of the known operations.
type requestBody struct {
	AddonName          string            `json:"addonName"`
	ClientRequestToken string            `json:"clientRequestToken"`
	DisableSessionTags bool              `json:"disableSessionTags"`
	Namespace          string            `json:"namespace"`
	Policy             string            `json:"policy"`
	RoleARN            string            `json:"roleArn"`
	ServiceAccount     string            `json:"serviceAccount"`
	Tags               map[string]string `json:"tags"`
	TargetRoleARN      string            `json:"targetRoleArn"`
}

// restRoute is an operation of EKS: its method and path, * for a name.
type restRoute struct {
	method, path string
	name         string
	make         func(restRequest) apiOperation
}

var restRoutes = []restRoute{
	{"GET", "clusters", "ListClusters", listClusters},
	{"GET", "clusters/*", "DescribeCluster", describeCluster},
	{"GET", "clusters/*/addons/*", "DescribeAddon", describeAddon},
	{"POST", "clusters/*/addons", "CreateAddon", createAddon},
	{"GET", "clusters/*/pod-identity-associations", "ListPodIdentityAssociations", listAssociations},
	{"POST", "clusters/*/pod-identity-associations", "CreatePodIdentityAssociation", createAssociation},
	{"GET", "clusters/*/pod-identity-associations/*", "DescribePodIdentityAssociation", describeAssociation},
	{"POST", "clusters/*/pod-identity-associations/*", "UpdatePodIdentityAssociation", updateAssociation},
	{"DELETE", "clusters/*/pod-identity-associations/*", "DeletePodIdentityAssociation", deleteAssociation},
	{"POST", "tags/*", "TagResource", tagAssociation},
}

// decodeREST reads a call of EKS.
func decodeREST(r *http.Request, region string) (apiOperation, *apiError) {
	req := restRequest{query: r.URL.Query()}
	for segment := range strings.SplitSeq(strings.Trim(r.URL.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return apiOperation{}, invalid("the path is not encoded")
		}
		req.segments = append(req.segments, plain)
	}
	for _, route := range restRoutes {
		if route.method != r.Method || !route.matches(req.segments) {
			continue
		}
		if r.Method == http.MethodPost {
			decoder := json.NewDecoder(r.Body)
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&req.body); err != nil {
				return apiOperation{}, invalid("the body: " + err.Error())
			}
		}
		op := route.make(req)
		op.name = route.name
		if region != Region { // every region has its own clusters; the others have none
			op.run = func(*State, int) apiResponse { return noCluster(strings.Join(req.segments, "/")) }
		}
		return op, nil
	}
	return apiOperation{}, &apiError{404, "UnknownOperationException", r.Method + " " + r.URL.Path + " is no operation that this server knows"}
}

func (r restRoute) matches(segments []string) bool {
	return slices.EqualFunc(strings.Split(r.path, "/"), segments, func(want, got string) bool { return want == "*" || want == got })
}

func invalid(message string) *apiError {
	return &apiError{400, "InvalidParameterException", message}
}

func noCluster(name string) *apiError {
	return &apiError{404, "ResourceNotFoundException", "No cluster found for name: " + name + "."}
}

func arnOf(resource string) string {
	return "arn:" + Partition + ":eks:" + Region + ":" + AccountID + ":" + resource
}

func listClusters(restRequest) apiOperation {
	return apiOperation{resource: "*", run: func(s *State, _ int) apiResponse {
		var names []string
		for name := range s.Clusters {
			names = append(names, name)
		}
		slices.Sort(names)
		return jsonAnswer{struct {
			Clusters []string `json:"clusters"`
		}{names}}
	}}
}

// onCluster returns an operation on an existing cluster.
func onCluster(req restRequest, resource string, write bool, run func(s *State, lag int, name string, c Cluster) apiResponse) apiOperation {
	name := req.segments[1]
	return apiOperation{resource: arnOf(resource), write: write, run: func(s *State, lag int) apiResponse {
		cluster, ok := s.Clusters[name]
		if !ok {
			return noCluster(name)
		}
		return run(s, lag, name, cluster)
	}}
}

type clusterJSON struct {
	ARN      string `json:"arn"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	Status   string `json:"status"`
	Identity struct {
		OIDC struct {
			Issuer string `json:"issuer"`
		} `json:"oidc"`
	} `json:"identity"`
	ComputeConfig struct {
		Enabled bool `json:"enabled"`
	} `json:"computeConfig"`
}

func describeCluster(req restRequest) apiOperation {
	return onCluster(req, "cluster/"+req.segments[1], false, func(_ *State, _ int, name string, c Cluster) apiResponse {
		out := clusterJSON{ARN: arnOf("cluster/" + name), Name: name, Version: c.Version, Status: "ACTIVE"}
		out.Identity.OIDC.Issuer = c.Issuer
		out.ComputeConfig.Enabled = c.AutoMode
		return jsonAnswer{struct {
			Cluster clusterJSON `json:"cluster"`
		}{out}}
	})
}

type addonJSON struct {
	Name   string `json:"addonName"`
	Status string `json:"status"`
}

func addon(name string) apiResponse {
	return jsonAnswer{struct {
		Addon addonJSON `json:"addon"`
	}{addonJSON{name, "ACTIVE"}}}
}

func describeAddon(req restRequest) apiOperation {
	name := req.segments[3]
	return onCluster(req, "addon/"+req.segments[1]+"/"+name+"/example", false, func(s *State, _ int, cluster string, _ Cluster) apiResponse {
		if !s.seen("addon " + cluster).Clusters[cluster].Addons[name] {
			return &apiError{404, "ResourceNotFoundException", "No addon: " + name + " found in cluster: " + cluster}
		}
		return addon(name)
	})
}

func createAddon(req restRequest) apiOperation {
	op := onCluster(req, "cluster/"+req.segments[1], true, func(s *State, lag int, cluster string, c Cluster) apiResponse {
		name := req.body.AddonName
		if c.Addons[name] {
			return &apiError{409, "ResourceInUseException", "Addon already exists."}
		}
		s.lag("addon "+cluster, lag)
		if c.Addons == nil {
			c.Addons = map[string]bool{}
		}
		c.Addons[name] = true
		s.Clusters[cluster] = c
		return addon(name)
	})
	if len(req.body.Tags) > 0 {
		op.also = append(op.also, requiredPermission{"eks:TagResource", arnOf("addon/" + req.segments[1] + "/" + req.body.AddonName + "/example")})
	}
	return op
}

// associationJSON is an association as Describe shows it.
type associationJSON struct {
	ClusterName        string            `json:"clusterName"`
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	AssociationARN     string            `json:"associationArn"`
	AssociationID      string            `json:"associationId"`
	RoleARN            string            `json:"roleArn,omitempty"`
	TargetRoleARN      string            `json:"targetRoleArn,omitempty"`
	Policy             string            `json:"policy,omitempty"`
	OwnerARN           string            `json:"ownerArn,omitempty"` // of the add-on that created it
	DisableSessionTags bool              `json:"disableSessionTags"`
	Tags               map[string]string `json:"tags,omitempty"`
}

func (a Association) summary() associationJSON {
	return associationJSON{ClusterName: a.Cluster, Namespace: a.Namespace, ServiceAccount: a.ServiceAccount, AssociationID: a.ID,
		AssociationARN: arnOf("podidentityassociation/" + a.Cluster + "/" + a.ID), OwnerARN: a.OwnerARN}
}

func (a Association) whole() apiResponse {
	out := a.summary()
	out.RoleARN, out.TargetRoleARN, out.Policy = a.RoleARN, a.TargetRoleARN, a.Policy
	out.DisableSessionTags, out.Tags = a.DisableSessionTags, a.Tags
	return jsonAnswer{struct {
		Association associationJSON `json:"association"`
	}{out}}
}

// listAssociations returns pages of maxResults, at most 100. A token is the offset of the
// next page.
func listAssociations(req restRequest) apiOperation {
	return onCluster(req, "cluster/"+req.segments[1], false, func(s *State, _ int, cluster string, _ Cluster) apiResponse {
		size, err := strconv.Atoi(req.query.Get("maxResults"))
		if err != nil || size < 1 || size > 100 {
			size = 100
		}
		start, err := strconv.Atoi(req.query.Get("nextToken"))
		if err != nil && req.query.Has("nextToken") {
			return invalid("nextToken is not valid")
		}
		var found []associationJSON
		shown := s
		if start == 0 {
			shown = s.seen("associations " + cluster)
		}
		for _, a := range shown.Associations {
			if a.Cluster == cluster && selects(req.query, "namespace", a.Namespace) && selects(req.query, "serviceAccount", a.ServiceAccount) {
				found = append(found, a.summary())
			}
		}
		end := min(start+size, len(found))
		page := struct {
			Associations []associationJSON `json:"associations"`
			NextToken    string            `json:"nextToken,omitempty"`
		}{Associations: found[min(start, end):end]}
		if end < len(found) {
			page.NextToken = strconv.Itoa(end)
		}
		return jsonAnswer{page}
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
		if fail := s.checkAssociation(cluster, b); fail != nil {
			return fail
		}
		s.lag("associations "+cluster, lag)
		s.made++
		a := Association{ID: fmt.Sprintf("a-%017d", s.made), Cluster: cluster, Namespace: b.Namespace, ServiceAccount: b.ServiceAccount,
			RoleARN: b.RoleARN, TargetRoleARN: b.TargetRoleARN, Policy: b.Policy, Token: b.ClientRequestToken,
			DisableSessionTags: b.DisableSessionTags, Tags: b.Tags}
		s.Associations = append(s.Associations, a)
		return a.whole()
	})
	op.also = []requiredPermission{{"iam:GetRole", req.body.RoleARN}, {"iam:PassRole", req.body.RoleARN}}
	if len(req.body.Tags) > 0 {
		op.also = append(op.also, requiredPermission{"eks:TagResource", arnOf("podidentityassociation/" + req.segments[1] + "/a-new")})
	}
	return op
}

// checkAssociation returns the error of EKS if an association is not valid.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation.
func (s *State) checkAssociation(cluster string, b requestBody) *apiError {
	const most = 5000
	inCluster := 0
	for _, a := range s.Associations {
		if a.Cluster == cluster {
			inCluster++
		}
	}
	name := b.RoleARN[strings.LastIndexByte(b.RoleARN, '/')+1:]
	_, there := s.Roles[name]
	switch {
	case b.Namespace == "" || b.ServiceAccount == "":
		return invalid("namespace and serviceAccount are required")
	case inCluster >= most:
		return &apiError{400, "ResourceLimitExceededException", "the cluster has 5000 associations"}
	case !there || s.invisible("role "+name, name):
		return invalid("Role provided in the request does not exist.")
	case b.Policy != "" && !b.DisableSessionTags:
		return invalid("policy needs disableSessionTags")
	}
	return nil
}

// onAssociation returns an operation on an existing association.
func onAssociation(req restRequest, write bool, run func(s *State, lag int, at int) apiResponse) apiOperation {
	cluster, id := req.segments[1], req.segments[3]
	return onCluster(req, "podidentityassociation/"+cluster+"/"+id, write, func(s *State, lag int, _ string, _ Cluster) apiResponse {
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

func updateAssociation(req restRequest) apiOperation {
	op := onAssociation(req, true, func(s *State, _ int, at int) apiResponse {
		a, b := s.Associations[at], req.body
		a.RoleARN, a.TargetRoleARN, a.Policy, a.DisableSessionTags = b.RoleARN, b.TargetRoleARN, b.Policy, b.DisableSessionTags
		s.Associations = slices.Clone(s.Associations)
		s.Associations[at] = a
		return a.whole()
	})
	op.also = []requiredPermission{{"iam:GetRole", req.body.RoleARN}, {"iam:PassRole", req.body.RoleARN}}
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
			s.Associations = slices.Clone(s.Associations)
			s.Associations[i].Tags = mergeMaps(a.Tags, req.body.Tags)
			return jsonAnswer{struct{}{}}
		}
		return &apiError{404, "NotFoundException", "no such resource: " + arn}
	}}
}
