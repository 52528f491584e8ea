package account

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
)

// AgentAddon is the EKS add-on without which no pod gets credentials from an
// association.
//
// Source: Amazon EKS User Guide, "Set up the Amazon EKS Pod Identity Agent".
const AgentAddon = "eks-pod-identity-agent"

// Cluster is an EKS cluster as it stands.
type Cluster struct {
	ARN      string
	Issuer   string // URL
	Version  string // of Kubernetes, such as 1.36
	AutoMode bool   // EKS Auto Mode, which runs the agent by itself
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

// Cluster reads a cluster; ok is false where the region has none of that name.
func (r *Region) Cluster(ctx context.Context, name string) (found Cluster, ok bool, err error) {
	out, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(name)})
	if isMissing(err) {
		return Cluster{}, false, nil
	}
	if err != nil {
		return Cluster{}, false, r.caller.failed("eks:DescribeCluster", r.clusterARN(name), err)
	}
	c := out.Cluster
	found = Cluster{ARN: aws.ToString(c.Arn), Version: aws.ToString(c.Version)}
	if c.Identity != nil && c.Identity.Oidc != nil {
		found.Issuer = aws.ToString(c.Identity.Oidc.Issuer)
	}
	found.AutoMode = c.ComputeConfig != nil && aws.ToBool(c.ComputeConfig.Enabled)
	return found, true, nil
}

// AgentStatus is the state of the Pod Identity agent add-on, such as ACTIVE; ok
// is false where the cluster does not have it.
func (r *Region) AgentStatus(ctx context.Context, cluster string) (status string, ok bool, err error) {
	out, err := r.eks.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: aws.String(cluster), AddonName: aws.String(AgentAddon)})
	if isMissing(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, r.caller.failed("eks:DescribeAddon", r.clusterARN(cluster), err)
	}
	return string(out.Addon.Status), true, nil
}

// AddAgent installs the Pod Identity agent add-on, in the version that EKS takes
// by default.
func (r *Region) AddAgent(ctx context.Context, cluster string, t map[string]string) error {
	_, err := r.eks.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: aws.String(cluster), AddonName: aws.String(AgentAddon), Tags: t})
	return r.caller.failed("eks:CreateAddon", r.clusterARN(cluster), err)
}

func (r *Region) clusterARN(name string) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", r.caller.Partition, r.Name, r.caller.Account, name)
}
