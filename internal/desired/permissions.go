package desired

import (
	"fmt"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Permissions returns what the component's role may do: list the bucket, and read, write
// and delete its objects; read the secrets and parameters; and what the permissions policy
// of the config allows. If the config has a KMS key or a target role, the role may use the
// key and assume the target role. The target role needs the same permissions in its own
// account. The error says which setting is missing, or that the inline policies of the role
// are too long.
//
// The actions are those that the object store library of Spaces backups needs. Upbound's
// page about billing lists the same ones for vector. It also lists s3:ListAllMyBuckets,
// which shows the buckets of the whole account: vector does not need it to write. With a
// prefix the role can list and use only what is below prefix/. S3 would otherwise match
// the prefix "prod" with "production/" too. A request without s3:prefix, such as HeadBucket,
// is denied then, because the same permission would list the whole bucket.
//
// Uploads in parts need only s3:PutObject. S3 lets the role that began one abort it and list
// its parts, so s3:AbortMultipartUpload and s3:ListMultipartUploadParts are left out.
//
// Source: Thanos, "Object storage: S3"; Amazon S3 User Guide, "Controlling access
// to a bucket with user policies" and "Multipart upload API and permissions"; Upbound
// documentation, "Self-Hosted Space Billing"; Vector, "AWS S3 sink: Permissions".
func (s State) Permissions(c Component) (Policy, error) {
	if err := s.RequireOf(c.Name, NeedPermissions); err != nil {
		return Policy{}, err
	}
	if err := s.checkInlineLength(c.Role); err != nil {
		return Policy{}, fmt.Errorf("permissions policy of %s: %w", c.Name, err)
	}
	return Policy{PolicyName(c.Name), c.Name, s.permissions(c)}, nil
}

// permissions returns the policy of [State.Permissions] without checks.
func (s State) permissions(c Component) iam.Document {
	var all []iam.Statement
	if c.Bucket != "" {
		all = append(all, listBucket(c), useObjects(c))
	}
	all = append(all, s.otherPermissions(c)...)
	if c.HasTarget() {
		all = append(all, assumeTarget(c.PodIdentity.TargetRole))
	}
	return iam.Document{Version: iam.PolicyVersion, Statement: all}
}

// otherPermissions returns the statements that do not depend on the prefix in the bucket.
func (s State) otherPermissions(c Component) []iam.Statement {
	all := s.readStored(c)
	if c.Bucket != "" && !c.KMSKey.IsZero() {
		all = append(all, useKey(c.KMSKey))
	}
	if c.storesValues() && !c.KMSKey.IsZero() {
		all = append(all, decryptStored(c))
	}
	return append(all, givenPermissions(c)...)
}

// checkInlineLength checks the length of all inline policies that the config gives a role.
func (s State) checkInlineLength(role identity.RoleARN) error {
	length := 0
	for _, c := range s.withRole(role) {
		if c.HasPermissions() {
			length += iam.Length(s.permissions(c))
		}
	}
	return identity.CheckInlineLength(length)
}

func listBucket(c Component) iam.Statement {
	s := iam.Statement{
		Sid:      SidPrefix + "List",
		Effect:   iam.Allow,
		Action:   iam.Values{"s3:ListBucket"},
		Resource: iam.Values{bucketARN(c)},
	}
	if c.Prefix != "" {
		s.Condition = iam.Condition{"StringLike": {"s3:prefix": {c.Prefix + "/*"}}}
	}
	return s
}

func useObjects(c Component) iam.Statement {
	return iam.Statement{
		Sid:      SidPrefix + "Objects",
		Effect:   iam.Allow,
		Action:   iam.Values{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
		Resource: iam.Values{objectsARN(c)},
	}
}

// useKey allows the use of the key only through S3. The value of kms:ViaService ends in a
// domain that depends on the partition, so the condition has a pattern. A pattern is safe
// here, because only AWS can set the value.
//
// Source: AWS KMS Developer Guide, "kms:ViaService"; Amazon S3 User Guide, "Using
// server-side encryption with AWS KMS keys".
func useKey(key identity.KMSKeyARN) iam.Statement {
	return iam.Statement{
		Sid:       SidPrefix + "Key",
		Effect:    iam.Allow,
		Action:    iam.Values{"kms:Decrypt", "kms:GenerateDataKey"},
		Resource:  iam.Values{key.String()},
		Condition: iam.Condition{"StringLike": {"kms:ViaService": {"s3." + key.Region + ".*"}}},
	}
}

// HasTarget reports whether pods get the credentials of the target role.
func (c Component) HasTarget() bool {
	return !c.PodIdentity.TargetRole.IsZero() && c.Mode.UsesPodIdentity()
}

// assumeTarget allows the role to assume the target role.
//
// Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity
// Target IAM Roles".
func assumeTarget(target identity.RoleARN) iam.Statement {
	return iam.Statement{
		Sid:      SidPrefix + "Target",
		Effect:   iam.Allow,
		Action:   iam.Values{"sts:AssumeRole", "sts:TagSession"},
		Resource: iam.Values{target.String()},
	}
}

func bucketARN(c Component) string { return "arn:" + c.Role.Partition + ":s3:::" + c.Bucket }

func objectsARN(c Component) string {
	if c.Prefix == "" {
		return bucketARN(c) + "/*"
	}
	return bucketARN(c) + "/" + c.Prefix + "/*"
}

// PermissionRequests returns the requests that the policies of the component's role must
// allow: each action of [State.Permissions] on everything below the prefix, and on each secret
// and parameter. It omits the permissions policy of the config, see [Component.Given].
func (s State) PermissionRequests(c Component) []iam.Request {
	var all []iam.Request
	add := func(s iam.Statement, key string, values ...string) {
		for _, action := range s.Action {
			r := iam.Request{Action: action, Resource: s.Resource[0]}.With("aws:SecureTransport", "true")
			if key != "" {
				r = r.With(key, values...)
			}
			all = append(all, r)
		}
	}
	switch {
	case c.Bucket == "":
	case c.Prefix == "":
		add(listBucket(c), "")
		add(useObjects(c), "")
	default:
		add(listBucket(c), "s3:prefix", c.Prefix+"/")
		add(useObjects(c), "")
	}
	for _, statement := range s.readStored(c) {
		for _, arn := range statement.Resource {
			statement.Resource = iam.Values{arn}
			add(statement, "")
		}
	}
	if key := c.KMSKey; !key.IsZero() && c.Bucket != "" {
		add(useKey(key), "kms:ViaService", "s3."+key.Region+"."+dnsSuffix[key.Partition])
	}
	if key := c.KMSKey; !key.IsZero() {
		for _, service := range c.storeServices() {
			add(decryptStored(c), "kms:ViaService", service+"."+key.Region+"."+dnsSuffix[key.Partition])
		}
	}
	if c.HasTarget() {
		add(assumeTarget(c.PodIdentity.TargetRole), "")
	}
	return all
}

// dnsSuffix is the domain of the services in each partition.
//
// Source: partitions.json of the AWS SDKs.
var dnsSuffix = map[string]string{
	"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com",
	"aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov", "aws-iso-e": "cloud.adc-e.uk", "aws-iso-f": "csp.hci.ic.gov",
}

// MaxAssociations is the number of Pod Identity associations that a cluster may
// have; the quota cannot be raised.
//
// Source: Amazon EKS User Guide, "View and manage Amazon EKS and Fargate service
// quotas".
const MaxAssociations = 5000

// Association is an EKS Pod Identity association and the region of its cluster. Its
// JSON is the input of `aws eks create-pod-identity-association --cli-input-json`.
// It has no clientRequestToken, so that the output is always the same.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation.
type Association struct {
	Component          string            `json:"-"`
	Region             string            `json:"-"` // may be empty; not part of the association
	ClusterName        string            `json:"clusterName"`
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	RoleARN            string            `json:"roleArn"`
	Tags               map[string]string `json:"tags,omitempty"`
	DisableSessionTags bool              `json:"disableSessionTags,omitempty"`
	TargetRoleARN      string            `json:"targetRoleArn,omitempty"`
	Policy             string            `json:"policy,omitempty"` // IAM policy as JSON text
	ExternalID         string            `json:"-"`                // that EKS has given it; no config has one
}

// HasAssociations reports whether the component has associations: its mode uses them, and
// the exact name of a namespace is known.
func (c Component) HasAssociations() bool {
	return c.Mode.UsesPodIdentity() && len(c.Subjects.Namespaces) > 0
}

// Associations returns the EKS Pod Identity associations of the component: one for each
// cluster, namespace and name of the service account. The clusters are in the order of the
// config, and the namespaces are sorted. Each association has the tags of the config and
// the tag of this program. It is an error if only a
// pattern is known, because an association needs the exact name of its namespace.
func (s State) Associations(c Component) ([]Association, error) {
	if err := s.checkAssociations(c); err != nil {
		return nil, err
	}
	tags := managedTags(s.spec.Tags, c.PodIdentity.Tags)
	var all []Association
	for _, cluster := range s.Clusters {
		for _, ns := range c.Subjects.Namespaces {
			for _, account := range c.Accounts {
				all = append(all, Association{
					Component:          c.Name,
					Region:             cluster.Region,
					ClusterName:        cluster.Name,
					Namespace:          ns,
					ServiceAccount:     account,
					RoleARN:            c.Role.String(),
					Tags:               tags,
					DisableSessionTags: c.PodIdentity.DisableSessionTags,
					TargetRoleARN:      c.PodIdentity.TargetRole.String(),
					Policy:             s.SessionPolicy(c, ns),
				})
			}
		}
	}
	return all, nil
}

// checkAssociations returns an error if EKS would reject the associations of the component.
func (s State) checkAssociations(c Component) error {
	if !c.Mode.UsesPodIdentity() {
		return identity.WithHint("set mode: pod-identity or both", "pod identity associations of %s: mode %s has no associations", c.Name, c.Mode)
	}
	problems := []error{s.RequireOf(c.Name, NeedAssociations)}
	if len(c.Subjects.Namespaces) == 0 {
		problems = append(problems, identity.WithHint("list the host namespaces under controlPlanes.namespaces, or set controlPlanes.discover: true "+
			"for commands that can read the cluster", "an association needs the exact name of its namespace"))
	}
	problems = append(problems, s.checkSessionPolicies(c))
	if n, _ := s.associationsPerCluster(); n > MaxAssociations {
		problems = append(problems, fmt.Errorf("the config needs %d associations in each cluster, but EKS allows %d", n, MaxAssociations))
	}
	return joinProblems("pod identity associations of "+c.Name, problems...)
}

// associationsPerCluster returns the number of associations in each cluster, and how many
// more each control plane adds.
func (s State) associationsPerCluster() (associations, perPlane int) {
	for _, c := range s.Components {
		if c.Mode.UsesPodIdentity() {
			associations += len(c.Subjects.Namespaces) * len(c.Accounts)
			if c.Namespace == "" {
				perPlane += len(c.Accounts)
			}
		}
	}
	return associations, perPlane
}
