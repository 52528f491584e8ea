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
	ServiceAccounts []string   // names in host namespaces; workloads and pods that use them are read too
	Elsewhere       []Key      // service accounts in other namespaces, read likewise
	Synced          bool       // whether to read the service accounts that vcluster has copied to host namespaces
	Backups         bool       // whether to read Backups, their schedules and configs
	SpaceBackups    bool       // whether to read SpaceBackups, their schedules and configs
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
	Synced          map[string][]ServiceAccount // by host namespace; those that vcluster has copied there
	Workloads       map[Key][]Workload          // by their service account
	Pods            map[Key][]Pod               // by their service account, without those that have ended
	BackupConfigs   map[string][]BackupConfig   // by namespace; empty for the whole Space
	Backups         map[Key]Backup              // the latest of each control plane, by its ControlPlane object
	Schedules       []Schedule                  // that are not suspended
	SpaceBackup     *Backup                     // the latest of the whole Space; nil if there is none
	SpaceSchedules  []Schedule                  // of the whole Space, that are not suspended
	SecretStores    []SecretStore
	NetworkPolicies map[string][]NetworkPolicy // by namespace
	Objects         map[Resource]map[string]Object
	Kyverno         Kyverno
	Issuer          string // of the cluster's tokens, a URL
	IssuerError     error  // why the issuer could not be read

	Undiscovered []*Error // sources of control planes that could not be read
	Unread       UnreadLists
}

// UnreadLists are lists that could not be read. An empty namespace means the whole cluster.
type UnreadLists struct {
	All []*Error

	first map[unreadList]int // index in All
}

// unreadList is a list of a resource in a namespace, or in the whole cluster.
type unreadList struct {
	resource  Resource
	namespace string
}

// Add adds the error of a list.
func (u *UnreadLists) Add(e *Error) {
	list := unreadList{e.Resource, e.Namespace}
	if u.first == nil {
		u.first = map[unreadList]int{}
	}
	if _, known := u.first[list]; !known {
		u.first[list] = len(u.All)
	}
	u.All = append(u.All, e)
}

// Failure returns why one of the resources could not be read in a namespace, or nil. Each
// namespace may have errors of its own, so it does not search all of them.
func (o Observed) Failure(namespace string, resources ...Resource) *Error {
	first := len(o.Unread.All)
	for _, r := range resources {
		for _, list := range []unreadList{{r, namespace}, {r, ""}} {
			if i, unread := o.Unread.first[list]; unread {
				first = min(first, i)
			}
		}
	}
	if first == len(o.Unread.All) {
		return nil
	}
	return o.Unread.All[first]
}

// Observe reads what the selection names. The number of calls does not depend on the
// number of control planes. But if RBAC does not allow it to list the whole
// cluster, Observe lists each namespace. It looks for control planes only if the selection
// names service accounts in host namespaces.
//
// The result has the lists that could not be read. Observe fails if it finds no control
// planes, or if an error is fatal (see [Error.Fatal]).
func Observe(ctx context.Context, c *Client, wanted Selection) (Observed, error) {
	var discovery Discovery
	var err error
	if len(wanted.ServiceAccounts) > 0 {
		discovery, err = Discover(ctx, c, wanted.ServiceAccounts)
	}
	if problem, ok := errors.AsType[*Error](err); err != nil && (!ok || problem.Fatal() || len(wanted.Namespaces)+len(wanted.Elsewhere) == 0) {
		return Observed{}, err
	}
	if err != nil && len(wanted.Namespaces) > 0 {
		discovery.Problems = nil // the selection names the control planes
	}
	o := &spaceObserver{client: c, wanted: wanted, inScope: map[string]bool{}, Observed: Observed{
		ControlPlanes: discovery.InScope(wanted.Scope), OutOfScope: discovery.OutOfScope(wanted.Scope), Undiscovered: discovery.Problems,
		ServiceAccounts: map[Key]ServiceAccount{}, Synced: map[string][]ServiceAccount{}, Workloads: map[Key][]Workload{}, Pods: map[Key][]Pod{},
		BackupConfigs: map[string][]BackupConfig{}, Backups: map[Key]Backup{}, NetworkPolicies: map[string][]NetworkPolicy{},
		Objects: map[Resource]map[string]Object{}}}
	for _, p := range o.ControlPlanes {
		o.inScope[p.HostNamespace] = true
	}
	for _, read := range []func(context.Context) error{o.readAccounts, o.readSynced, o.readPods, o.readWorkloads, o.readBackupConfigs, o.readBackups, o.readSpaceBackups, o.readSecretStores, o.readChain, o.readObjects, o.readKyverno} {
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
	o.Unread.Add(problem)
	return nil
}

// namespaces returns the namespaces that have service accounts of the selection, sorted.
func (o *spaceObserver) namespaces() []string {
	all := slices.Collect(maps.Keys(o.inScope))
	for _, key := range o.wanted.Elsewhere {
		all = append(all, key.Namespace)
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// accounts returns the names of service accounts to read, each once.
func (o *spaceObserver) accounts() []string {
	all := slices.Clone(o.wanted.ServiceAccounts)
	for _, key := range o.wanted.Elsewhere {
		all = append(all, key.Name)
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// selects reports whether the selection names a service account.
func (o *spaceObserver) selects(namespace, name string) bool {
	return o.inScope[namespace] && slices.Contains(o.wanted.ServiceAccounts, name) || slices.Contains(o.wanted.Elsewhere, Key{namespace, name})
}

// hasWorkloads reports whether workloads of a namespace are read.
func (o *spaceObserver) hasWorkloads(namespace string) bool {
	return o.inScope[namespace] || slices.ContainsFunc(o.wanted.Elsewhere, func(k Key) bool { return k.Namespace == namespace })
}

func (o *spaceObserver) readAccounts(ctx context.Context) error {
	for _, name := range o.accounts() {
		err := listAll(ctx, o, ServiceAccounts, "metadata.name="+name, o.namespaces(), func(a ServiceAccount) {
			if o.selects(a.Meta.Namespace, name) {
				o.ServiceAccounts[Key{a.Meta.Namespace, a.Meta.Name}] = a
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readSynced lists the service accounts of whole namespaces, because only annotations tell
// which of them vcluster has copied.
func (o *spaceObserver) readSynced(ctx context.Context) error {
	if !o.wanted.Synced {
		return nil
	}
	return listAll(ctx, o, ServiceAccounts, "", o.namespaces(), func(a ServiceAccount) {
		of := o.Synced[a.Meta.Namespace]
		_, _, synced := a.SyncedFrom()
		if synced && o.hasWorkloads(a.Meta.Namespace) && !slices.ContainsFunc(of, func(seen ServiceAccount) bool { return seen.Meta.Name == a.Meta.Name }) {
			o.Synced[a.Meta.Namespace] = append(of, a)
		}
	})
}

func (o *spaceObserver) readPods(ctx context.Context) error {
	for _, account := range o.accounts() {
		err := listAll(ctx, o, Pods, "spec.serviceAccountName="+account, o.namespaces(), func(p Pod) {
			at := Key{p.Meta.Namespace, account}
			seen := func(other Pod) bool { return other.Meta.Name == p.Meta.Name }
			if o.selects(p.Meta.Namespace, account) && !p.Done() && !slices.ContainsFunc(o.Pods[at], seen) {
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
	for _, account := range o.accounts() {
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
			err := listAll(ctx, o, r, "metadata.name="+name, o.namespaces(), func(w Workload) {
				w.Resource = r
				at := Key{w.Meta.Namespace, w.Spec.Template.Spec.ServiceAccount}
				if o.hasWorkloads(w.Meta.Namespace) && !slices.ContainsFunc(o.Workloads[at], w.Is) {
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
	return listAll(ctx, o, NetworkPolicies, "", o.namespaces(), func(p NetworkPolicy) {
		if o.hasWorkloads(p.Meta.Namespace) {
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
var optionalResources = []Resource{SpaceBackupConfigs, SpaceBackups, SpaceSchedules, BackupSchedules, SharedSchedules, SharedSecretStores, AdmissionPolicies, AdmissionBindings, KyvernoPolicies}

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
	for _, e := range o.Unread.All {
		byResource[e.Resource]++
	}
	for _, e := range o.Unread.All {
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
