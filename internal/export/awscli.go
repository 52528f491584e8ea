package export

import (
	"bytes"
	_ "embed" // for the start of the script
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// scriptStart defines the steps of the script.
//
//go:embed awscli.sh
var scriptStart string

// writeScript writes a POSIX shell script of aws commands: providers, then each role,
// its policies and its associations.
func writeScript(roles []desired.Role) ([]byte, error) {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#!/bin/sh")
	line("# %s", Title(roles))
	line("# Needs the aws CLI and credentials of account %s.", roles[0].ARN.Account)
	b.WriteString(scriptStart)
	for _, p := range Providers(roles) {
		line("\nensure_provider %s", words(p.ARN, p.URL, p.Audience))
	}
	for _, r := range roles {
		line("\n# %s", r.ARN)
		line("ensure_role %s", words(r.ARN.BaseName(), r.ARN.Path(), tagList(desired.ManagedTags()), policyText(r.TrustPolicy)))
		for _, p := range r.Policies {
			line("aws iam put-role-policy --role-name %s --policy-name %s --policy-document %s",
				quoteWord(r.ARN.BaseName()), quoteWord(p.Name), quoteWord(policyText(p.Document)))
		}
		for _, a := range r.Associations {
			line("ensure_association %s", words(a.Region, a.ClusterName, a.Namespace, a.ServiceAccount, oneLine(a), oneLine(updateOf(a))))
		}
	}
	return b.Bytes(), nil
}

func policyText(d iam.Document) string { return strings.TrimSpace(string(d.JSON())) }

// tagList returns tags as a JSON list, as the commands of aws iam expect them.
func tagList(tags map[string]string) string {
	type tag struct{ Key, Value string }
	var all []tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, tag{key, tags[key]})
	}
	return oneLine(all)
}

// associationUpdate is the input of `aws eks update-pod-identity-association
// --cli-input-json`, without the association's ID.
//
// Source: Amazon EKS API reference, UpdatePodIdentityAssociation.
type associationUpdate struct {
	ClusterName        string `json:"clusterName"`
	RoleARN            string `json:"roleArn"`
	DisableSessionTags bool   `json:"disableSessionTags"`
	TargetRoleARN      string `json:"targetRoleArn"`
	Policy             string `json:"policy,omitempty"`
}

func updateOf(a desired.Association) associationUpdate {
	return associationUpdate{a.ClusterName, a.RoleARN, a.DisableSessionTags, a.TargetRoleARN, a.Policy}
}

func oneLine(value any) string {
	var b bytes.Buffer
	if err := json.Compact(&b, encodeJSON(value)); err != nil {
		panic(err) // encodeJSON returns valid JSON
	}
	return b.String()
}

func words(list ...string) string {
	quoted := make([]string, len(list))
	for i, word := range list {
		quoted[i] = quoteWord(word)
	}
	return strings.Join(quoted, " ")
}

// quoteWord quotes a word for the shell: within single quotes nothing is special but
// the single quote itself.
//
// Source: POSIX.1-2024, Shell Command Language, 2.2.2 Single-Quotes.
func quoteWord(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
