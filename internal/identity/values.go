package identity

import "strings"

// RoleARN names an IAM role: arn:<partition>:iam::<account>:role/<name>, the
// name with its path. Partition and account of everything the program writes
// come from it.
type RoleARN struct {
	Partition string // aws, aws-cn, aws-us-gov, …
	Account   string // twelve digits
	Name      string // with its path, such as teams/backup
}

// IsZero reports whether no role is set.
func (r RoleARN) IsZero() bool { return r == RoleARN{} }

// String is the ARN, or nothing where no role is set.
func (r RoleARN) String() string {
	if r.IsZero() {
		return ""
	}
	return "arn:" + r.Partition + ":iam::" + r.Account + ":role/" + r.Name
}

// OIDCProvider is the issuer of a cluster's service account tokens as IAM knows
// it.
type OIDCProvider struct {
	HostPath  string // such as oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE
	Partition string // set only where the user gave an ARN
	Account   string // set only where the user gave an ARN
}

// IsZero reports whether no provider is set.
func (p OIDCProvider) IsZero() bool { return p == OIDCProvider{} }

// String is the provider as the user gave it: its ARN, or host and path.
func (p OIDCProvider) String() string {
	if p.Account == "" {
		return p.HostPath
	}
	return p.ARN(RoleARN{Partition: p.Partition, Account: p.Account})
}

// ARN is the provider in the account of the role: IAM takes only those.
func (p OIDCProvider) ARN(role RoleARN) string {
	return "arn:" + role.Partition + ":iam::" + role.Account + ":oidc-provider/" + p.HostPath
}

// Match is a pattern of host namespaces: the word "uuid", or lower-case letters,
// digits and dashes with the wildcards * and ?.
type Match string

// MatchUUID admits the namespaces that a Space names by itself:
// mxp-<UUID>-system.
const MatchUUID Match = "uuid"

// Pattern is the namespace pattern in IAM's wildcards, or nothing.
func (m Match) Pattern() string {
	if m == MatchUUID {
		q := func(n int) string { return strings.Repeat("?", n) }
		return "mxp-" + strings.Join([]string{q(8), q(4), q(4), q(4), q(12)}, "-") + "-system"
	}
	return string(m)
}

// KMSKeyARN names a KMS key: arn:<partition>:kms:<region>:<account>:key/<ID>.
type KMSKeyARN struct {
	Partition, Region, Account string
	ID                         string
}

// IsZero reports whether no key is set.
func (k KMSKeyARN) IsZero() bool { return k == KMSKeyARN{} }

// String is the ARN, or nothing if no key is set.
func (k KMSKeyARN) String() string {
	if k.IsZero() {
		return ""
	}
	return "arn:" + k.Partition + ":kms:" + k.Region + ":" + k.Account + ":key/" + k.ID
}

// Path is the path of the role with the slashes around it: / or /teams/.
func (r RoleARN) Path() string { return "/" + r.Name[:strings.LastIndexByte(r.Name, '/')+1] }

// BaseName is the name of the role without its path.
func (r RoleARN) BaseName() string { return r.Name[strings.LastIndexByte(r.Name, '/')+1:] }
