package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// key is a namespace and a name in it.
type key struct{ namespace, name string }

// Observed is what the cluster has of the control planes and components of a
// config.
type Observed struct {
	Planes []space.ControlPlane

	spec         identity.Spec
	inScope      map[string]bool // host namespaces
	accounts     map[key]space.ServiceAccount
	workloads    map[key][]space.Workload // by namespace and service account
	pods         map[key][]space.Pod      // by namespace and service account
	configs      map[string][]space.BackupConfig
	spaceConfigs []space.BackupConfig
	backups      map[key]space.Backup // the latest of a control plane
	policies     map[string]bool      // admission policies and bindings, by kind and name
	failed       []failure
	discovery    []*space.Error
}

// failure is a list that could not be had.
type failure struct {
	resource  space.Resource
	namespace string // the one that it is of; empty for all
	err       *space.Error
}

// Observe reads everything that the checks need: a constant number of lists,
// whatever the number of control planes. Where the right to list the whole
// cluster is missing it asks each namespace by itself. What cannot be read is
// kept as a failure; it is an error only where nothing can.
func Observe(ctx context.Context, client *space.Client, spec identity.Spec) (*Observed, error) {
	subjects := iam.SubjectsOf(spec)
	discovery, err := space.Discover(ctx, client, spec.Components)
	if problem, ok := errors.AsType[*space.Error](err); err != nil && (!ok || problem.Fatal() || len(spec.ControlPlanes.Namespaces) == 0) {
		return nil, err
	}
	o := &Observed{spec: spec, inScope: map[string]bool{}, accounts: map[key]space.ServiceAccount{}, workloads: map[key][]space.Workload{},
		pods: map[key][]space.Pod{}, configs: map[string][]space.BackupConfig{}, backups: map[key]space.Backup{}, policies: map[string]bool{},
		Planes: discovery.InScope(spec.ControlPlanes, subjects.Admits), discovery: discovery.Problems}
	for _, p := range o.Planes {
		o.inScope[p.HostNamespace] = true
	}
	reads := []func(context.Context, *space.Client) error{o.readAccounts, o.readPods, o.readWorkloads, o.readBackups, o.readPolicies}
	for _, read := range reads {
		if err := read(ctx, client); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// list reads a list, of the whole cluster where that is allowed, else of each
// control plane's namespace. Only what makes every further call useless is an
// error.
func list[T any](ctx context.Context, o *Observed, client *space.Client, r space.Resource, q space.Query, namespaces []string, each func(T)) error {
	err := space.List(ctx, client, r, q, each)
	problem, ok := errors.AsType[*space.Error](err)
	switch {
	case err == nil:
		return nil
	case !ok || problem.Fatal():
		return err
	case !problem.Forbidden() || len(namespaces) == 0:
		o.failed = append(o.failed, failure{r, "", problem})
		return nil
	}
	for _, namespace := range namespaces {
		q.Namespace = namespace
		err := space.List(ctx, client, r, q, each)
		if problem, ok := errors.AsType[*space.Error](err); ok && !problem.Fatal() {
			o.failed = append(o.failed, failure{r, namespace, problem})
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (o *Observed) hostNamespaces() []string {
	names := make([]string, len(o.Planes))
	for i, p := range o.Planes {
		names[i] = p.HostNamespace
	}
	return names
}

func (o *Observed) readAccounts(ctx context.Context, client *space.Client) error {
	for _, c := range o.spec.Components {
		q := space.Query{Fields: "metadata.name=" + c.ServiceAccount}
		err := list(ctx, o, client, space.ServiceAccounts, q, o.hostNamespaces(), func(sa space.ServiceAccount) {
			if o.inScope[sa.Meta.Namespace] {
				o.accounts[key{sa.Meta.Namespace, sa.Meta.Name}] = sa
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Observed) readPods(ctx context.Context, client *space.Client) error {
	for _, c := range o.spec.Components {
		q := space.Query{Fields: "spec.serviceAccountName=" + c.ServiceAccount}
		err := list(ctx, o, client, space.Pods, q, o.hostNamespaces(), func(p space.Pod) {
			at := key{p.Meta.Namespace, c.ServiceAccount}
			if o.inScope[p.Meta.Namespace] && !p.Done() {
				o.pods[at] = append(slices.DeleteFunc(o.pods[at], func(seen space.Pod) bool { return seen.Meta.Name == p.Meta.Name }), p)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readWorkloads reads the workloads that are called like the component or its
// service account, and those that the pods belong to: by name, because a Space
// has many others.
func (o *Observed) readWorkloads(ctx context.Context, client *space.Client) error {
	wanted := map[space.Resource]map[string]bool{space.Deployments: {}, space.StatefulSets: {}, space.DaemonSets: {}}
	for _, c := range o.spec.Components {
		wanted[space.Deployments][c.ServiceAccount] = true
		wanted[space.StatefulSets][c.ServiceAccount] = true
	}
	for _, pods := range o.pods {
		for _, p := range pods {
			if r, name, ok := p.Workload(); ok {
				wanted[r][name] = true
			}
		}
	}
	for _, r := range []space.Resource{space.Deployments, space.StatefulSets, space.DaemonSets} {
		for _, name := range sorted(wanted[r]) {
			err := list(ctx, o, client, r, space.Query{Fields: "metadata.name=" + name}, o.hostNamespaces(), func(w space.Workload) {
				w.Resource = r
				at := key{w.Meta.Namespace, w.Spec.Template.Spec.ServiceAccount}
				if o.inScope[w.Meta.Namespace] && !slices.ContainsFunc(o.workloads[at], w.Is) {
					o.workloads[at] = append(o.workloads[at], w)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// problems are the failures for people: those of one resource in several
// namespaces as one.
func (o *Observed) problems() []string {
	var all []string
	for _, p := range o.discovery {
		if p.NotServed() && len(o.Planes) > 0 {
			continue // another source told of them
		}
		all = append(all, "discovery: "+p.Error())
	}
	byResource := map[space.Resource][]failure{}
	var order []space.Resource
	for _, f := range o.failed {
		if f.err.NotServed() && optional(f.resource) {
			continue
		}
		if byResource[f.resource] == nil {
			order = append(order, f.resource)
		}
		byResource[f.resource] = append(byResource[f.resource], f)
	}
	for _, r := range order {
		first := byResource[r][0].err.Error()
		if more := len(byResource[r]) - 1; more > 0 {
			first += fmt.Sprintf(" (and %d more lists of %s)", more, r)
		}
		all = append(all, first)
	}
	return all
}

// optional reports whether a cluster may well do without the resource: the check
// that needs it says so.
func optional(r space.Resource) bool {
	return slices.Contains([]space.Resource{space.SpaceBackupConfigs, space.AdmissionPolicies, space.AdmissionBindings}, r)
}

// cannot is the failure that keeps a check of a namespace from its list, or nil.
func (o *Observed) cannot(namespace string, resources ...space.Resource) *space.Error {
	for _, f := range o.failed {
		if slices.Contains(resources, f.resource) && (f.namespace == "" || f.namespace == namespace) {
			return f.err
		}
	}
	return nil
}
