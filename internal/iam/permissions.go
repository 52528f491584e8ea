package iam

import (
	"errors"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// Permissions is what the component's role may do: list the bucket, read, write
// and delete its objects, and use the KMS key where one is set. With a prefix it
// may list and touch only what is under it.
//
// The actions are those that the object store library behind Spaces backups asks
// for; it is given the region, so it need not ask where the bucket is.
// Listing is limited to requests whose prefix is below the component's, with the
// slash: S3 takes a prefix as the start of a key, so a list of "prod" would show
// "production/" too.
//
// Where the component has a target role, the role may also assume it; the
// target needs the same permissions, granted in its own account.
//
// Source: Thanos, "Object storage: S3"; Amazon S3 User Guide, "Controlling access
// to a bucket with user policies".
func Permissions(c identity.Component) (Document, error) {
	if err := checkPermissions(c); err != nil {
		return Document{}, fmt.Errorf("permissions policy of %s: %w", c.Name, err)
	}
	doc := Document{Version: PolicyVersion, Statement: []Statement{listBucket(c), useObjects(c)}}
	if c.KMSKey.String() != "" {
		doc.Statement = append(doc.Statement, useKey(c))
	}
	if target := c.PodIdentity.TargetRole; !target.IsZero() && c.Mode.UsesPodIdentity() {
		doc.Statement = append(doc.Statement, assumeTarget(target))
	}
	return doc, nil
}

func listBucket(c identity.Component) Statement {
	s := Statement{
		Sid:      sidPrefix + "List",
		Effect:   Allow,
		Action:   Values{"s3:ListBucket"},
		Resource: Values{bucketARN(c)},
	}
	if p := prefix(c); p != "" {
		s.Condition = Condition{"StringLike": {"s3:prefix": {p + "/*"}}}
	}
	return s
}

func useObjects(c identity.Component) Statement {
	objects := bucketARN(c) + "/*"
	if p := prefix(c); p != "" {
		objects = bucketARN(c) + "/" + p + "/*"
	}
	return Statement{
		Sid:      sidPrefix + "Objects",
		Effect:   Allow,
		Action:   Values{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
		Resource: Values{objects},
	}
}

// useKey allows the key to be used by S3 only. S3 calls KMS by a name that ends
// in the partition's own domain, which AWS alone can set; hence the pattern.
//
// Source: AWS KMS Developer Guide, "kms:ViaService"; Amazon S3 User Guide, "Using
// server-side encryption with AWS KMS keys".
func useKey(c identity.Component) Statement {
	region := strings.Split(c.KMSKey.String(), ":")[3]
	return Statement{
		Sid:       sidPrefix + "Key",
		Effect:    Allow,
		Action:    Values{"kms:Decrypt", "kms:GenerateDataKey"},
		Resource:  Values{c.KMSKey.String()},
		Condition: Condition{"StringLike": {"kms:ViaService": {"s3." + region + ".*"}}},
	}
}

// assumeTarget lets the role pass its session on to the target role.
//
// Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity
// Target IAM Roles".
func assumeTarget(target identity.RoleARN) Statement {
	return Statement{
		Sid:      sidPrefix + "Target",
		Effect:   Allow,
		Action:   Values{"sts:AssumeRole", "sts:TagSession"},
		Resource: Values{target.String()},
	}
}

func bucketARN(c identity.Component) string { return "arn:" + c.Role.Partition + ":s3:::" + c.Bucket }

func prefix(c identity.Component) string { return strings.TrimSuffix(c.Prefix, "/") }

func checkPermissions(c identity.Component) error {
	return errors.Join(checkRole(c.Role), checkBucket(c.Bucket), checkPrefix(c.Prefix), checkKey(c), checkTarget(c))
}

func checkBucket(bucket string) error {
	if bucket == "" {
		return errors.New("no bucket is set: give bucket (or --bucket)")
	}
	return named("bucket", identity.ValidateBucket(bucket))
}

func checkPrefix(p string) error {
	_, err := identity.ParsePrefix(p)
	return named("prefix", err)
}

func checkKey(c identity.Component) error {
	if c.KMSKey.String() == "" {
		return nil
	}
	if partition := strings.Split(c.KMSKey.String(), ":")[1]; partition != c.Role.Partition {
		return fmt.Errorf("kmsKeyARN %q is in partition %s and the role in %s", c.KMSKey.String(), partition, c.Role.Partition)
	}
	return nil
}

func checkTarget(c identity.Component) error {
	target := c.PodIdentity.TargetRole
	if target.IsZero() {
		return nil
	}
	return named("podIdentity.targetRoleARN", checkRole(target))
}
