package space

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// labelNamespace is the label with the group of a control plane, on its host namespace. It
// is not part of the published API.
const labelNamespace = "internal.spaces.upbound.io/controlplane-namespace"

// Source is where a control plane was found.
type Source string

// The sources of control planes.
const (
	FromControlPlane   Source = "ControlPlane"     // a ControlPlane object
	FromLabels         Source = "namespace labels" // the labels of a host namespace
	FromServiceAccount Source = "ServiceAccount"   // a service account with the name of a component
	FromConfig         Source = "config"           // the config alone: the namespace of a component
)

// ControlPlane is a control plane that was found in the host cluster.
type ControlPlane struct {
	HostNamespace string   `json:"hostNamespace,omitempty"` // empty if it has none yet
	Name          string   `json:"name,omitempty"`          // of the ControlPlane object
	Namespace     string   `json:"namespace,omitempty"`     // of the ControlPlane object: its group
	ID            string   `json:"id,omitempty"`
	Sources       []Source `json:"sources"`
	// Certain is false if the only sign of a control plane is the name of a service
	// account, which anybody may have created.
	Certain bool `json:"certain"`
	// Deleting says that the ControlPlane object or its host namespace is being deleted.
	Deleting bool                        `json:"deleting,omitempty"`
	Objects  []identity.ControlPlaneName `json:"-"` // the ControlPlane objects that name the host namespace
	Labels   map[string]string           `json:"-"` // of the ControlPlane object
}

// String returns the group and name of the ControlPlane object, or else the host namespace.
func (p ControlPlane) String() string {
	if p.Name == "" {
		return p.HostNamespace
	}
	return strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
}

// Discovery is the result of [Discover].
type Discovery struct {
	ControlPlanes []ControlPlane // sorted by host namespace
	Problems      []*Error       // sources that could not be read
}

// Certain returns the certain control planes that have a host namespace.
func (d Discovery) Certain() []ControlPlane {
	return d.InScope(Scope{Admits: func(string) bool { return false }, Certain: true})
}

// Discover looks for control planes in ControlPlane objects, in labels of namespaces and
// in service accounts of the given names. If one of these sources cannot be read, the
// result has a problem. Discover fails if no source can be read, or if an error is
// fatal (see [Error.Fatal]). If no source can be read, the result has the problems too.
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
		return Discovery{Problems: f.problems}, errors.Join(failed...)
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

// plane returns the control plane of a host namespace and adds the source.
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
				Sources: []Source{FromControlPlane}, Certain: true, Deleting: o.Meta.Deleting()}
			return
		}
		p := f.plane(host, FromControlPlane)
		p.Name, p.Namespace, p.ID, p.Labels = o.Meta.Name, o.Meta.Namespace, o.Status.ID, o.Meta.Labels
		p.Deleting = p.Deleting || o.Meta.Deleting()
		p.Objects = append(p.Objects, identity.ControlPlaneName{Group: o.Meta.Namespace, Name: o.Meta.Name})
	})
}

// ObjectNames returns the names of the ControlPlane objects, by host namespace. It omits a host
// namespace that several objects name: which of them owns it is not certain. Labels of a
// namespace do not count.
func ObjectNames(planes []ControlPlane) map[string]identity.ControlPlaneName {
	names := map[string]identity.ControlPlaneName{}
	for _, p := range planes {
		if len(p.Objects) == 1 {
			names[p.HostNamespace] = p.Objects[0]
		}
	}
	return names
}

func (f *planeFinder) labels(ctx context.Context) error {
	return List(ctx, f.client, Namespaces, Query{Labels: identity.ControlPlaneLabel}, func(o Object) {
		p := f.plane(o.Meta.Name, FromLabels)
		p.Name = cmp.Or(p.Name, o.Meta.Labels[identity.ControlPlaneLabel])
		p.Namespace = cmp.Or(p.Namespace, o.Meta.Labels[labelNamespace])
		p.Deleting = p.Deleting || o.Meta.Deleting()
	})
}

func (f *planeFinder) serviceAccounts(ctx context.Context, name string) error {
	return List(ctx, f.client, ServiceAccounts, Query{Fields: "metadata.name=" + name}, func(o Object) {
		f.plane(o.Meta.Namespace, FromServiceAccount)
	})
}

// Scope selects host namespaces.
type Scope struct {
	Namespaces []string                    // included even if they were not discovered
	Admits     func(namespace string) bool // whether to include a namespace that was discovered
	Certain    bool                        // whether to include every certain control plane
}

// InScope returns the control planes that a scope selects, sorted by host namespace.
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

// OutOfScope returns the certain control planes that a scope does not select, and those
// without a host namespace yet.
func (d Discovery) OutOfScope(scope Scope) []ControlPlane {
	in := map[string]bool{}
	for _, p := range d.InScope(scope) {
		in[p.HostNamespace] = true
	}
	return slices.DeleteFunc(slices.Clone(d.ControlPlanes), func(p ControlPlane) bool { return !p.Certain || in[p.HostNamespace] })
}
