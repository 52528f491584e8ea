package space

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// The labels by which Spaces marks the host namespace of a control plane. They
// are not part of the published API.
const (
	labelName      = "internal.spaces.upbound.io/controlplane-name"
	labelNamespace = "internal.spaces.upbound.io/controlplane-namespace"
)

// Source says what told of a control plane.
type Source string

// The sources of control planes.
const (
	FromControlPlane   Source = "ControlPlane"     // a ControlPlane object
	FromLabels         Source = "namespace labels" // the labels of a host namespace
	FromServiceAccount Source = "ServiceAccount"   // a service account of a component's name
)

// ControlPlane is a control plane as the host cluster shows it.
type ControlPlane struct {
	HostNamespace string   `json:"hostNamespace,omitempty"` // empty where it has none yet
	Name          string   `json:"name,omitempty"`          // of the ControlPlane object
	Namespace     string   `json:"namespace,omitempty"`     // of the ControlPlane object: its group
	ID            string   `json:"id,omitempty"`
	Sources       []Source `json:"sources"`
	// Certain is false where nothing but the name of a service account tells that
	// the namespace is a control plane's: anybody may have made one.
	Certain bool `json:"certain"`
}

// Discovery is what the cluster says of its control planes.
type Discovery struct {
	ControlPlanes []ControlPlane // sorted by host namespace
	Problems      []*Error       // sources that could not be asked
}

// Namespaces are the host namespaces that certainly are control planes', sorted.
func (d Discovery) Namespaces() []string {
	var names []string
	for _, p := range d.ControlPlanes {
		if p.Certain && p.HostNamespace != "" {
			names = append(names, p.HostNamespace)
		}
	}
	return slices.Compact(names)
}

// Discover asks every source. One that cannot be asked is a problem in the
// result; it is an error where none can, or where no other call would do better.
func Discover(ctx context.Context, c *Client, components []identity.Component) (Discovery, error) {
	f := finder{client: c, planes: map[string]*ControlPlane{}, pending: map[string]ControlPlane{}}
	sources := []func(context.Context) error{f.controlPlanes, f.labels}
	for _, component := range components {
		sources = append(sources, func(ctx context.Context) error { return f.serviceAccounts(ctx, component) })
	}
	var failed []error
	for _, ask := range sources {
		err := ask(ctx)
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

type finder struct {
	client   *Client
	planes   map[string]*ControlPlane // by host namespace
	pending  map[string]ControlPlane  // that have none yet, by group and name
	problems []*Error
}

func (f *finder) discovery() Discovery {
	planes := slices.Collect(maps.Values(f.pending))
	for _, p := range f.planes {
		planes = append(planes, *p)
	}
	slices.SortFunc(planes, func(a, b ControlPlane) int {
		return cmp.Or(cmp.Compare(a.HostNamespace, b.HostNamespace), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return Discovery{planes, f.problems}
}

// plane is the control plane of a host namespace, noted with one more source.
func (f *finder) plane(hostNamespace string, from Source) *ControlPlane {
	p := f.planes[hostNamespace]
	if p == nil {
		p = &ControlPlane{HostNamespace: hostNamespace}
		f.planes[hostNamespace] = p
	}
	if !slices.Contains(p.Sources, from) {
		p.Sources = append(p.Sources, from)
	}
	p.Certain = p.Certain || from != FromServiceAccount || isHostNamespace(hostNamespace)
	return p
}

// isHostNamespace reports whether a namespace has the name that a Space gives by
// itself.
func isHostNamespace(name string) bool { return identity.MatchUUID.Admits(name) }

// controlPlanes reads the objects of the Spaces API.
func (f *finder) controlPlanes(ctx context.Context) error {
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

func (f *finder) labels(ctx context.Context) error {
	return List(ctx, f.client, Namespaces, Query{Labels: labelName}, func(o Namespace) {
		p := f.plane(o.Meta.Name, FromLabels)
		p.Name = cmp.Or(p.Name, o.Meta.Labels[labelName])
		p.Namespace = cmp.Or(p.Namespace, o.Meta.Labels[labelNamespace])
	})
}

func (f *finder) serviceAccounts(ctx context.Context, component identity.Component) error {
	return List(ctx, f.client, ServiceAccounts, Query{Fields: "metadata.name=" + component.ServiceAccount}, func(o Namespace) {
		f.plane(o.Meta.Namespace, FromServiceAccount)
	})
}

// InScope are the control planes that a config speaks of: those that it lists or
// matches, whoever told of them, and with discover those that certainly are
// control planes. A listed namespace that nobody told of is among them. Without
// any of the three it is every certain one.
func (d Discovery) InScope(planes identity.ControlPlanes, admits func(namespace string) bool) []ControlPlane {
	known := map[string]ControlPlane{}
	open := planes.Discover || len(planes.Namespaces) == 0 && planes.Match == ""
	for _, p := range d.ControlPlanes {
		if p.HostNamespace != "" && (admits(p.HostNamespace) || open && p.Certain) {
			known[p.HostNamespace] = p
		}
	}
	for _, name := range planes.Namespaces {
		if _, ok := known[name]; !ok {
			known[name] = ControlPlane{HostNamespace: name}
		}
	}
	var all []ControlPlane
	for _, name := range slices.Sorted(maps.Keys(known)) {
		all = append(all, known[name])
	}
	return all
}
