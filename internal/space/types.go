package space

import (
	"strings"
	"time"
)

// The resources that are read. A restart also changes workloads and service accounts.
var (
	Namespaces          = Resource{"", "v1", "namespaces"}
	ServiceAccounts     = Resource{"", "v1", "serviceaccounts"}
	Pods                = Resource{"", "v1", "pods"}
	Deployments         = Resource{"apps", "v1", "deployments"}
	StatefulSets        = Resource{"apps", "v1", "statefulsets"}
	DaemonSets          = Resource{"apps", "v1", "daemonsets"}
	ControlPlanes       = Resource{"spaces.upbound.io", "v1beta1", "controlplanes"}
	SharedBackupConfigs = Resource{"spaces.upbound.io", "v1alpha1", "sharedbackupconfigs"}
	SpaceBackupConfigs  = Resource{"admin.spaces.upbound.io", "v1alpha1", "spacebackupconfigs"}
	Backups             = Resource{"spaces.upbound.io", "v1alpha1", "backups"}
	AdmissionPolicies   = Resource{"admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies"}
	AdmissionBindings   = Resource{"admissionregistration.k8s.io", "v1", "mutatingadmissionpolicybindings"}
)

// Meta is the part of an object's metadata that is read.
type Meta struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Created     time.Time         `json:"creationTimestamp"`
	Deleted     *time.Time        `json:"deletionTimestamp"`
	Generation  int64             `json:"generation"`
	Owners      []Owner           `json:"ownerReferences"`
}

// Owner is a reference to an object that owns another.
type Owner struct {
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Controller bool   `json:"controller"`
}

// Object is any object. Only its metadata is read.
type Object struct {
	Meta Meta `json:"metadata"`
}

// ServiceAccount is a Kubernetes service account. Its managed fields say when each field
// was written.
type ServiceAccount struct {
	Meta struct {
		Meta
		Managed []ManagedFields `json:"managedFields"`
	} `json:"metadata"`
}

// ManagedFields are the fields that one client wrote last.
type ManagedFields struct {
	Time   time.Time `json:"time"`
	Fields rawText   `json:"fieldsV1"`
}

// rawText is JSON that is not decoded.
type rawText string

// UnmarshalJSON copies the JSON text.
func (r *rawText) UnmarshalJSON(text []byte) error {
	*r = rawText(text)
	return nil
}

// AnnotatedAt returns when an annotation was last written. If the API server has not
// recorded that, it returns the zero time.
//
// Source: Kubernetes documentation, "Server-Side Apply: Managed fields".
func (s ServiceAccount) AnnotatedAt(key string) time.Time {
	var last time.Time
	for _, m := range s.Meta.Managed {
		if strings.Contains(string(m.Fields), `"f:`+key+`"`) && m.Time.After(last) {
			last = m.Time
		}
	}
	return last
}

// Workload is a Deployment, StatefulSet or DaemonSet.
type Workload struct {
	Resource Resource `json:"-"`
	Meta     Meta     `json:"metadata"`
	Spec     struct {
		Replicas *int     `json:"replicas"`
		Template Template `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		Replicas           int   `json:"replicas"`
		Updated            int   `json:"updatedReplicas"`
		Available          int   `json:"availableReplicas"`
		// Of a DaemonSet:
		Desired         int `json:"desiredNumberScheduled"`
		UpdatedOnNodes  int `json:"updatedNumberScheduled"`
		AvailableOnNode int `json:"numberAvailable"`
	} `json:"status"`
}

// Template is the part of a pod template that is read.
type Template struct {
	Meta Meta    `json:"metadata"`
	Spec PodSpec `json:"spec"`
}

// PodSpec is the part of a pod that is read: its service account, and where the EKS
// webhook injects credentials.
type PodSpec struct {
	ServiceAccount string      `json:"serviceAccountName"`
	Containers     []Container `json:"containers"`
	InitContainers []Container `json:"initContainers"`
	Volumes        []struct {
		Name string `json:"name"`
	} `json:"volumes"`
}

// Container is a container's name and environment.
type Container struct {
	Name string `json:"name"`
	Env  []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"env"`
}

// Lookup returns the value of an environment variable. The value is empty if the variable
// refers to a Secret or ConfigMap.
func (c Container) Lookup(name string) (string, bool) {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value, true
		}
	}
	return "", false
}

// Pod is a pod with the part of its status that is read.
type Pod struct {
	Meta   Meta    `json:"metadata"`
	Spec   PodSpec `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

// Ready reports whether the pod runs and is ready.
func (p Pod) Ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return p.Status.Phase == "Running" && c.Status == "True"
		}
	}
	return false
}

// Done reports whether the pod has ended or is being deleted.
func (p Pod) Done() bool {
	return p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" || p.Meta.Deleted != nil
}

// Workload returns the resource and name of the workload that owns the pod. If a ReplicaSet
// owns it, that is the ReplicaSet's Deployment. A ReplicaSet's name is the name of its
// Deployment, a dash and the hash of the pod template.
func (p Pod) Workload() (r Resource, name string, ok bool) {
	for _, o := range p.Meta.Owners {
		switch o.Kind {
		case "ReplicaSet":
			name, ok := strings.CutSuffix(o.Name, "-"+p.Meta.Labels["pod-template-hash"])
			return Deployments, name, ok
		case "StatefulSet":
			return StatefulSets, o.Name, true
		case "DaemonSet":
			return DaemonSets, o.Name, true
		}
	}
	return Resource{}, "", false
}

// ControlPlaneObject is a ControlPlane of the Spaces API.
type ControlPlaneObject struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		HostNamespace struct {
			Name string `json:"name"`
		} `json:"hostNamespace"`
	} `json:"spec"`
	Status struct {
		ID string `json:"controlPlaneID"`
	} `json:"status"`
}

// BackupConfig is a SharedBackupConfig, or a SpaceBackupConfig, which has no
// namespace.
type BackupConfig struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		ObjectStorage struct {
			Provider string `json:"provider"`
			Bucket   string `json:"bucket"`
			Prefix   string `json:"prefix"`
			Config   struct {
				AWSSDKAuth bool `json:"aws_sdk_auth"`
			} `json:"config"`
			Credentials struct {
				Source string `json:"source"`
			} `json:"credentials"`
		} `json:"objectStorage"`
	} `json:"spec"`
}

// Backup is a backup of one control plane.
type Backup struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		ControlPlane string `json:"controlPlane"`
		ConfigRef    struct {
			Name string `json:"name"`
		} `json:"configRef"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		Conditions []struct {
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

// Is reports whether two workloads are the same object.
func (w Workload) Is(other Workload) bool {
	return w.Resource == other.Resource && w.Meta.Namespace == other.Meta.Namespace && w.Meta.Name == other.Meta.Name
}

// RolledOut reports whether every pod is available and has the current pod template.
func (w Workload) RolledOut() bool {
	s := w.Status
	if s.ObservedGeneration < w.Meta.Generation {
		return false
	}
	if w.Resource == DaemonSets {
		return s.UpdatedOnNodes == s.Desired && s.AvailableOnNode == s.Desired
	}
	replicas := 1
	if w.Spec.Replicas != nil {
		replicas = *w.Spec.Replicas
	}
	return s.Updated == replicas && s.Replicas == replicas && s.Available == replicas
}
