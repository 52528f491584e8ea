package awstest

import "maps"

type addonJSON struct {
	Name    string `json:"addonName"`
	Cluster string `json:"clusterName"`
	Status  string `json:"status"`
}

func addon(req restRequest, name, status string) apiResponse {
	return jsonAnswer{struct {
		Addon addonJSON `json:"addon"`
	}{addonJSON{name, req.segments[1], status}}}
}

// describeAddon returns an add-on. EKS needs a while to create one, so the add-on is ACTIVE
// only after it was shown once as CREATING.
func describeAddon(req restRequest) apiOperation {
	name := req.segments[3]
	return onCluster(req, "addon/"+req.segments[1]+"/"+name+"/example", false, func(s *State, _ int, key string, c Cluster) apiResponse {
		status, ok := s.seen("addon " + key).Clusters[key].Addons[name]
		if !ok {
			return &apiError{404, "ResourceNotFoundException", "No addon: " + name + " found in cluster: " + req.segments[1]}
		}
		if status == "CREATING" {
			s.setAddon(key, c, name, "ACTIVE")
		}
		return addon(req, name, status)
	})
}

func createAddon(req restRequest) apiOperation {
	op := onCluster(req, "cluster/"+req.segments[1], true, func(s *State, lag int, key string, c Cluster) apiResponse {
		name := req.body.AddonName
		if c.Addons[name] != "" {
			return &apiError{409, "ResourceInUseException", "Addon already exists."}
		}
		if fail := checkEKSTags(nil, req.body.Tags, "InvalidParameterException"); fail != nil {
			return fail
		}
		s.lag("addon "+key, lag)
		s.setAddon(key, c, name, "CREATING")
		return addon(req, name, "CREATING")
	})
	if len(req.body.Tags) > 0 {
		op.also = append(op.also, requiredPermission{"eks:TagResource", arnOf(req.region, "addon/"+req.segments[1]+"/"+req.body.AddonName+"/example")})
	}
	return op
}

func (s *State) setAddon(key string, c Cluster, name, status string) {
	c.Addons = mergeMaps(c.Addons, map[string]string{name: status})
	s.Clusters = maps.Clone(s.Clusters)
	s.Clusters[key] = c
}
