package awstest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func onProvider(form url.Values, write bool, run func(s *State, lag int, arn string) apiResponse) (apiOperation, *apiError) {
	arn := form.Get("OpenIDConnectProviderArn")
	if !strings.HasPrefix(arn, "arn:"+Partition+":iam::"+AccountID+":oidc-provider/") {
		return apiOperation{}, &apiError{400, "InvalidInput", "the ARN is not one of an OIDC provider of this account"}
	}
	return apiOperation{resource: arn, write: write, run: func(s *State, lag int) apiResponse { return run(s, lag, arn) }}, nil
}

func getProvider(form url.Values) (apiOperation, *apiError) {
	return onProvider(form, false, func(s *State, _ int, arn string) apiResponse {
		clients, ok := s.seen("provider " + arn).Providers[arn]
		if !ok {
			return missingEntity("OpenIDConnect Provider not found for arn %s", arn)
		}
		return xmlAnswer{"GetOpenIDConnectProvider", struct {
			Url     string
			Clients []string `xml:"ClientIDList>member"`
			Tags    []tag    `xml:"Tags>member,omitempty"`
		}{strings.SplitN(arn, "/", 2)[1], clients, tagList(s.ProviderTags[arn])}}
	})
}

// maxProviders is the default quota of OIDC providers.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
const maxProviders = 100

func createProvider(form url.Values) (apiOperation, *apiError) {
	issuer, isHTTPS := strings.CutPrefix(form.Get("Url"), "https://")
	if !isHTTPS || strings.Contains(issuer, "?") {
		return apiOperation{}, &apiError{400, "InvalidInput", "The URL must begin with https://"}
	}
	arn := "arn:" + Partition + ":iam::" + AccountID + ":oidc-provider/" + issuer
	op := apiOperation{resource: arn, write: true}
	if form.Has("Tags.member.1.Key") {
		op.also = append(op.also, requiredPermission{"iam:TagOpenIDConnectProvider", arn})
	}
	op.run = func(s *State, lag int) apiResponse {
		if _, ok := s.Providers[arn]; ok {
			return &apiError{409, "EntityAlreadyExists", "Provider with url https://" + issuer + " already exists."}
		}
		if len(s.Providers) >= maxProviders {
			return &apiError{409, "LimitExceeded", fmt.Sprintf("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", maxProviders)}
		}
		var tags map[string]string
		if fail := addIAMTags(&tags, form); fail != nil {
			return fail
		}
		s.lag("provider "+arn, lag)
		s.Providers[arn], s.ProviderTags[arn] = []string{form.Get("ClientIDList.member.1")}, tags
		return xmlAnswer{"CreateOpenIDConnectProvider", struct{ OpenIDConnectProviderArn string }{arn}}
	}
	return op, nil
}

func addClientID(form url.Values) (apiOperation, *apiError) {
	return onProvider(form, true, func(s *State, lag int, arn string) apiResponse {
		clients, ok := s.Providers[arn]
		if !ok {
			return missingEntity("OpenIDConnect Provider not found for arn %s", arn)
		}
		s.lag("provider "+arn, lag)
		if id := form.Get("ClientID"); !slices.Contains(clients, id) {
			s.Providers[arn] = append(slices.Clone(clients), id)
		}
		return xmlAnswer{"AddClientIDToOpenIDConnectProvider", nil}
	})
}
