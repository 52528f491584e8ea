package desired

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// The actions that the External Secrets Operator needs to read values by name. A search
// (dataFrom.find) also needs secretsmanager:ListSecrets, secretsmanager:BatchGetSecretValue,
// ssm:DescribeParameters or ssm:GetParametersByPath. They are left out: the first three
// apply to every value of the account, and the last to everything below a path. The policy
// of the config can add them. ssm:GetParameters is left out because the operator does not
// call it.
//
// Source: External Secrets Operator documentation, "AWS Secrets Manager" and "AWS Parameter
// Store"; Upbound documentation, "Shared Secrets Workload ID"; Service Authorization
// Reference, "AWS Secrets Manager" and "AWS Systems Manager".
var storedActions = map[identity.StoredKind]iam.Values{
	identity.SecretKind:    {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"},
	identity.ParameterKind: {"ssm:GetParameter"},
}

func (c Component) storesValues() bool { return len(c.Secrets)+len(c.Parameters) > 0 }

// storesByName reports whether the ARN of a secret or parameter depends on the clusters.
func (c Component) storesByName() bool {
	return slices.ContainsFunc(slices.Concat(c.Secrets, c.Parameters), identity.Stored.ByName)
}

// storeServices returns the services that store the component's values.
func (c Component) storeServices() []string {
	var all []string
	if len(c.Secrets) > 0 {
		all = append(all, identity.SecretKind.Service())
	}
	if len(c.Parameters) > 0 {
		all = append(all, identity.ParameterKind.Service())
	}
	return all
}

// readStored returns the statements that allow the component to read its secrets and
// parameters.
func (s State) readStored(c Component) []iam.Statement {
	var all []iam.Statement
	add := func(sid string, list []identity.Stored) {
		if len(list) > 0 {
			all = append(all, iam.Statement{Sid: SidPrefix + sid, Effect: iam.Allow,
				Action: slices.Clone(storedActions[list[0].Kind]), Resource: s.storedARNs(c, list)})
		}
	}
	add("Secrets", c.Secrets)
	add("Parameters", c.Parameters)
	return all
}

// storedARNs returns the ARNs of secrets or parameters, each once. A name has one ARN for each
// region of the clusters.
func (s State) storedARNs(c Component, list []identity.Stored) iam.Values {
	var arns iam.Values
	add := func(arn string) {
		if !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	for _, stored := range list {
		if !stored.ByName() {
			add(stored.ARN(c.Role, ""))
			continue
		}
		for _, cluster := range s.Clusters {
			add(stored.ARN(c.Role, cluster.Region))
		}
	}
	return arns
}

// decryptStored allows the key to decrypt values only through the services that store them.
//
// Source: AWS Secrets Manager User Guide, "Secret encryption and decryption"; AWS Systems
// Manager User Guide, "KMS encryption for Parameter Store SecureString parameters".
func decryptStored(c Component) iam.Statement {
	var via iam.Values
	for _, service := range c.storeServices() {
		via = append(via, service+"."+c.KMSKey.Region+".*")
	}
	return iam.Statement{
		Sid:       SidPrefix + "Decrypt",
		Effect:    iam.Allow,
		Action:    iam.Values{"kms:Decrypt"},
		Resource:  iam.Values{c.KMSKey.String()},
		Condition: iam.Condition{"StringLike": {"kms:ViaService": via}},
	}
}

// givenPermissions returns the statements of the permissions policy in the config. Their Sids
// get a prefix, like those of every statement that the program writes. A statement without a
// Sid gets its number.
func givenPermissions(c Component) []iam.Statement {
	all := slices.Clone(c.Permissions.Statement)
	for i, s := range all {
		all[i].Sid = SidPrefix + "Given" + s.Sid
		if s.Sid == "" {
			all[i].Sid = fmt.Sprintf("%sGiven%d", SidPrefix, i+1)
		}
	}
	return all
}

// Given returns the statements of the permissions policy in the config, as they are in the
// policy of [State.Permissions].
func (c Component) Given() []iam.Statement { return givenPermissions(c) }

// IsNamedSecret reports whether a resource is the pattern for a secret of which the config has
// only the name.
func IsNamedSecret(resource string) bool {
	return strings.Contains(resource, ":secretsmanager:") && strings.HasSuffix(resource, "-??????")
}
