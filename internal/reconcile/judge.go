package reconcile

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// trustJudge says whom the statements admit that the config does not ask for.
type trustJudge struct {
	state desired.State
	role  desired.Role
	after iam.Document
}

// judge adds its findings to the changes of kept and foreign statements.
func (j trustJudge) judge(changes []StatementChange) {
	for i := range changes {
		c := &changes[i]
		if c.Action == Remove {
			continue
		}
		s := j.after.Statement[c.Place-1]
		switch {
		case c.Action == Foreign:
			c.Beyond = j.beyond(s)
		case len(c.Kept) > 0 || c.Edited:
			c.Elsewhere = j.isElsewhere(s)
			c.Beyond = keptLabels(s, c.Kept)
		}
	}
}

// keptLabels returns kept subjects as token subjects, also for EKS Pod Identity.
func keptLabels(s iam.Statement, kept []string) []string {
	if n, _ := subjectConditionOf(s); n.key != desired.NamespaceTag {
		return kept
	}
	var labels []string
	for _, ns := range kept {
		accounts := slices.Concat(s.Condition["StringEquals"][desired.ServiceAccountTag], s.Condition["StringLike"][desired.ServiceAccountTag])
		labels = append(labels, desired.TokenSubject(ns, strings.Join(accounts, "|")))
	}
	return labels
}

// isElsewhere reports whether a statement only admits pods of clusters that the config does
// not name. Another config may share the role with this one. A cluster of the config whose
// issuer or name is not known may be any.
func (j trustJudge) isElsewhere(s iam.Statement) bool {
	here := func(issuer string) bool {
		return slices.ContainsFunc(j.state.Clusters, func(c identity.Cluster) bool { return c.OIDC.IsZero() || c.OIDC.HostPath == issuer })
	}
	if issuer := issuerOf(s); issuer != "" {
		only := iam.Principal{Federated: s.Principal.Federated}
		return iam.Same(iam.Statement{Principal: s.Principal}, iam.Statement{Principal: only}) && !here(issuer)
	}
	clusters := slices.Concat(s.Condition["StringEquals"][desired.ClusterTag], s.Condition["StringLike"][desired.ClusterTag])
	return isReadable(s) && !slices.ContainsFunc(j.state.Clusters, func(c identity.Cluster) bool {
		return c.Name == "" || slices.ContainsFunc(clusters, func(arn string) bool { return iam.Like(arn, desired.ClusterARN(c, j.role.ARN)) })
	})
}

// beyond returns the subjects under the service accounts of the config that a foreign
// statement admits, or may admit, on a cluster of the config although the config does not
// name them. A subject stands for all namespaces of a pattern.
func (j trustJudge) beyond(s iam.Statement) []string {
	var found []string
	if s.Effect != iam.Allow {
		return nil
	}
	for _, pattern := range namespacePatterns(s) {
		for _, fill := range [][2]string{{"someone-else", "0"}, {"x", "x"}} {
			ns := strings.NewReplacer("*", fill[0], "?", fill[1]).Replace(pattern)
			for _, c := range j.role.Components {
				for _, account := range c.Accounts {
					if j.isAdmittedBeyond(s, c, ns, account) {
						found = append(found, desired.TokenSubject(pattern, account))
					}
				}
			}
		}
	}
	return sortedUnique(found)
}

// isAdmittedBeyond reports whether a foreign statement admits a subject that the config does
// not admit, and no Deny statement of the policy denies it.
func (j trustJudge) isAdmittedBeyond(s iam.Statement, c desired.Component, namespace, account string) bool {
	alone := iam.Document{Version: j.after.Version, Statement: []iam.Statement{s}}
	denied := func(r iam.Request, doc iam.Document) bool { return iam.Evaluate(r, doc).Verdict == iam.Denied }
	c.PodIdentity.DisableSessionTags = false
	for _, cluster := range j.state.Clusters {
		ways := [][]iam.Request{{desired.IRSARequest(cluster, c.Role, namespace, account)}}
		if cluster.Name != "" {
			ways = append(ways, desired.PodIdentityRequests(cluster, c, namespace, account))
		}
		for _, requests := range ways {
			first := requests[0]
			if !denied(first, alone) && denied(first, j.role.TrustPolicy) &&
				!slices.ContainsFunc(requests, func(r iam.Request) bool { return denied(r, j.after) }) {
				return true
			}
		}
	}
	return false
}

// namespacePatterns returns the namespaces that the conditions of a statement name, and "*"
// for all others.
func namespacePatterns(s iam.Statement) []string {
	all := []string{"*"}
	for _, keys := range s.Condition {
		for key, values := range keys {
			for _, v := range values {
				switch parts := strings.Split(v, ":"); {
				case strings.HasSuffix(strings.ToLower(key), ":sub") && len(parts) == 4:
					all = append(all, parts[2])
				case strings.EqualFold(key, desired.NamespaceTag):
					all = append(all, v)
				}
			}
		}
	}
	return sortedUnique(all)
}
