package account

import (
	"context"
	"maps"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// AgentAddon is the EKS add-on that gives pods the credentials of their association.
//
// Source: Amazon EKS User Guide, "Set up the Amazon EKS Pod Identity Agent".
const AgentAddon = "eks-pod-identity-agent"

// AgentActive is the status of the add-on if the agent runs.
//
// Source: Amazon EKS API Reference, Addon, status.
const AgentActive = "ACTIVE"

// Cluster is an EKS cluster in the account.
type Cluster struct {
	ARN      string
	Issuer   string // URL
	Version  string // of Kubernetes, such as 1.36
	AutoMode bool   // whether EKS Auto Mode is on, which includes the agent
}

// Clusters lists the names of the region's clusters.
func (r *Region) Clusters(ctx context.Context) ([]string, error) {
	var names []string
	pages := eks.NewListClustersPaginator(r.eks, &eks.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.caller.failed("eks:ListClusters", "region "+r.Name, err)
		}
		names = append(names, page.Clusters...)
	}
	return names, nil
}

// Cluster reads a cluster. ok is false if the region has no cluster of that name.
func (r *Region) Cluster(ctx context.Context, name string) (found Cluster, ok bool, err error) {
	out, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(name)})
	if err != nil {
		return Cluster{}, false, unlessMissing(r.caller.failed("eks:DescribeCluster", r.clusterARN(name), err))
	}
	c := out.Cluster
	found = Cluster{ARN: aws.ToString(c.Arn), Version: aws.ToString(c.Version)}
	if c.Identity != nil && c.Identity.Oidc != nil {
		found.Issuer = aws.ToString(c.Identity.Oidc.Issuer)
	}
	found.AutoMode = c.ComputeConfig != nil && aws.ToBool(c.ComputeConfig.Enabled)
	return found, true, nil
}

// AgentStatus returns the status of the Pod Identity agent add-on, such as ACTIVE. ok is
// false if the cluster does not have the add-on.
func (r *Region) AgentStatus(ctx context.Context, cluster string) (status string, ok bool, err error) {
	out, err := r.eks.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: aws.String(cluster), AddonName: aws.String(AgentAddon)})
	if err != nil {
		return "", false, unlessMissing(r.caller.failed("eks:DescribeAddon", r.clusterARN(cluster), err))
	}
	return string(out.Addon.Status), true, nil
}

// AddAgent installs the Pod Identity agent add-on, in the version that EKS chooses.
func (r *Region) AddAgent(ctx context.Context, cluster string, t map[string]string) error {
	_, err := r.eks.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: aws.String(cluster), AddonName: aws.String(AgentAddon), Tags: t})
	return r.caller.failed("eks:CreateAddon", r.clusterARN(cluster), err)
}

// Listed is an association in a list. EKS lists no roles and no tags.
type Listed struct {
	ID, Namespace, ServiceAccount string
}

// Associations lists the associations of a cluster, in all namespaces. If serviceAccount
// is not empty, it lists only those for service accounts of that name.
func (r *Region) Associations(ctx context.Context, cluster, serviceAccount string) ([]Listed, error) {
	var found []Listed
	pages := eks.NewListPodIdentityAssociationsPaginator(r.eks, &eks.ListPodIdentityAssociationsInput{
		ClusterName: aws.String(cluster), ServiceAccount: optionalString(serviceAccount), MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.caller.failed("eks:ListPodIdentityAssociations", r.clusterARN(cluster), err)
		}
		for _, a := range page.Associations {
			found = append(found, Listed{aws.ToString(a.AssociationId), aws.ToString(a.Namespace), aws.ToString(a.ServiceAccount)})
		}
	}
	return found, nil
}

// readsAtOnce is the most associations that are read at the same time. EKS answers a call
// in about a tenth of a second, so ten calls at once use the rate that [DefaultRate] allows.
const readsAtOnce = 10

// ReadAssociations reads listed associations, several at a time, and returns them by their
// IDs. The result omits those that no longer exist. progress is called after each one, never
// twice at the same time; it may be nil.
func (r *Region) ReadAssociations(ctx context.Context, cluster string, listed []Listed, progress func(done, total int)) (map[string]desired.Association, error) {
	found := make(map[string]desired.Association, len(listed))
	var mutex sync.Mutex
	done := 0
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(readsAtOnce)
	for _, l := range listed {
		running.Go(func() error {
			a, ok, err := r.readAssociation(ctx, cluster, l.ID)
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				return err
			}
			if ok {
				found[l.ID] = a
			}
			if done++; progress != nil {
				progress(done, len(listed))
			}
			return nil
		})
	}
	return found, running.Wait()
}

// readAssociation reads an association. ok is false if it does not exist.
func (r *Region) readAssociation(ctx context.Context, cluster, id string) (found desired.Association, ok bool, err error) {
	out, err := r.eks.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{
		ClusterName: aws.String(cluster), AssociationId: aws.String(id)})
	if err != nil {
		return desired.Association{}, false, unlessMissing(r.caller.failed("eks:DescribePodIdentityAssociation", r.associationARN(cluster, id), err))
	}
	return r.association(out.Association), true, nil
}

func (r *Region) association(a *types.PodIdentityAssociation) desired.Association {
	return desired.Association{
		Region: r.Name, ClusterName: aws.ToString(a.ClusterName), Namespace: aws.ToString(a.Namespace), ServiceAccount: aws.ToString(a.ServiceAccount),
		RoleARN: aws.ToString(a.RoleArn), TargetRoleARN: aws.ToString(a.TargetRoleArn), Tags: maps.Clone(a.Tags),
		DisableSessionTags: aws.ToBool(a.DisableSessionTags), Policy: aws.ToString(a.Policy), ExternalID: aws.ToString(a.ExternalId),
	}
}

// CreateAssociation creates an association and returns its ID. The SDK sends the same
// token with every attempt, so that retries do not create a second association.
func (r *Region) CreateAssociation(ctx context.Context, a desired.Association) (id string, err error) {
	out, err := r.eks.CreatePodIdentityAssociation(ctx, &eks.CreatePodIdentityAssociationInput{
		ClusterName: aws.String(a.ClusterName), Namespace: aws.String(a.Namespace), ServiceAccount: aws.String(a.ServiceAccount),
		RoleArn: aws.String(a.RoleARN), TargetRoleArn: optionalString(a.TargetRoleARN), Policy: optionalString(a.Policy),
		DisableSessionTags: aws.Bool(a.DisableSessionTags), Tags: a.Tags,
	})
	if err != nil {
		return "", r.caller.failed("eks:CreatePodIdentityAssociation", subjectIn(r.clusterARN(a.ClusterName), a), err)
	}
	return aws.ToString(out.Association.AssociationId), nil
}

// UpdateAssociation changes the roles and the session settings of an association. EKS
// keeps what a request leaves out, and an empty target role or policy removes the one that
// was there. The reference does not say so, so EKS's answer must show it.
//
// Source: Amazon EKS API reference, UpdatePodIdentityAssociation; AWS Controllers for
// Kubernetes, eks-controller, pull request 164.
func (r *Region) UpdateAssociation(ctx context.Context, id string, before, after desired.Association) error {
	action, resource := "eks:UpdatePodIdentityAssociation", subjectIn(r.associationARN(after.ClusterName, id), after)
	out, err := r.eks.UpdatePodIdentityAssociation(ctx, &eks.UpdatePodIdentityAssociationInput{
		ClusterName: aws.String(after.ClusterName), AssociationId: aws.String(id), RoleArn: aws.String(after.RoleARN),
		TargetRoleArn: changedString(before.TargetRoleARN, after.TargetRoleARN), Policy: changedString(before.Policy, after.Policy),
		DisableSessionTags: aws.Bool(after.DisableSessionTags),
	})
	if err != nil {
		return r.caller.failed(action, resource, err)
	}
	got := r.association(out.Association)
	if after.TargetRoleARN == "" && got.TargetRoleARN != "" || after.Policy == "" && got.Policy != "" {
		return identity.WithHint("delete the association in EKS, then run `spaces-identity apply` again, which creates it",
			"%s on %s: EKS kept the target role or the session policy that this call removes", action, resource)
	}
	return nil
}

// DeleteAssociation removes an association. It returns no error if there is none.
func (r *Region) DeleteAssociation(ctx context.Context, cluster, id string) error {
	_, err := r.eks.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{
		ClusterName: aws.String(cluster), AssociationId: aws.String(id)})
	return unlessMissing(r.caller.failed("eks:DeletePodIdentityAssociation", r.associationARN(cluster, id), err))
}

// TagAssociation sets tags of an association and keeps the others.
func (r *Region) TagAssociation(ctx context.Context, cluster, id string, t map[string]string) error {
	arn := r.associationARN(cluster, id)
	_, err := r.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: aws.String(arn), Tags: t})
	return r.caller.failed("eks:TagResource", arn, err)
}

func (r *Region) clusterARN(name string) string { return r.arn("cluster/" + name) }

func (r *Region) associationARN(cluster, id string) string {
	return r.arn("podidentityassociation/" + cluster + "/" + id)
}

func (r *Region) arn(resource string) string {
	return "arn:" + r.caller.Partition + ":eks:" + r.Name + ":" + r.caller.Account + ":" + resource
}

func subjectIn(place string, a desired.Association) string {
	return place + " for " + a.Namespace + "/" + a.ServiceAccount
}

// changedString returns a value for an update. It is nil if neither the old nor the new
// value has any text.
func changedString(before, after string) *string {
	if before == "" && after == "" {
		return nil
	}
	return &after
}

func optionalString(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
