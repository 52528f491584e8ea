package awstest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// restRequest is a call of EKS.
type restRequest struct {
	segments []string // of the path
	query    url.Values
	raw      []byte
	body     requestBody
	region   string
}

// requestBody has all fields of the request bodies of the known operations.
type requestBody struct {
	AddonName          string            `json:"addonName"`
	ClientRequestToken string            `json:"clientRequestToken"`
	DisableSessionTags *bool             `json:"disableSessionTags"`
	Namespace          string            `json:"namespace"`
	Policy             *string           `json:"policy"`
	RoleARN            *string           `json:"roleArn"`
	ServiceAccount     string            `json:"serviceAccount"`
	Tags               map[string]string `json:"tags"`
	TargetRoleARN      *string           `json:"targetRoleArn"`
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
	req := restRequest{query: r.URL.Query(), region: region}
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
		return route.decode(r, req)
	}
	return apiOperation{}, &apiError{404, "UnknownOperationException", r.Method + " " + r.URL.Path + " is no operation that this server knows"}
}

// decode reads the body and checks the request.
func (r restRoute) decode(web *http.Request, req restRequest) (apiOperation, *apiError) {
	if web.Method == http.MethodPost {
		var err error
		if req.raw, err = io.ReadAll(web.Body); err == nil {
			err = json.Unmarshal(req.raw, &req.body)
		}
		if err != nil {
			return apiOperation{}, invalid("the body: " + err.Error())
		}
	}
	model := models["eks"]
	if problems := model.checkREST(model.Operations[r.name], req); len(problems) > 0 {
		code := map[bool]string{true: "BadRequestException", false: "InvalidParameterException"}[r.name == "TagResource"]
		return apiOperation{name: r.name}, &apiError{400, code, strings.Join(problems, "; ")}
	}
	op := r.make(req)
	op.name = r.name
	return op, nil
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

func arnOf(region, resource string) string {
	return "arn:" + Partition + ":eks:" + region + ":" + AccountID + ":" + resource
}

// clusterKey returns the key of a cluster in [State.Clusters].
func clusterKey(region, name string) string {
	if region == Region {
		return name
	}
	return region + "/" + name
}

// clusterOf returns the region and the name of a cluster.
func clusterOf(key string) (region, name string) {
	if region, name, other := strings.Cut(key, "/"); other {
		return region, name
	}
	return Region, key
}

func listClusters(req restRequest) apiOperation {
	return apiOperation{resource: "*", run: func(s *State, _ int) apiResponse {
		names := []string{}
		for _, key := range slices.Sorted(maps.Keys(s.Clusters)) {
			if region, name := clusterOf(key); region == req.region {
				names = append(names, name)
			}
		}
		names, next, fail := pageOf(s, names, req.query.Get("nextToken"), req.query.Get("maxResults"))
		if fail != nil {
			return invalid(fail.message)
		}
		return jsonAnswer{struct {
			Clusters  []string `json:"clusters"`
			NextToken string   `json:"nextToken,omitempty"`
		}{append([]string{}, names...), next}}
	}}
}

// onCluster returns an operation on an existing cluster.
func onCluster(req restRequest, resource string, write bool, run func(s *State, lag int, key string, c Cluster) apiResponse) apiOperation {
	key := clusterKey(req.region, req.segments[1])
	return apiOperation{resource: arnOf(req.region, resource), write: write, run: func(s *State, lag int) apiResponse {
		cluster, ok := s.Clusters[key]
		if !ok {
			return noCluster(req.segments[1])
		}
		return run(s, lag, key, cluster)
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
	return onCluster(req, "cluster/"+req.segments[1], false, func(_ *State, _ int, _ string, c Cluster) apiResponse {
		name := req.segments[1]
		out := clusterJSON{ARN: arnOf(req.region, "cluster/"+name), Name: name, Version: c.Version, Status: "ACTIVE"}
		out.Identity.OIDC.Issuer = c.Issuer
		out.ComputeConfig.Enabled = c.AutoMode
		return jsonAnswer{struct {
			Cluster clusterJSON `json:"cluster"`
		}{out}}
	})
}
