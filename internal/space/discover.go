package space

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// The labels with which Spaces marks the host namespace of a control plane. They are
// not part of the published API.
const (
	labelName      = "internal.spaces.upbound.io/controlplane-name"
	labelNamespace = "internal.spaces.upbound.io/controlplane-namespace"
)

// Source says where a control plane was found.
type Source string

// The sources of control planes.
const (
	FromControlPlane   Source = "ControlPlane"     // a ControlPlane object
	FromLabels         Source = "namespace labels" // the labels of a host namespace
	FromServiceAccount Source = "ServiceAccount"   // a service account of a component's name
)

// ControlPlane is a control plane as the host cluster shows it.
type ControlPlane struct {
	HostNamespace string   `json:"hostNamespace,omitempty"` // empty if it has none yet
	Name          string   `json:"name,omitempty"`          // of the ControlPlane object
	Namespace     string   `json:"namespace,omitempty"`     // of the ControlPlane object: its group
	ID            string   `json:"id,omitempty"`
	Sources       []Source `json:"sources"`
	// Certain is false if only the name of a service account suggests that the
	// namespace is a control plane's: anybody may have created one of that name.
	Certain bool `json:"certain"`
}

// Discovery is what was found of a cluster's control planes.
type Discovery struct {
	ControlPlanes []ControlPlane // sorted by host namespace
	Problems      []*Error       // sources that could not be read
}

// Certain returns the certain control planes that have a host namespace.
func (d Discovery) Certain() []ControlPlane {
	return d.InScope(Scope{Admits: func(string) bool { return false }, Certain: true})
}

// Discover reads every source: ControlPlane objects, labels of namespaces, and service
// accounts of these names. A source that cannot be read is a problem in the result. It
// is an error if none can, or if every other call would fail too.
func Discover(ctx context.Context, c *Client, serviceAccounts []string) (Discovery, error) {
	f := planeFinder{client: c, planes: map[string]*ControlPlane{}, pending: map[string]ControlPlane{}}
	sources := []func(context.Context) error{f.controlPlanes, f.labels}
	for _, name := range serviceAccounts {
		sources = append(sources, func(ctx context.Context) error { return f.serviceAccounts(ctx, name) })
	}
	var failed []error
	for _, read := range sources {
		err := read(ctx)
		if err == nil {
			continue
		}
		problem, ok := errors.AsType[*Error](err)
		if !ok || problem.Fatal() {
			return Discovery{}, err
		}
		failed = append(failed, err)
		f.problems = append(f.problems, problem)
	}
	if len(failed) == len(sources) {
		return Discovery{}, errors.Join(failed...)
	}
	return f.discovery(), nil
}

type planeFinder struct {
	client   *Client
	planes   map[string]*ControlPlane // by host namespace
	pending  map[string]ControlPlane  // without a host namespace yet, by group and name
	problems []*Error
}

func (f *planeFinder) discovery() Discovery {
	planes := slices.Collect(maps.Values(f.pending))
	for _, p := range f.planes {
		planes = append(planes, *p)
	}
	slices.SortFunc(planes, func(a, b ControlPlane) int {
		return cmp.Or(cmp.Compare(a.HostNamespace, b.HostNamespace), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return Discovery{planes, f.problems}
}

// plane returns the control plane of a host namespace and notes where it was found.
func (f *planeFinder) plane(hostNamespace string, from Source) *ControlPlane {
	p := f.planes[hostNamespace]
	if p == nil {
		p = &ControlPlane{HostNamespace: hostNamespace}
		f.planes[hostNamespace] = p
	}
	if !slices.Contains(p.Sources, from) {
		p.Sources = append(p.Sources, from)
	}
	p.Certain = p.Certain || from != FromServiceAccount || identity.MatchUUID.Admits(hostNamespace)
	return p
}

// controlPlanes reads the objects of the Spaces API.
func (f *planeFinder) controlPlanes(ctx context.Context) error {
	return List(ctx, f.client, ControlPlanes, Query{}, func(o ControlPlaneObject) {
		host := o.Spec.HostNamespace.Name
		if host == "" && o.Status.ID != "" {
			host = identity.HostNamespace(o.Status.ID)
		}
		if host == "" {
			f.pending[o.Meta.Namespace+"/"+o.Meta.Name] = ControlPlane{Name: o.Meta.Name, Namespace: o.Meta.Namespace,
				Sources: []Source{FromControlPlane}, Certain: true}
			return
		}
		p := f.plane(host, FromControlPlane)
		p.Name, p.Namespace, p.ID = o.Meta.Name, o.Meta.Namespace, o.Status.ID
	})
}

func (f *planeFinder) labels(ctx context.Context) error {
	return List(ctx, f.client, Namespaces, Query{Labels: labelName}, func(o Object) {
		p := f.plane(o.Meta.Name, FromLabels)
		p.Name = cmp.Or(p.Name, o.Meta.Labels[labelName])
		p.Namespace = cmp.Or(p.Namespace, o.Meta.Labels[labelNamespace])
	})
}

func (f *planeFinder) serviceAccounts(ctx context.Context, name string) error {
	return List(ctx, f.client, ServiceAccounts, Query{Fields: "metadata.name=" + name}, func(o Object) {
		f.plane(o.Meta.Namespace, FromServiceAccount)
	})
}

// Scope says which host namespaces to read.
type Scope struct {
	Namespaces []string                    // always, even if no source names them
	Admits     func(namespace string) bool // if a source names them
	Certain    bool                        // every certain control plane too
}

// InScope returns the control planes of a scope that have a host namespace, sorted by it.
func (d Discovery) InScope(scope Scope) []ControlPlane {
	planes := map[string]ControlPlane{}
	for _, name := range scope.Namespaces {
		planes[name] = ControlPlane{HostNamespace: name}
	}
	for _, p := range d.ControlPlanes {
		_, listed := planes[p.HostNamespace]
		if p.HostNamespace != "" && (listed || scope.Admits(p.HostNamespace) || scope.Certain && p.Certain) {
			planes[p.HostNamespace] = p
		}
	}
	var all []ControlPlane
	for _, name := range slices.Sorted(maps.Keys(planes)) {
		all = append(all, planes[name])
	}
	return all
}
