package space

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
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
	SpaceBackups        = Resource{"admin.spaces.upbound.io", "v1alpha1", "spacebackups"}
	SpaceSchedules      = Resource{"admin.spaces.upbound.io", "v1alpha1", "spacebackupschedules"}
	Backups             = Resource{"spaces.upbound.io", "v1alpha1", "backups"}
	BackupSchedules     = Resource{"spaces.upbound.io", "v1alpha1", "backupschedules"}
	SharedSchedules     = Resource{"spaces.upbound.io", "v1alpha1", "sharedbackupschedules"}
	SharedSecretStores  = Resource{"spaces.upbound.io", "v1alpha1", "sharedsecretstores"}
	NetworkPolicies     = Resource{"networking.k8s.io", "v1", "networkpolicies"}
	Nodes               = Resource{"", "v1", "nodes"}
	KyvernoPolicies     = Resource{"policies.kyverno.io", "v1", "mutatingpolicies"}
	AdmissionPolicies   = Resource{"admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies"}
	AdmissionBindings   = Resource{"admissionregistration.k8s.io", "v1", "mutatingadmissionpolicybindings"}
	MutatingWebhooks    = Resource{"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"}
)

// Meta is the part of an object's metadata that is read.
type Meta struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	UID         string            `json:"uid"`
	Version     string            `json:"resourceVersion"`
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

// Object is any object.
type Object struct {
	Meta   Meta            `json:"metadata"`
	Spec   json.RawMessage `json:"spec"`
	Status json.RawMessage `json:"status"`
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

// The annotations in which vcluster writes what an object is called inside it.
//
// Source: github.com/loft-sh/vcluster, pkg/util/translate.
const (
	syncedNameAnnotation      = "vcluster.loft.sh/object-name"
	syncedNamespaceAnnotation = "vcluster.loft.sh/object-namespace"
)

// SyncedFrom returns the name and namespace of the object inside the control plane from
// which vcluster has copied the service account. ok is false if it is no copy.
func (s ServiceAccount) SyncedFrom() (name, namespace string, ok bool) { return s.Meta.syncedFrom() }

// SyncedFrom is [ServiceAccount.SyncedFrom] for a pod.
func (p Pod) SyncedFrom() (name, namespace string, ok bool) { return p.Meta.syncedFrom() }

func (m Meta) syncedFrom() (name, namespace string, ok bool) {
	name, namespace = m.Annotations[syncedNameAnnotation], m.Annotations[syncedNamespaceAnnotation]
	return name, namespace, name != "" && namespace != ""
}

// Workload is a Deployment, StatefulSet or DaemonSet.
type Workload struct {
	Resource Resource `json:"-"`
	Meta     Meta     `json:"metadata"`
	Spec     struct {
		Replicas *int     `json:"replicas"`
		Paused   bool     `json:"paused"` // of a Deployment
		Update   strategy `json:"updateStrategy"`
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

// strategy is how a StatefulSet or DaemonSet replaces its pods.
type strategy struct {
	Type    string `json:"type"`
	Rolling struct {
		Partition int `json:"partition"` // of a StatefulSet: pods with a smaller ordinal keep the old template
	} `json:"rollingUpdate"`
}

// Stuck returns why a new pod template does not reach the pods of the workload, or "".
//
// Source: Kubernetes documentation, "Deployments: Pausing and Resuming a rollout" and
// "StatefulSets: Update strategies".
func (w Workload) Stuck() string {
	switch {
	case w.Spec.Paused:
		return "the Deployment is paused"
	case w.Spec.Update.Type == "OnDelete":
		return "its update strategy is OnDelete"
	case w.Spec.Update.Rolling.Partition > 0:
		return fmt.Sprintf("its update strategy has the partition %d", w.Spec.Update.Rolling.Partition)
	}
	return ""
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
	Volumes        []Volume    `json:"volumes"`
}

// All returns the init containers, then the others.
func (p PodSpec) All() []Container { return slices.Concat(p.InitContainers, p.Containers) }

// Volume is a volume with the service account tokens that it projects.
type Volume struct {
	Name      string `json:"name"`
	Projected struct {
		Sources []struct {
			Token *TokenSource `json:"serviceAccountToken"`
		} `json:"sources"`
	} `json:"projected"`
}

// TokenSource is a service account token in a volume.
type TokenSource struct {
	Audience   string `json:"audience"`          // empty: the API server's own
	Expiration int64  `json:"expirationSeconds"` // 0: Kubernetes' default, an hour
	Path       string `json:"path"`              // of the file in the volume
}

// Container is a container's name, environment and mounts.
type Container struct {
	Name    string        `json:"name"`
	Env     []Variable    `json:"env"`
	EnvFrom []Environment `json:"envFrom"`
	Mounts  []struct {
		Name string `json:"name"`
		Path string `json:"mountPath"`
	} `json:"volumeMounts"`
}

// Variable is an environment variable. From is set if its value comes from another object,
// such as a Secret, which is not read.
type Variable struct {
	Name  string    `json:"name"`
	Value string    `json:"value"`
	From  *struct{} `json:"valueFrom"`
}

// Environment is a Secret or ConfigMap whose keys are environment variables. It is not
// read.
type Environment struct {
	Secret    *named `json:"secretRef"`
	ConfigMap *named `json:"configMapRef"`
	Prefix    string `json:"prefix"` // that each variable gets
}

type named struct {
	Name string `json:"name"`
}

// String returns the kind and the name.
func (e Environment) String() string {
	if e.Secret != nil {
		return "Secret " + e.Secret.Name
	}
	if e.ConfigMap != nil {
		return "ConfigMap " + e.ConfigMap.Name
	}
	return "an object"
}

// Lookup returns an environment variable. If it is set twice, the last one counts.
//
// Source: Kubernetes API reference, Container v1 core, env.
func (c Container) Lookup(name string) (Variable, bool) {
	for _, e := range slices.Backward(c.Env) {
		if e.Name == name {
			return e, true
		}
	}
	return Variable{}, false
}

// TokenAt returns the service account token that is mounted at a path of the container.
func (p PodSpec) TokenAt(c Container, file string) (TokenSource, bool) {
	for _, mount := range c.Mounts {
		for _, v := range p.Volumes {
			if v.Name != mount.Name {
				continue
			}
			for _, source := range v.Projected.Sources {
				if source.Token != nil && path.Join(mount.Path, source.Token.Path) == path.Clean(file) {
					return *source.Token, true
				}
			}
		}
	}
	return TokenSource{}, false
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

// Owner returns the kind and name of the object that controls the pod, such as "ReplicaSet
// x", or "".
func (p Pod) Owner() string {
	for _, o := range p.Meta.Owners {
		if o.Controller || len(p.Meta.Owners) == 1 {
			return o.Kind + " " + o.Name
		}
	}
	return ""
}

// Workload returns the resource and name of the workload that owns the pod. If a ReplicaSet
// owns it, that is the ReplicaSet's Deployment. A ReplicaSet's name is the name of its
// Deployment, a dash and the hash of the pod template.
func (p Pod) Workload() (r Resource, name string, ok bool) {
	for _, o := range p.Meta.Owners {
		switch o.Kind {
		case "ReplicaSet":
			hash := p.Meta.Labels["pod-template-hash"]
			name, ok := strings.CutSuffix(o.Name, "-"+hash)
			return Deployments, name, ok && hash != ""
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

// Deleting reports whether the object is being deleted.
func (m Meta) Deleting() bool { return m.Deleted != nil }

// Is reports whether two workloads are the same object.
func (w Workload) Is(other Workload) bool {
	return w.Resource == other.Resource && w.Meta.Namespace == other.Meta.Namespace && w.Meta.Name == other.Meta.Name
}

// Replaced reports whether every pod has the current pod template, available or not.
func (w Workload) Replaced() bool {
	s := w.Status
	if w.Resource == DaemonSets {
		return s.ObservedGeneration >= w.Meta.Generation && s.UpdatedOnNodes == s.Desired
	}
	return s.ObservedGeneration >= w.Meta.Generation && s.Updated == w.replicas() && s.Replicas == w.replicas()
}

// RolledOut reports whether every pod is available and has the current pod template.
func (w Workload) RolledOut() bool {
	if w.Resource == DaemonSets {
		return w.Replaced() && w.Status.AvailableOnNode == w.Status.Desired
	}
	return w.Replaced() && w.Status.Available == w.replicas()
}

func (w Workload) replicas() int {
	if w.Spec.Replicas == nil {
		return 1
	}
	return *w.Spec.Replicas
}
