package space

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Selection is what [Observe] reads.
type Selection struct {
	Scope
	ServiceAccounts []string   // names; workloads and pods that use them are read too
	Backups         bool       // whether to read Backups, their schedules and configs
	SecretStores    bool       // whether to read SharedSecretStores
	Chain           bool       // whether to read the issuer and the network policies
	Objects         []Resource // cluster-scoped resources that are read whole
	Kyverno         bool       // whether to read Kyverno's webhooks and its controller
}

// Key is a namespace and a name in it.
type Key struct{ Namespace, Name string }

// Observed is the result of [Observe].
type Observed struct {
	ControlPlanes   []ControlPlane // in scope, sorted by host namespace
	OutOfScope      []ControlPlane // see [Discovery.OutOfScope]
	ServiceAccounts map[Key]ServiceAccount
	Workloads       map[Key][]Workload        // by their service account
	Pods            map[Key][]Pod             // by their service account, without those that have ended
	BackupConfigs   map[string][]BackupConfig // by namespace; empty for the whole Space
	Backups         map[Key]Backup            // the latest of each control plane, by its ControlPlane object
	Schedules       []Schedule                // that are not suspended
	SecretStores    []SecretStore
	NetworkPolicies map[string][]NetworkPolicy // by namespace
	Objects         map[Resource]map[string]Object
	Kyverno         Kyverno
	Issuer          string // of the cluster's tokens, a URL
	IssuerError     error  // why the issuer could not be read

	Undiscovered []*Error // sources of control planes that could not be read
	Unread       []*Error // lists that could not be read; an empty namespace means the whole cluster
}

// Failure returns why one of the resources could not be read in a namespace, or nil.
func (o Observed) Failure(namespace string, resources ...Resource) *Error {
	for _, e := range o.Unread {
		if slices.Contains(resources, e.Resource) && (e.Namespace == "" || e.Namespace == namespace) {
			return e
		}
	}
	return nil
}

// Observe reads what the selection names. The number of calls does not depend on the
// number of control planes. But if RBAC does not allow it to list the whole
// cluster, Observe lists each namespace.
//
// The result has the lists that could not be read. Observe fails if it finds no control
// planes, or if an error is fatal (see [Error.Fatal]).
func Observe(ctx context.Context, c *Client, wanted Selection) (Observed, error) {
	discovery, err := Discover(ctx, c, wanted.ServiceAccounts)
	if problem, ok := errors.AsType[*Error](err); err != nil && (!ok || problem.Fatal() || len(wanted.Namespaces) == 0) {
		return Observed{}, err
	}
	o := &spaceObserver{client: c, wanted: wanted, inScope: map[string]bool{}, Observed: Observed{
		ControlPlanes: discovery.InScope(wanted.Scope), OutOfScope: discovery.OutOfScope(wanted.Scope), Undiscovered: discovery.Problems,
		ServiceAccounts: map[Key]ServiceAccount{}, Workloads: map[Key][]Workload{}, Pods: map[Key][]Pod{},
		BackupConfigs: map[string][]BackupConfig{}, Backups: map[Key]Backup{}, NetworkPolicies: map[string][]NetworkPolicy{},
		Objects: map[Resource]map[string]Object{}}}
	for _, p := range o.ControlPlanes {
		o.inScope[p.HostNamespace] = true
	}
	for _, read := range []func(context.Context) error{o.readAccounts, o.readPods, o.readWorkloads, o.readBackups, o.readSecretStores, o.readChain, o.readObjects, o.readKyverno} {
		if err := read(ctx); err != nil {
			return Observed{}, err
		}
	}
	return o.Observed, nil
}

// spaceObserver fills in an Observed.
type spaceObserver struct {
	Observed
	client  *Client
	wanted  Selection
	inScope map[string]bool // host namespaces
}

// listAll lists the whole cluster if RBAC allows it, or else each of the namespaces. It
// returns only fatal errors and records the others.
func listAll[T any](ctx context.Context, o *spaceObserver, r Resource, fields string, namespaces []string, each func(T)) error {
	err := List(ctx, o.client, r, Query{Fields: fields}, each)
	if problem, ok := errors.AsType[*Error](err); !ok || !problem.Forbidden() || len(namespaces) == 0 {
		return o.recordUnread(err)
	}
	for _, namespace := range namespaces {
		if err := o.recordUnread(List(ctx, o.client, r, Query{Namespace: namespace, Fields: fields}, each)); err != nil {
			return err
		}
	}
	return nil
}

// recordUnread records the error of a list. It returns a fatal error.
func (o *spaceObserver) recordUnread(err error) error {
	problem, ok := errors.AsType[*Error](err)
	if !ok || problem.Fatal() {
		return err
	}
	o.Unread = append(o.Unread, problem)
	return nil
}

func (o *spaceObserver) hostNamespaces() []string { return slices.Sorted(maps.Keys(o.inScope)) }

func (o *spaceObserver) readAccounts(ctx context.Context) error {
	for _, name := range o.wanted.ServiceAccounts {
		err := listAll(ctx, o, ServiceAccounts, "metadata.name="+name, o.hostNamespaces(), func(a ServiceAccount) {
			if o.inScope[a.Meta.Namespace] {
				o.ServiceAccounts[Key{a.Meta.Namespace, a.Meta.Name}] = a
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *spaceObserver) readPods(ctx context.Context) error {
	for _, account := range o.wanted.ServiceAccounts {
		err := listAll(ctx, o, Pods, "spec.serviceAccountName="+account, o.hostNamespaces(), func(p Pod) {
			at := Key{p.Meta.Namespace, account}
			seen := func(other Pod) bool { return other.Meta.Name == p.Meta.Name }
			if o.inScope[p.Meta.Namespace] && !p.Done() && !slices.ContainsFunc(o.Pods[at], seen) {
				o.Pods[at] = append(o.Pods[at], p)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readWorkloads reads the workloads that own the pods, and those that have the name of a
// service account. It lists them by name, because a Space has many other workloads.
func (o *spaceObserver) readWorkloads(ctx context.Context) error {
	names := map[Resource]map[string]bool{Deployments: {}, StatefulSets: {}, DaemonSets: {}}
	for _, account := range o.wanted.ServiceAccounts {
		names[Deployments][account] = true
		names[StatefulSets][account] = true
	}
	for _, pods := range o.Pods {
		for _, p := range pods {
			if r, name, ok := p.Workload(); ok {
				names[r][name] = true
			}
		}
	}
	for _, r := range []Resource{Deployments, StatefulSets, DaemonSets} {
		for _, name := range slices.Sorted(maps.Keys(names[r])) {
			err := listAll(ctx, o, r, "metadata.name="+name, o.hostNamespaces(), func(w Workload) {
				w.Resource = r
				at := Key{w.Meta.Namespace, w.Spec.Template.Spec.ServiceAccount}
				if o.inScope[w.Meta.Namespace] && !slices.ContainsFunc(o.Workloads[at], w.Is) {
					o.Workloads[at] = append(o.Workloads[at], w)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *spaceObserver) readBackups(ctx context.Context) error {
	if !o.wanted.Backups {
		return nil
	}
	planes := map[Key]bool{}
	for _, p := range o.ControlPlanes {
		planes[Key{p.Namespace, p.Name}] = p.Name != ""
	}
	namespaces := o.groups()
	addConfig := func(b BackupConfig) {
		of := o.BackupConfigs[b.Meta.Namespace]
		if !slices.ContainsFunc(of, func(seen BackupConfig) bool { return seen.Meta.Name == b.Meta.Name }) {
			o.BackupConfigs[b.Meta.Namespace] = append(of, b)
		}
	}
	if err := listAll(ctx, o, SharedBackupConfigs, "", namespaces, addConfig); err != nil {
		return err
	}
	if err := listAll(ctx, o, SpaceBackupConfigs, "", nil, addConfig); err != nil {
		return err
	}
	if err := o.readSchedules(ctx, namespaces); err != nil {
		return err
	}
	return listAll(ctx, o, Backups, "", namespaces, func(b Backup) {
		of := Key{b.Meta.Namespace, b.Spec.ControlPlane}
		last, seen := o.Backups[of]
		if planes[of] && b.Status.Phase != "Deleted" && (!seen || b.Meta.Created.After(last.Meta.Created)) {
			o.Backups[of] = b
		}
	})
}

func (o *spaceObserver) readSchedules(ctx context.Context, namespaces []string) error {
	for _, r := range []Resource{BackupSchedules, SharedSchedules} {
		err := listAll(ctx, o, r, "", namespaces, func(s Schedule) {
			if !s.Spec.Suspend {
				o.Schedules = append(o.Schedules, s)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *spaceObserver) readSecretStores(ctx context.Context) error {
	if !o.wanted.SecretStores {
		return nil
	}
	return listAll(ctx, o, SharedSecretStores, "", o.groups(), func(s SecretStore) { o.SecretStores = append(o.SecretStores, s) })
}

// groups returns the namespaces of the ControlPlane objects, sorted.
func (o *spaceObserver) groups() []string {
	groups := map[string]bool{}
	for _, p := range o.ControlPlanes {
		if p.Namespace != "" {
			groups[p.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(groups))
}

func (o *spaceObserver) readChain(ctx context.Context) error {
	if !o.wanted.Chain {
		return nil
	}
	o.Issuer, o.IssuerError = o.client.Issuer(ctx)
	return listAll(ctx, o, NetworkPolicies, "", o.hostNamespaces(), func(p NetworkPolicy) {
		if o.inScope[p.Meta.Namespace] {
			o.NetworkPolicies[p.Meta.Namespace] = append(o.NetworkPolicies[p.Meta.Namespace], p)
		}
	})
}

func (o *spaceObserver) readObjects(ctx context.Context) error {
	for _, r := range o.wanted.Objects {
		o.Objects[r] = map[string]Object{}
		if err := listAll(ctx, o, r, "", nil, func(found Object) { o.Objects[r][found.Meta.Name] = found }); err != nil {
			return err
		}
	}
	return nil
}

// optionalResources need not exist in a cluster. Whoever needs one reports it.
var optionalResources = []Resource{SpaceBackupConfigs, BackupSchedules, SharedSchedules, SharedSecretStores, AdmissionPolicies, AdmissionBindings, KyvernoPolicies}

// Problems returns what could not be read. Each resource is reported once.
func (o Observed) Problems() []string {
	var all []string
	for _, e := range o.Undiscovered {
		// A source that the cluster does not serve is no problem if another source finds
		// control planes.
		if !e.NotServed() || len(o.ControlPlanes) == 0 {
			all = append(all, "discovery: "+e.Error())
		}
	}
	byResource := map[Resource]int{}
	for _, e := range o.Unread {
		byResource[e.Resource]++
	}
	for _, e := range o.Unread {
		n := byResource[e.Resource]
		delete(byResource, e.Resource)
		switch {
		case n == 0 || e.NotServed() && slices.Contains(optionalResources, e.Resource):
		case n == 1:
			all = append(all, e.Error())
		default:
			all = append(all, fmt.Sprintf("%v (and %d more lists of %s)", e, n-1, e.Resource))
		}
	}
	return all
}
