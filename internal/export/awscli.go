package export

import (
	"bytes"
	_ "embed" // for the start of the script
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// scriptStart defines the steps of the script.
//
//go:embed awscli.sh
var scriptStart string

// writeScript writes a POSIX shell script of aws commands: providers, then each role,
// its policies, its trust policy and its associations. The script never removes access.
func writeScript(roles []desired.Role) ([]byte, error) {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#!/bin/sh")
	line("# %s", Title(roles))
	line("# Needs the aws CLI and credentials of account %s.", roles[0].ARN.Account)
	line("# shellcheck disable=SC2016 # queries of the aws CLI have JSON between backticks")
	b.WriteString(scriptStart)
	line("\nsteps() {")
	step := func(name string, arguments ...string) { line("%s %s", name, words(arguments...)) }
	step("in_account", roles[0].ARN.Account)
	for _, p := range desired.ProvidersOf(roles) {
		step("provider", p.ARN, p.URL, p.Audience, providerQuery(p), tagList(ProviderTags(roles)))
	}
	for _, r := range roles {
		name := r.ARN.BaseName()
		line("\n# %s\ntrust_policy=%s", r.ARN, quoteWord(policyText(r.TrustPolicy)))
		step("role", name, r.ARN.String(), r.ARN.Path(), tagList(r.Tags), r.Boundary.String(), durationOf(r))
		for _, s := range settingsOf(r) {
			step("setting", append([]string{name, s.what, s.query}, s.command...)...)
		}
		for _, p := range r.Policies {
			step("policy", name, p.Name, policyText(p.Document), policyQuery(p.Document), desired.FormerPolicyName(p.Component))
		}
		for _, policy := range r.ManagedPolicies {
			step("attach", name, policy.String())
		}
		step("trust", name, r.ARN.String(), trustQuery(r))
		for _, group := range ByCluster(r.Associations) {
			for _, same := range byPolicy(group) {
				a := same[0]
				step("associations", append([]string{a.Region, a.ClusterName, a.ServiceAccount, createInput(a), updateInput(a),
					oneLine(a.Tags), associationQuery(a)}, namespacesOf(same)...)...)
			}
		}
	}
	line("}\n\nsteps\n[ -z \"$refused\" ] || exit 1\nround=change\nsteps")
	return b.Bytes(), nil
}

// durationOf returns the maximum session duration of a role in seconds, or nothing.
func durationOf(r desired.Role) string {
	if r.MaxSessionDuration == 0 {
		return ""
	}
	return strconv.Itoa(r.MaxSessionDuration)
}

// scriptSetting is a setting of a role that existed before the script.
type scriptSetting struct {
	what, query string
	command     []string // of the aws CLI, which sets it
}

func settingsOf(r desired.Role) (all []scriptSetting) {
	add := func(what, same string, command ...string) {
		all = append(all, scriptSetting{what, settingQuery(same), append([]string{"iam", command[0], "--role-name=" + r.ARN.BaseName()}, command[1:]...)})
	}
	if b := r.Boundary.String(); b != "" {
		add("permissions boundary", "PermissionsBoundary.PermissionsBoundaryArn == "+jsonLiteral(b), "put-role-permissions-boundary", "--permissions-boundary", b)
	}
	if n := durationOf(r); n != "" {
		add("maximum session duration", "MaxSessionDuration == `"+n+"`", "update-role", "--max-session-duration", n)
	}
	if len(r.Tags) > 1 { // a foreign role keeps its tags, and this program's own is there
		var same []string
		for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
			same = append(same, tagQuery(key, r.Tags[key]))
		}
		add("tags", strings.Join(same, " && "), "tag-role", "--tags", tagList(r.Tags))
	}
	return all
}

func policyText(d iam.Document) string { return strings.TrimSpace(string(d.JSON())) }

// tagList returns tags as a JSON list, as the commands of aws iam expect them.
func tagList(tags map[string]string) string {
	return oneLine(sortedTags[tag](tags))
}

// byPolicy groups associations with the same session policy, in their order.
func byPolicy(list []desired.Association) [][]desired.Association {
	var groups [][]desired.Association
	at := map[string]int{}
	for _, a := range list {
		i, found := at[a.Policy]
		if !found {
			i = len(groups)
			at[a.Policy], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

func namespacesOf(list []desired.Association) []string {
	var all []string
	for _, a := range list {
		all = append(all, a.Namespace)
	}
	return all
}

// createInput returns the input of `aws eks create-pod-identity-association
// --cli-input-json`, without the namespace.
func createInput(a desired.Association) string {
	return oneLine(struct {
		desired.Association
		Namespace string `json:"namespace,omitempty"`
	}{Association: a})
}

// updateInput returns the input of `aws eks update-pod-identity-association
// --cli-input-json`, without the association's ID. An update keeps settings that its
// input does not name.
//
// Source: Amazon EKS API reference, UpdatePodIdentityAssociation.
func updateInput(a desired.Association) string {
	return oneLine(struct {
		ClusterName        string `json:"clusterName"`
		RoleARN            string `json:"roleArn"`
		DisableSessionTags bool   `json:"disableSessionTags"`
		TargetRoleARN      string `json:"targetRoleArn,omitempty"`
		Policy             string `json:"policy,omitempty"`
	}{a.ClusterName, a.RoleARN, a.DisableSessionTags, a.TargetRoleARN, a.Policy})
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
