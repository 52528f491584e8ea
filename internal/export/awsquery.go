package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// The queries of the script are JMESPath, which the aws CLI evaluates. Each returns one
// word that says how a resource differs from the desired state:
//
//   - same: it does not differ.
//   - update: the script can write the desired state without removing anything.
//   - lost or foreign, and then names: the script must not change it.
//
// Source: JMESPath specification; AWS CLI User Guide, "Filtering output in the AWS CLI".

func providerQuery(p desired.Provider) string {
	return "contains(not_null(ClientIDList, `[]`), " + jsonLiteral(p.Audience) + ") && 'same' || 'update'"
}

// trustQuery compares a role with the desired one. A statement of the live policy is lost
// unless the desired policy has a statement with the same Sid and elements that lists all
// its values. So statements of others, statements that somebody edited and kept subjects
// are lost.
func trustQuery(r desired.Role) string {
	var covered, whole []string
	for _, s := range r.TrustPolicy.Statement {
		covered = append(covered, within("@", valueOf(s)))
		whole = append(whole, strings.Join(append([]string{"Sid == " + jsonLiteral(s.Sid)}, hasAll("@", valueOf(s))...), " && "))
	}
	covered = append(covered, within("@", valueOf(desired.NobodyStatement())))
	n := "`" + strconv.Itoa(len(whole)) + "`"
	return "Role | (Arn != " + jsonLiteral(r.ARN.String()) + " && join(' ', ['ARN', Arn]) || " +
		"type(AssumeRolePolicyDocument) != 'object' && 'lost (not JSON)' || " +
		"([AssumeRolePolicyDocument.Statement][] | {live: @, lost: " + sids("[?!("+strings.Join(covered, " || ")+")]") + "} | (" +
		"lost && join(' ', ['lost', join(', ', lost)]) || " +
		"length(live) == " + n + " && length(live[?" + strings.Join(whole, " || ") + "]) == " + n + " && 'same' || 'update')))"
}

// settingQuery compares a setting of a role, of which same is a condition. The setting of a
// foreign role is foreign.
func settingQuery(same string) string {
	return "Role | (" + same + " && 'same' || " + tagQuery(desired.ManagedByTag, desired.ManagedByValue) + " && 'update' || 'foreign')"
}

// tagQuery is true if a role has a tag.
func tagQuery(key, value string) string {
	return "not_null(Tags, `[]`)[?Key == " + jsonLiteral(key) + " && Value == " + jsonLiteral(value) + "]"
}

// policyQuery compares an inline policy with the desired one.
func policyQuery(d iam.Document) string {
	return "PolicyDocument == " + jsonLiteral(valueOf(d)) + " && 'same' || (" +
		sids("[PolicyDocument.Statement][] | [?!starts_with(not_null(Sid, ''), "+jsonLiteral(desired.SidPrefix)+")]") +
		" | (@ && join(' ', ['lost', join(', ', @)]) || 'update'))"
}

// sids returns a query for the Sids of statements.
func sids(statements string) string {
	return "map(&not_null(Sid, 'one without a Sid'), " + statements + ")"
}

// associationQuery compares an association with the desired one. It is foreign if it has
// no tag of this program, or if an add-on owns it. After the word update come the settings
// that the update must remove: target, policy.
func associationQuery(a desired.Association) string {
	managed := "tags." + jsonKey(desired.ManagedByTag) + " == " + jsonLiteral(desired.ManagedByValue)
	settings := "roleArn == " + jsonLiteral(a.RoleARN) +
		" && not_null(targetRoleArn, '') == " + jsonLiteral(a.TargetRoleARN) +
		" && not_null(disableSessionTags, `false`) == " + jsonLiteral(a.DisableSessionTags) +
		" && not_null(policy, '') == " + jsonLiteral(a.Policy)
	var tags []string
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		tags = append(tags, "tags."+jsonKey(key)+" == "+jsonLiteral(a.Tags[key]))
	}
	foreign := "(!(" + managed + ") || ownerArn)"
	return "association | (" + settings + " && (" + foreign + " || " + strings.Join(tags, " && ") + ") && 'same' || " +
		foreign + " && join(' ', ['foreign', roleArn]) || join(' ', ['update'" +
		removes("targetRoleArn", "target", a.TargetRoleARN) + removes("policy", "policy", a.Policy) + "]))"
}

// removes returns an item of a list: the word if the live association has a setting that
// the desired one does not have.
func removes(setting, word, wanted string) string {
	if wanted != "" {
		return ""
	}
	return ", " + setting + " && '" + word + "' || ''"
}

// within returns a condition that is true if the value at a path has exactly the keys of
// the wanted value, and no texts but those of the wanted one. A list of one text equals
// the text, as in a policy.
func within(path string, want any) string {
	object, ok := want.(map[string]any)
	if !ok {
		return fmt.Sprintf("!([%s][] | [?!contains(%s, @)])", path, jsonLiteral(listOf(want)))
	}
	keys := slices.Sorted(maps.Keys(object))
	conditions := []string{"type(@) == 'object'", "sort(keys(@)) == " + jsonLiteral(keys)}
	for _, key := range keys {
		conditions = append(conditions, within(jsonKey(key), object[key]))
	}
	return "(" + path + " | (" + strings.Join(conditions, " && ") + "))"
}

// hasAll returns conditions that are true if a value of which [within] is true has all
// texts of the wanted value.
func hasAll(path string, want any) []string {
	object, ok := want.(map[string]any)
	if !ok {
		list := listOf(want)
		if len(list) == 1 {
			return nil
		}
		return []string{fmt.Sprintf("sort([%s][]) == %s", path, jsonLiteral(slices.Sorted(slices.Values(list))))}
	}
	var conditions []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		conditions = append(conditions, hasAll(path+"."+jsonKey(key), object[key])...)
	}
	return conditions
}

// listOf returns the texts of an element of a policy, which is a text or a list.
func listOf(element any) []string {
	list, ok := element.([]any)
	if !ok {
		return []string{element.(string)}
	}
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = text.(string)
	}
	return texts
}

// valueOf returns a policy or a statement as a decoded JSON value.
func valueOf(value any) any {
	var decoded any
	if err := json.Unmarshal(encodeJSON(value), &decoded); err != nil {
		panic(err) // encodeJSON returns valid JSON
	}
	return decoded
}

// jsonLiteral returns a JMESPath literal: JSON between backticks.
func jsonLiteral(value any) string {
	return "`" + strings.ReplaceAll(oneLine(value), "`", `\u0060`) + "`"
}

// jsonKey returns a quoted JMESPath identifier, which is a JSON string.
func jsonKey(key string) string { return oneLine(key) }
