package account

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"spaces-identity.dev/internal/iam"
)

// Listed is what a list of associations says of each: not the role, nor the tags.
type Listed struct {
	ID, ARN        string
	Namespace      string
	ServiceAccount string
	OwnerARN       string // of what made it, such as an add-on; empty for none
}

// Associations lists the associations of a service account's name in a cluster,
// whatever their namespace, or without a name all of them.
func (r *Region) Associations(ctx context.Context, cluster, serviceAccount string) ([]Listed, error) {
	var found []Listed
	pages := eks.NewListPodIdentityAssociationsPaginator(r.eks, &eks.ListPodIdentityAssociationsInput{
		ClusterName: aws.String(cluster), ServiceAccount: optional(serviceAccount), MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.caller.failed("eks:ListPodIdentityAssociations", r.clusterARN(cluster), err)
		}
		for _, a := range page.Associations {
			found = append(found, Listed{aws.ToString(a.AssociationId), aws.ToString(a.AssociationArn),
				aws.ToString(a.Namespace), aws.ToString(a.ServiceAccount), aws.ToString(a.OwnerArn)})
		}
	}
	return found, nil
}

// Association reads an association whole; ok is false where it is gone.
func (r *Region) Association(ctx context.Context, cluster, id string) (found iam.Association, ok bool, err error) {
	out, err := r.eks.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{
		ClusterName: aws.String(cluster), AssociationId: aws.String(id)})
	if isMissing(err) {
		return iam.Association{}, false, nil
	}
	if err != nil {
		return iam.Association{}, false, r.caller.failed("eks:DescribePodIdentityAssociation", r.associationARN(cluster, id), err)
	}
	a := out.Association
	return iam.Association{
		ClusterName: aws.ToString(a.ClusterName), Namespace: aws.ToString(a.Namespace), ServiceAccount: aws.ToString(a.ServiceAccount),
		RoleARN: aws.ToString(a.RoleArn), TargetRoleARN: aws.ToString(a.TargetRoleArn), Tags: maps.Clone(a.Tags),
		DisableSessionTags: aws.ToBool(a.DisableSessionTags), Policy: aws.ToString(a.Policy),
	}, true, nil
}

// CreateAssociation makes an association and returns its ID. The SDK gives every
// call a token, so an attempt whose answer was lost makes no second one.
func (r *Region) CreateAssociation(ctx context.Context, a iam.Association) (id string, err error) {
	out, err := r.eks.CreatePodIdentityAssociation(ctx, &eks.CreatePodIdentityAssociationInput{
		ClusterName: aws.String(a.ClusterName), Namespace: aws.String(a.Namespace), ServiceAccount: aws.String(a.ServiceAccount),
		RoleArn: aws.String(a.RoleARN), TargetRoleArn: optional(a.TargetRoleARN), Policy: optional(a.Policy),
		DisableSessionTags: aws.Bool(a.DisableSessionTags), Tags: a.Tags,
	})
	if err != nil {
		return "", r.caller.failed("eks:CreatePodIdentityAssociation", subjectIn(r.clusterARN(a.ClusterName), a), err)
	}
	return aws.ToString(out.Association.AssociationId), nil
}

// UpdateAssociation gives an association the roles and session settings of a. The
// empty target role takes one away.
//
// Source: Amazon EKS API reference, UpdatePodIdentityAssociation.
func (r *Region) UpdateAssociation(ctx context.Context, id string, a iam.Association) error {
	_, err := r.eks.UpdatePodIdentityAssociation(ctx, &eks.UpdatePodIdentityAssociationInput{
		ClusterName: aws.String(a.ClusterName), AssociationId: aws.String(id), RoleArn: aws.String(a.RoleARN),
		TargetRoleArn: aws.String(a.TargetRoleARN), Policy: optional(a.Policy), DisableSessionTags: aws.Bool(a.DisableSessionTags),
	})
	return r.caller.failed("eks:UpdatePodIdentityAssociation", subjectIn(r.associationARN(a.ClusterName, id), a), err)
}

// DeleteAssociation takes an association away; one that is gone is no error.
func (r *Region) DeleteAssociation(ctx context.Context, cluster, id string) error {
	_, err := r.eks.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{
		ClusterName: aws.String(cluster), AssociationId: aws.String(id)})
	if isMissing(err) {
		return nil
	}
	return r.caller.failed("eks:DeletePodIdentityAssociation", r.associationARN(cluster, id), err)
}

// TagAssociation sets tags of an association; others stay.
func (r *Region) TagAssociation(ctx context.Context, cluster, id string, t map[string]string) error {
	arn := r.associationARN(cluster, id)
	_, err := r.eks.TagResource(ctx, &eks.TagResourceInput{ResourceArn: aws.String(arn), Tags: t})
	return r.caller.failed("eks:TagResource", arn, err)
}

func (r *Region) associationARN(cluster, id string) string {
	return "arn:" + r.caller.Partition + ":eks:" + r.Name + ":" + r.caller.Account + ":podidentityassociation/" + cluster + "/" + id
}

func subjectIn(place string, a iam.Association) string {
	return place + " for " + a.Namespace + "/" + a.ServiceAccount
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
