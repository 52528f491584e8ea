package account

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// ProviderAudiences are the client IDs of an IAM OIDC provider; ok is false where
// there is no such provider.
func (a *Account) ProviderAudiences(ctx context.Context, arn string) (audiences []string, ok bool, err error) {
	out, err := a.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn)})
	if isMissing(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, a.Caller.failed("iam:GetOpenIDConnectProvider", arn, err)
	}
	return out.ClientIDList, true, nil
}

// CreateProvider makes an IAM OIDC provider for the issuer, without a thumbprint:
// IAM trusts the issuers of EKS by their certificate authority.
//
// Source: IAM API reference, CreateOpenIDConnectProvider.
func (a *Account) CreateProvider(ctx context.Context, arn, issuerURL, audience string, t map[string]string) error {
	_, err := a.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuerURL), ClientIDList: []string{audience}, Tags: tags(t)})
	return a.Caller.failed("iam:CreateOpenIDConnectProvider", arn, err)
}

// AddAudience adds a client ID to an IAM OIDC provider.
func (a *Account) AddAudience(ctx context.Context, arn, audience string) error {
	_, err := a.iam.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: aws.String(arn), ClientID: aws.String(audience)})
	return a.Caller.failed("iam:AddClientIDToOpenIDConnectProvider", arn, err)
}
