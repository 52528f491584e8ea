package iam

// Everything in this file is deleted when the last caller is gone: these are the
// product's rules, which have moved to package desired.

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// Audience is the audience of the tokens that EKS projects for AWS, the same in
// every partition.
//
// Source: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service
// accounts".
const Audience = "sts.amazonaws.com"

// PodIdentityService is the principal of EKS Pod Identity in every partition.
//
// Source: Amazon EKS User Guide, "Create IAM role with trust policy required by
// EKS Pod Identity".
const PodIdentityService = "pods.eks.amazonaws.com"

// The session tags that a trust policy for EKS Pod Identity asks for.
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
const (
	tagNamespace      = "aws:RequestTag/kubernetes-namespace"
	tagServiceAccount = "aws:RequestTag/kubernetes-service-account"
	tagClusterARN     = "aws:RequestTag/eks-cluster-arn"
)

// Trust is the trust policy of the component's role: it admits the component's
// service account in the namespaces of subjects, on the cluster of spec and on
// those that share its roles, by the mechanism of the component's mode, and
// nobody else.
//
// Under IRSA each cluster has a statement for the exact namespaces and one for
// the pattern, because they need different operators. Under EKS Pod Identity one
// statement of each kind lists all clusters. A namespace that the pattern covers
// is not listed again.
//
// It is an error where a setting that the mode needs is missing or unfit for a
// policy, where there are no subjects ([ErrNoSubjects]), and where session tags
// are off, because the conditions on them would then admit nobody.
func Trust(spec identity.Spec, c identity.Component, subjects Subjects) (Document, error) {
	if err := checkTrust(spec, c, subjects); err != nil {
		return Document{}, fmt.Errorf("trust policy of %s: %w", c.Name, err)
	}
	doc := Document{Version: PolicyVersion}
	if c.Mode.UsesIRSA() {
		for i, cluster := range spec.AllClusters() {
			doc.Statement = append(doc.Statement, irsaStatements(cluster, i, c, subjects)...)
		}
	}
	if c.Mode.UsesPodIdentity() {
		doc.Statement = append(doc.Statement, podStatements(spec, c, subjects)...)
	}
	return doc, nil
}

func irsaStatements(cluster identity.Cluster, index int, c identity.Component, subjects Subjects) []Statement {
	provider := cluster.OIDC.HostPath
	statement := func(sid, operator string, subs Values) Statement {
		condition := Condition{"StringEquals": {provider + ":aud": {Audience}}}
		if condition[operator] == nil {
			condition[operator] = map[string]Values{}
		}
		condition[operator][provider+":sub"] = subs
		return Statement{
			Sid:       sidPrefix + sid + sidSuffix(index, provider),
			Effect:    Allow,
			Principal: Principal{Federated: Values{cluster.OIDC.ARN(c.Role)}},
			Action:    Values{"sts:AssumeRoleWithWebIdentity"},
			Condition: condition,
		}
	}
	var out []Statement
	if names := subjects.exact(); len(names) > 0 {
		subs := make(Values, len(names))
		for i, ns := range names {
			subs[i] = subject(ns, c.ServiceAccount)
		}
		out = append(out, statement("IRSA", "StringEquals", subs))
	}
	if subjects.Match != "" {
		pattern := subject(subjects.Match.Pattern(), c.ServiceAccount)
		out = append(out, statement("IRSAMatch", "StringLike", Values{pattern}))
	}
	return out
}

// subject is the sub claim of a service account's token.
func subject(namespace, serviceAccount string) string {
	return "system:serviceaccount:" + namespace + ":" + serviceAccount
}

// sidSuffix tells the statements of additional clusters apart by their issuer,
// so that adding or removing one cluster renames no other's statement.
func sidSuffix(index int, provider string) string {
	if index == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(provider))
	return hex.EncodeToString(sum[:4])
}

func podStatements(spec identity.Spec, c identity.Component, subjects Subjects) []Statement {
	var out []Statement
	if names := subjects.exact(); len(names) > 0 {
		s := podStatement(spec, c, "PodIdentity")
		s.Condition["StringEquals"][tagNamespace] = names
		out = append(out, s)
	}
	if subjects.Match != "" {
		s := podStatement(spec, c, "PodIdentityMatch")
		s.Condition["StringLike"] = map[string]Values{tagNamespace: {subjects.Match.Pattern()}}
		out = append(out, s)
	}
	return out
}

func podStatement(spec identity.Spec, c identity.Component, sid string) Statement {
	condition := Condition{"StringEquals": {
		tagServiceAccount: {c.ServiceAccount},
		tagClusterARN:     clusterARNs(spec, c.Role),
	}}
	if c.PodIdentity.SourceAccount {
		condition["StringEquals"]["aws:SourceAccount"] = Values{c.Role.Account}
	}
	if arns := c.PodIdentity.SourceARNs; len(arns) > 0 {
		condition["ArnLike"] = map[string]Values{"aws:SourceArn": slices.Clone(arns)}
	}
	return Statement{
		Sid:       sidPrefix + sid,
		Effect:    Allow,
		Principal: Principal{Service: Values{PodIdentityService}},
		Action:    Values{"sts:AssumeRole", "sts:TagSession"},
		Condition: condition,
	}
}

func clusterARNs(spec identity.Spec, role identity.RoleARN) Values {
	var arns Values
	for _, cluster := range spec.AllClusters() {
		arns = append(arns, clusterARN(cluster, role))
	}
	return arns
}

// clusterARN is the cluster in the account of the role: EKS Pod Identity takes
// no other.
func clusterARN(cluster identity.Cluster, role identity.RoleARN) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", role.Partition, cluster.Region, role.Account, cluster.Name)
}

func checkTrust(spec identity.Spec, c identity.Component, subjects Subjects) error {
	problems := []error{checkMode(c), checkRole(c.Role), checkServiceAccount(c.ServiceAccount), subjects.Check()}
	if c.Mode.UsesIRSA() {
		problems = append(problems, checkProviders(spec, c.Role))
	}
	if c.Mode.UsesPodIdentity() {
		problems = append(problems, checkClusters(spec), checkSessionTags(c), checkSourceARNs(c))
	}
	return errors.Join(problems...)
}

// Subjects are the host namespaces whose service account may become the role:
// exact names, and a pattern beside them.
type Subjects struct {
	Namespaces []string // exact, sorted, without repetition
	Match      identity.Match
}

// SubjectsOf are the subjects that a config names.
func SubjectsOf(spec identity.Spec) Subjects {
	return Subjects{Namespaces: spec.ControlPlanes.Namespaces, Match: spec.ControlPlanes.Match}
}

// ErrNoSubjects says that nothing tells which control planes a role is for.
var ErrNoSubjects = errors.New("no control plane is known: list the host namespaces in controlPlanes.namespaces " +
	"(or --host-namespace), let a command that has the cluster discover them (controlPlanes.discover: true), " +
	"or admit every namespace that a Space names by itself (match: uuid)")

// initialNamespaces are those that every cluster has and that no control plane
// lives in; a pattern that admits the first two is refused.
//
// Source: Kubernetes documentation, "Namespaces: Initial namespaces".
var initialNamespaces = []string{"kube-system", "default", "kube-public", "kube-node-lease"}

// Check reports what makes the subjects unfit for a policy: none at all, a
// namespace that is no DNS label (a wildcard among exact names, say), or a
// pattern that admits more than control planes.
func (s Subjects) Check() error {
	if len(s.Namespaces) == 0 && s.Match == "" {
		return ErrNoSubjects
	}
	var problems []error
	for _, ns := range s.Namespaces {
		problems = append(problems, checkNamespace(ns))
	}
	return errors.Join(append(problems, CheckMatch(s.Match))...)
}

// CheckMatch refuses a pattern that would admit more than control planes: one
// that [identity.ParseMatch] refuses, or one that admits kube-system or default.
func CheckMatch(m identity.Match) error {
	if m == "" {
		return nil
	}
	if _, err := identity.ParseMatch(string(m)); err != nil {
		return named("match", err)
	}
	for _, ns := range initialNamespaces[:2] {
		if like(m.Pattern(), ns) {
			return fmt.Errorf("match %q admits the namespace %s, where no control plane lives: "+
				"use uuid, or a narrower pattern such as mxp-*-system", m, ns)
		}
	}
	return nil
}

// Admits reports whether a service account of that namespace is among the
// subjects.
func (s Subjects) Admits(namespace string) bool {
	return slices.Contains(s.Namespaces, namespace) || s.covers(namespace)
}

func (s Subjects) covers(namespace string) bool {
	return s.Match != "" && like(s.Match.Pattern(), namespace)
}

// exact are the namespaces that need a line of their own. One that the pattern
// covers is left out: the grant is the same and the policy shorter.
func (s Subjects) exact() []string {
	var names []string
	for _, ns := range s.Namespaces {
		if !s.covers(ns) {
			names = append(names, ns)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// like is Like, for the functions of this package.
func like(pattern, s string) bool { return Like(pattern, s) }

func quoted(values []string) string { return quoteList(values) }

func anyWildcard(values []string) bool { return slices.ContainsFunc(values, hasWildcard) }

// The checks of this file stand at the door of every document, also for values
// that were checked before: nothing reaches a policy unless it is the plain name
// it claims to be.

// named puts the setting before what is wrong with it.
func named(setting string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", setting, err)
}

func checkServiceAccount(name string) error {
	return named("serviceAccount", identity.ValidateServiceAccount(name))
}

func checkNamespace(ns string) error { return named("namespace", identity.ValidateNamespace(ns)) }

func checkMode(c identity.Component) error {
	if c.Mode.UsesIRSA() || c.Mode.UsesPodIdentity() {
		return nil
	}
	return fmt.Errorf("mode %q: choose irsa, pod-identity or both", c.Mode)
}

func checkRole(role identity.RoleARN) error {
	if role.IsZero() {
		return errors.New("no role is set: give roleARN (or --role-arn), such as arn:aws:iam::123456789012:role/spaces-backup")
	}
	parsed, err := identity.ParseRoleARN(role.String())
	if err == nil && parsed != role {
		err = fmt.Errorf("%q is no ARN of an IAM role", role)
	}
	return named("roleARN", err)
}

func checkProviders(spec identity.Spec, role identity.RoleARN) error {
	var problems []error
	seen := map[string]bool{}
	for _, cluster := range spec.AllClusters() {
		p := cluster.OIDC
		problems = append(problems, checkProvider(cluster, role))
		if !p.IsZero() && seen[p.HostPath] {
			problems = append(problems, fmt.Errorf("two clusters have the OIDC provider %s: list each cluster once", p.HostPath))
		}
		seen[p.HostPath] = true
	}
	return errors.Join(problems...)
}

func checkProvider(cluster identity.Cluster, role identity.RoleARN) error {
	p := cluster.OIDC
	switch {
	case p.IsZero():
		return fmt.Errorf("cluster %q has no oidcProvider, which mode irsa needs: "+
			"`aws eks describe-cluster --query cluster.identity.oidc.issuer` prints it", cluster.Name)
	case p.Account != "" && p.Account != role.Account, p.Partition != "" && p.Partition != role.Partition:
		return fmt.Errorf("OIDC provider %s is in %s:%s and the role in %s:%s: IAM takes only a provider of the role's own account",
			p.HostPath, p.Partition, p.Account, role.Partition, role.Account)
	}
	parsed, err := identity.ParseOIDCProvider(p.HostPath)
	if err == nil && parsed.HostPath != p.HostPath {
		err = fmt.Errorf("%q is not the host and path of an issuer", p.HostPath)
	}
	return named("oidcProvider", err)
}

func checkClusters(spec identity.Spec) error {
	var problems []error
	seen := map[identity.Cluster]bool{}
	for _, cluster := range spec.AllClusters() {
		problems = append(problems, checkCluster(cluster))
		key := identity.Cluster{Name: cluster.Name, Region: cluster.Region}
		if seen[key] {
			problems = append(problems, fmt.Errorf("cluster %s in %s is listed twice", cluster.Name, cluster.Region))
		}
		seen[key] = true
	}
	return errors.Join(problems...)
}

func checkCluster(cluster identity.Cluster) error {
	if cluster.Name == "" || cluster.Region == "" {
		return errors.New("mode pod-identity needs the name and region of each cluster: " +
			"give cluster.name and cluster.region (or --cluster and --region)")
	}
	return errors.Join(
		named("cluster name", identity.ValidateClusterName(cluster.Name)),
		named("region", identity.ValidateRegion(cluster.Region)))
}

// checkSessionTags refuses the combination that locks everybody out: the policy
// asks for tags that the sessions do not have.
func checkSessionTags(c identity.Component) error {
	if !c.PodIdentity.DisableSessionTags {
		return nil
	}
	return errors.New("podIdentity.disableSessionTags takes away the tags kubernetes-namespace, " +
		"kubernetes-service-account and eks-cluster-arn, and the trust policy asks for them: no pod would get the role. " +
		"Without those conditions every association in the account could use it. " +
		"Leave session tags on, or use mode irsa")
}

func checkSourceARNs(c identity.Component) error {
	var problems []error
	for _, arn := range c.PodIdentity.SourceARNs {
		if err := identity.ValidateSourceARN(arn); err != nil {
			problems = append(problems, fmt.Errorf("podIdentity %w", err))
		}
	}
	return errors.Join(problems...)
}

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

// MaxAssociations is the number of Pod Identity associations that a cluster may
// have; the quota cannot be raised.
//
// Source: Amazon EKS User Guide, "View and manage Amazon EKS and Fargate service
// quotas".
const MaxAssociations = 5000

// Association is the input of `aws eks create-pod-identity-association
// --cli-input-json`. It has no clientRequestToken: the program gives the same
// answer twice.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation.
type Association struct {
	ClusterName        string            `json:"clusterName"`
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	RoleARN            string            `json:"roleArn"`
	Tags               map[string]string `json:"tags,omitempty"`
	DisableSessionTags bool              `json:"disableSessionTags,omitempty"`
	TargetRoleARN      string            `json:"targetRoleArn,omitempty"`
	Policy             string            `json:"policy,omitempty"` // IAM policy as JSON text
}

// Associations are the EKS Pod Identity associations of the component: one for
// each cluster and namespace, clusters in the order of spec, namespaces sorted.
// EKS knows no patterns, so every namespace must be named.
//
// It is an error where a setting is missing or unfit, where session policy and
// session tags are not set as EKS wants them, and where a cluster would have
// more than [MaxAssociations].
func Associations(spec identity.Spec, c identity.Component, namespaces []string) ([]Association, error) {
	names := slices.Compact(slices.Sorted(slices.Values(namespaces)))
	if err := checkAssociations(spec, c, names); err != nil {
		return nil, fmt.Errorf("pod identity associations of %s: %w", c.Name, err)
	}
	var out []Association
	for _, cluster := range spec.AllClusters() {
		for _, ns := range names {
			out = append(out, association(cluster, c, ns))
		}
	}
	return out, nil
}

func association(cluster identity.Cluster, c identity.Component, namespace string) Association {
	return Association{
		ClusterName:        cluster.Name,
		Namespace:          namespace,
		ServiceAccount:     c.ServiceAccount,
		RoleARN:            c.Role.String(),
		Tags:               c.PodIdentity.Tags,
		DisableSessionTags: c.PodIdentity.DisableSessionTags,
		TargetRoleARN:      c.PodIdentity.TargetRole.String(),
		Policy:             c.PodIdentity.Policy,
	}
}

// AssociationsJSON is the array of associations, indented by two spaces, with a
// newline at its end.
func AssociationsJSON(list []Association) []byte {
	if list == nil {
		list = []Association{}
	}
	return indentedJSON(list)
}

func checkAssociations(spec identity.Spec, c identity.Component, names []string) error {
	problems := []error{checkRole(c.Role), checkServiceAccount(c.ServiceAccount), checkClusters(spec),
		checkTarget(c), checkTags(c.PodIdentity.Tags), checkSessionPolicy(c)}
	if !c.Mode.UsesPodIdentity() {
		problems = append(problems, fmt.Errorf("mode %s has no associations: choose pod-identity or both", c.Mode))
	}
	if len(names) == 0 {
		problems = append(problems, errors.New("an association needs the exact name of its namespace: list the host namespaces "+
			"in controlPlanes.namespaces (or --host-namespace), or let a command that has the cluster discover them"))
	}
	for _, ns := range names {
		problems = append(problems, checkNamespace(ns))
	}
	if len(names) > MaxAssociations {
		problems = append(problems, fmt.Errorf("%d associations are more than the %d that a cluster may have", len(names), MaxAssociations))
	}
	return errors.Join(problems...)
}

// checkSessionPolicy keeps the rule of EKS that a session policy and session
// tags exclude each other.
func checkSessionPolicy(c identity.Component) error {
	policy := c.PodIdentity.Policy
	if policy == "" {
		return nil
	}
	if _, err := Parse([]byte(policy)); err != nil {
		return fmt.Errorf("podIdentity.policy: %w", err)
	}
	if !c.PodIdentity.DisableSessionTags {
		return errors.New("podIdentity.policy: EKS takes a session policy only with disableSessionTags: true")
	}
	return nil
}

func checkTags(tags map[string]string) error {
	var problems []error
	if len(tags) > 50 {
		problems = append(problems, fmt.Errorf("podIdentity.tags: %d tags are more than the 50 that AWS takes", len(tags)))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if err := identity.ValidateTag(key, tags[key]); err != nil {
			problems = append(problems, fmt.Errorf("podIdentity.tags: %w", err))
		}
	}
	return errors.Join(problems...)
}

// warnAbove is the share of the quota, in percent, past which there is a
// warning.
const warnAbove = 80

// Budget is how much of its quota a trust policy uses.
type Budget struct {
	Used      int      `json:"used"`      // characters, as IAM counts
	Limit     int      `json:"limit"`     // characters
	Fits      int      `json:"fits"`      // control planes of a Space's own naming that still fit
	Unlimited bool     `json:"unlimited"` // a pattern admits them; their number does not matter
	WaysOut   []WayOut `json:"waysOut,omitempty"`
}

// WayOut is a change that makes the policy fit, and what else it does.
type WayOut struct {
	Setting     string `json:"setting"`
	Length      int    `json:"length"` // characters of the trust policy then
	Fits        bool   `json:"fits"`   // within the limit as it is
	Consequence string `json:"consequence"`
}

// NewBudget measures the trust policy of a component against spec's quota, or
// [identity.DefaultTrustPolicyQuota] where it sets none. The ways out are worked out where the
// policy is past 80 % of it. The errors are those of [Trust].
func NewBudget(spec identity.Spec, c identity.Component, subjects Subjects) (Budget, error) {
	doc, err := Trust(spec, c, subjects)
	if err != nil {
		return Budget{}, err
	}
	b := Budget{Used: Length(doc), Limit: quota(spec)}
	b.Unlimited = subjects.covers(uuidNamespace(0))
	if !b.Unlimited {
		b.Fits = fits(spec, c, subjects, b)
	}
	if c.Mode.UsesPodIdentity() {
		b = b.limitedByAssociations(len(subjects.Namespaces))
	}
	if b.Used*100 > b.Limit*warnAbove {
		b.WaysOut = waysOut(spec, c, subjects, b)
	}
	return b, nil
}

func quota(spec identity.Spec) int {
	if spec.TrustPolicyQuota > 0 {
		return spec.TrustPolicyQuota
	}
	return identity.DefaultTrustPolicyQuota
}

// uuidNamespace is a host namespace as a Space names it, for measuring.
func uuidNamespace(n int) string {
	return fmt.Sprintf("mxp-%08x-0000-4000-8000-000000000000-system", n)
}

// fits counts how many namespaces can be added. The second one added costs what
// each one after it costs; the first may cost more, as it may open a statement
// or make a list of a single value.
func fits(spec identity.Spec, c identity.Component, subjects Subjects, b Budget) int {
	length := func(extra int) int {
		more := subjects
		more.Namespaces = append([]string{}, subjects.Namespaces...)
		for n := range extra {
			more.Namespaces = append(more.Namespaces, uuidNamespace(n))
		}
		doc, err := Trust(spec, c, more)
		if err != nil {
			return b.Limit + 1
		}
		return Length(doc)
	}
	first, second, third := length(1), length(2), length(3)
	if first > b.Limit {
		return 0
	}
	if second > b.Limit {
		return 1
	}
	return 2 + (b.Limit-second)/(third-second)
}

// limitedByAssociations brings in the other quota of EKS Pod Identity.
func (b Budget) limitedByAssociations(associations int) Budget {
	left := max(0, MaxAssociations-associations)
	if b.Unlimited || left < b.Fits {
		b.Fits = left
	}
	b.Unlimited = false
	return b
}

// Warning is what to tell the user past 80 % of the quota, or nothing.
func (b Budget) Warning() string {
	if b.Used > b.Limit || b.Used*100 <= b.Limit*warnAbove {
		return ""
	}
	return b.String() + b.list()
}

// Err is an error that lists the ways out where the policy is past the quota.
func (b Budget) Err() error {
	if b.Used <= b.Limit {
		return nil
	}
	return fmt.Errorf("the trust policy has %d characters and the quota is %d%s", b.Used, b.Limit, b.list())
}

// String is the budget in a line.
func (b Budget) String() string {
	used := fmt.Sprintf("trust policy: %d of %d characters (%d %%)", b.Used, b.Limit, b.Used*100/b.Limit)
	switch {
	case b.Unlimited:
		return used + "; any number of control planes fits"
	case b.Fits == 1:
		return used + "; 1 more control plane fits"
	}
	return fmt.Sprintf("%s; %d more control planes fit", used, b.Fits)
}

func (b Budget) list() string {
	if len(b.WaysOut) == 0 {
		return ""
	}
	var out strings.Builder
	out.WriteString("\nways out:")
	for _, w := range b.WaysOut {
		fmt.Fprintf(&out, "\n  %s (%d characters%s): %s", w.Setting, w.Length, w.tooLong(b.Limit), w.Consequence)
	}
	return out.String()
}

// enough is the quota, doubled until the policy has room.
func enough(b Budget) int {
	quota := 2 * b.Limit
	for quota < b.Used {
		quota *= 2
	}
	return quota
}

// tooLong marks a change that shortens the policy, but not enough. A higher
// quota always is enough.
func (w WayOut) tooLong(limit int) string {
	if w.Fits || strings.HasPrefix(w.Setting, "trustPolicy.quota") {
		return ""
	}
	return fmt.Sprintf(", still more than %d", limit)
}

func waysOut(spec identity.Spec, c identity.Component, subjects Subjects, b Budget) []WayOut {
	out := []WayOut{{fmt.Sprintf("trustPolicy.quota: %d", enough(b)), b.Used, b.Used <= b.Limit,
		"after AWS has raised the account's quota for role trust policies; the subjects stay exact"}}
	add := func(setting, consequence string, c identity.Component, s Subjects) {
		doc, err := Trust(spec, c, s)
		if err != nil {
			return
		}
		if n := Length(doc); n < b.Used {
			out = append(out, WayOut{setting, n, n <= b.Limit, consequence})
		}
	}
	withMatch := func(m identity.Match) Subjects { return Subjects{subjects.Namespaces, m} }

	if subjects.Match != identity.MatchUUID {
		add("match: uuid", "also admits control planes made later, in namespaces that a Space names by itself", c, withMatch(identity.MatchUUID))
	}
	if m := commonPattern(subjects.Namespaces); m != "" && m != subjects.Match {
		add("match: "+string(m), "also admits every other namespace of that form, whoever makes it", c, withMatch(m))
	}
	if c.Mode != identity.PodIdentity {
		pods := c
		pods.Mode = identity.PodIdentity
		add("mode: pod-identity", "takes the agent add-on and an association for each control plane; the policy still grows with each", pods, subjects)
		add("mode: pod-identity, match: uuid", "takes the agent add-on and an association for each control plane; the associations keep others out", pods, withMatch(identity.MatchUUID))
	}
	return out
}

// commonPattern is the narrowest pattern with one * that the names share, cut at
// their dashes, or nothing.
func commonPattern(names []string) identity.Match {
	if len(names) < 2 {
		return ""
	}
	first := strings.Split(names[0], "-")
	head, tail := len(first), len(first)
	for _, name := range names[1:] {
		parts := strings.Split(name, "-")
		head = min(head, commonStart(first, parts))
		tail = min(tail, commonEnd(first, parts))
	}
	if head == 0 || head+tail >= len(first) {
		return ""
	}
	m := strings.Join(first[:head], "-") + "-*"
	if tail > 0 {
		m += "-" + strings.Join(first[len(first)-tail:], "-")
	}
	if CheckMatch(identity.Match(m)) != nil {
		return ""
	}
	return identity.Match(m)
}

func commonStart(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonEnd(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// Reach is what a pattern of namespaces admits, set against the control planes
// that are known.
type Reach struct {
	Match    identity.Match `json:"match"`
	Pattern  string         `json:"pattern"` // in IAM's wildcards
	Covers   []string       `json:"covers"`  // known namespaces that it admits
	Misses   []string       `json:"misses"`  // known namespaces that it does not admit
	Beyond   []string       `json:"beyond"`  // examples of what else it admits
	Warnings []string       `json:"warnings,omitempty"`
}

// NewReach shows a pattern's reach. A pattern that [CheckMatch] refuses is an
// error.
func NewReach(m identity.Match, known []string) (Reach, error) {
	if err := CheckMatch(m); err != nil {
		return Reach{}, err
	}
	r := Reach{Match: m, Pattern: m.Pattern()}
	if m == "" {
		return r, nil
	}
	for _, ns := range slices.Compact(slices.Sorted(slices.Values(known))) {
		if like(r.Pattern, ns) {
			r.Covers = append(r.Covers, ns)
		} else {
			r.Misses = append(r.Misses, ns)
		}
	}
	r.Beyond = examples(r.Pattern, known)
	r.Warnings = reachWarnings(r.Pattern)
	return r, nil
}

// examples are up to three namespaces that nobody named and the pattern admits.
func examples(pattern string, known []string) []string {
	var out []string
	for _, fill := range [][2]string{{"someone-else", "0"}, {"x", "x"}, {"prod", "z"}} {
		name := strings.NewReplacer("*", fill[0], "?", fill[1]).Replace(pattern)
		if identity.ValidateNamespace(name) == nil && like(pattern, name) && !slices.Contains(known, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func reachWarnings(pattern string) []string {
	var out []string
	for _, ns := range append(slices.Clone(initialNamespaces), "upbound-system") {
		if like(pattern, ns) {
			out = append(out, fmt.Sprintf("the pattern %s admits the namespace %s, where no control plane lives", pattern, ns))
		}
	}
	const fewest = 4
	if fixed := len(strings.NewReplacer("*", "", "?", "").Replace(pattern)); fixed < fewest {
		out = append(out, fmt.Sprintf("the pattern %s has only %d characters that are no wildcards; "+
			"whoever may make a namespace of that form gets the role", pattern, fixed))
	}
	return out
}

// Text is the reach for a person.
func (r Reach) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "match %s admits every namespace like %s: %d of the known control planes, and any other of that form\n",
		r.Match, r.Pattern, len(r.Covers))
	for _, ns := range r.Misses {
		fmt.Fprintf(&b, "  not admitted: %s\n", ns)
	}
	for _, ns := range r.Beyond {
		fmt.Fprintf(&b, "  also admitted, for example: %s\n", ns)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", w)
	}
	return b.String()
}

// Review lists what is loose or without effect in a trust policy, ours or any
// other: an Allow for everyone, a web identity without an audience or a subject,
// EKS Pod Identity without a namespace, a wildcard that is no wildcard. An empty
// list says no more than that none of these is there.
func Review(doc Document) []string {
	var out []string
	for i, s := range doc.Statement {
		title := (&StatementResult{Number: i + 1, Sid: s.Sid, Effect: s.Effect}).title()
		for _, problem := range reviewStatement(s) {
			out = append(out, title+": "+problem)
		}
	}
	return out
}

func reviewStatement(s Statement) []string {
	var out []string
	if s.Effect == Allow {
		out = append(out, reviewPrincipal(s)...)
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		if !strings.Contains(operator, "Equals") || strings.Contains(operator, "Arn") {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			if values := s.Condition[operator][key]; anyWildcard(values) {
				out = append(out, fmt.Sprintf("%s %s has a * or ? in %s, which it takes literally: a pattern needs StringLike",
					operator, key, quoted(values)))
			}
		}
	}
	return out
}

func reviewPrincipal(s Statement) []string {
	var out []string
	if s.Principal.Everyone || slices.Contains(s.Principal.AWS, "*") {
		out = append(out, "the principal is everyone")
	}
	if len(s.Principal.Federated) > 0 {
		if !hasKey(s, func(k string) bool { return strings.HasSuffix(strings.ToLower(k), ":aud") }) {
			out = append(out, "no condition on the audience: a token made for another service would do")
		}
		if !hasKey(s, func(k string) bool { return strings.HasSuffix(strings.ToLower(k), ":sub") }) {
			out = append(out, "no condition on the subject: every service account of the cluster is admitted")
		}
	}
	if slices.Contains(s.Principal.Service, PodIdentityService) {
		if !hasKey(s, func(k string) bool { return strings.EqualFold(k, tagNamespace) }) {
			out = append(out, "no condition on "+tagNamespace+": any association in the account can use the role")
		}
	}
	return out
}

// hasKey reports whether some condition that can exclude a request is on such a
// key.
func hasKey(s Statement, is func(key string) bool) bool {
	for operator, keys := range s.Condition {
		if strings.HasSuffix(operator, "IfExists") || strings.HasPrefix(operator, "ForAllValues:") || operator == "Null" {
			continue
		}
		for key := range keys {
			if is(key) {
				return true
			}
		}
	}
	return false
}

// Explanation says whether a service account would get a role under a trust
// policy, by each way that the mode gives it.
type Explanation struct {
	Namespace      string   `json:"namespace"`
	ServiceAccount string   `json:"serviceAccount"`
	Role           string   `json:"role"`
	Verdict        Verdict  `json:"verdict"` // the best of the ways
	Ways           []Way    `json:"ways"`
	Notes          []string `json:"notes,omitempty"`
}

// Way is one way to the role: a mechanism on a cluster, and what the policy says
// to the action that decides it.
type Way struct {
	Mechanism identity.Mode `json:"mechanism"`
	Cluster   string        `json:"cluster"`
	Action    string        `json:"action"`
	Decision
}

// Fact is a condition key that the user knows and the program does not, such as
// aws:SourceArn.
type Fact struct {
	Key    string
	Values []string
}

// Explain evaluates a trust policy, ours or any other, for a service account: on
// each cluster of spec, by each mechanism of the component's mode. EKS Pod
// Identity needs sts:AssumeRole and, for session tags, sts:TagSession, so the one
// that is refused decides. It is an error where a setting is missing that the request is made
// of, or a name is none that Kubernetes has: a token for it cannot exist.
func Explain(doc Document, spec identity.Spec, c identity.Component, namespace, serviceAccount string, facts ...Fact) (Explanation, error) {
	if err := errors.Join(checkRequest(spec, c), checkNamespace(namespace), checkServiceAccount(serviceAccount)); err != nil {
		return Explanation{}, fmt.Errorf("explain %s/%s: %w", namespace, serviceAccount, err)
	}
	e := Explanation{Namespace: namespace, ServiceAccount: serviceAccount, Role: c.Role.String()}
	for _, cluster := range spec.AllClusters() {
		if c.Mode.UsesIRSA() {
			request := IRSARequest(cluster, c.Role, namespace, serviceAccount)
			e.Ways = append(e.Ways, way(doc, identity.IRSA, clusterLabel(cluster), withFacts([]Request{request}, facts)...))
		}
		if c.Mode.UsesPodIdentity() {
			requests := PodIdentityRequests(cluster, c, namespace, serviceAccount)
			e.Ways = append(e.Ways, way(doc, identity.PodIdentity, clusterLabel(cluster), withFacts(requests, facts)...))
		}
	}
	e.Verdict = best(e.Ways)
	e.Notes = notes(c.Mode)
	return e, nil
}

func checkRequest(spec identity.Spec, c identity.Component) error {
	for _, cluster := range spec.AllClusters() {
		if c.Mode.UsesIRSA() {
			if err := checkProvider(cluster, c.Role); err != nil {
				return err
			}
		}
		if c.Mode.UsesPodIdentity() {
			if err := checkCluster(cluster); err != nil {
				return err
			}
		}
	}
	if err := checkMode(c); err != nil {
		return err
	}
	return checkRole(c.Role)
}

func clusterLabel(cluster identity.Cluster) string {
	if cluster.Name != "" {
		return cluster.Name
	}
	return cluster.OIDC.HostPath
}

func withFacts(requests []Request, facts []Fact) []Request {
	for i := range requests {
		for _, f := range facts {
			requests[i] = requests[i].With(f.Key, f.Values...)
		}
	}
	return requests
}

// way evaluates the requests that must all be allowed; the first that is not
// decides.
func way(doc Document, mechanism identity.Mode, cluster string, requests ...Request) Way {
	w := Way{Mechanism: mechanism, Cluster: cluster}
	var actions []string
	for _, r := range requests {
		w.Decision, w.Action = Evaluate(r, doc), r.Action
		if w.Verdict != Allowed {
			return w
		}
		actions = append(actions, r.Action)
	}
	w.Action = strings.Join(actions, " and ")
	return w
}

func best(ways []Way) Verdict {
	verdict := Denied
	for _, w := range ways {
		switch {
		case w.Verdict == Allowed:
			return Allowed
		case w.Verdict == CannotEvaluate:
			verdict = CannotEvaluate
		}
	}
	return verdict
}

func notes(m identity.Mode) []string {
	var out []string
	if m.UsesPodIdentity() {
		out = append(out, "EKS Pod Identity also needs an association of this namespace and service account; the policy alone gives nothing")
	}
	if m == identity.Both {
		out = append(out, OverrideWarning)
	}
	return out
}

// OverrideWarning is what a user should know while a role serves both
// mechanisms.
//
// Source: Amazon EKS User Guide, "Learn how EKS Pod Identity grants pods access
// to AWS services".
const OverrideWarning = "where a service account has an association and a role annotation, EKS uses the association, silently"

// Text is the explanation for a person: the verdict, and for each way the
// statement or condition that decides.
func (e Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: service account %s in namespace %s, role %s\n", e.Verdict, e.ServiceAccount, e.Namespace, e.Role)
	for _, w := range e.Ways {
		fmt.Fprintf(&b, "\n%s on cluster %s (%s): %s\n  %s\n", w.Mechanism, w.Cluster, w.Action, w.Verdict, w.Reason)
		if len(w.Changes) > 0 {
			fmt.Fprintf(&b, "  it would be allowed if:\n    %s\n", strings.Join(w.Changes, "\n    "))
		}
	}
	for _, note := range e.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", note)
	}
	return b.String()
}

// Self is what an identity must be allowed to do for this program to verify, plan
// and apply the config, and no more; with readOnly, to verify and plan it. sts:GetCallerIdentity
// needs no permission. The names of the roles and clusters, and the OIDC
// providers where mode irsa is used, must be set.
//
// Source: Service Authorization Reference, "Actions, resources, and condition
// keys for AWS Identity and Access Management" and "… for Amazon Elastic
// Kubernetes Service".
func Self(spec identity.Spec, readOnly bool) (Document, error) {
	if err := checkSelf(spec); err != nil {
		return Document{}, fmt.Errorf("policy for the program itself: %w", err)
	}
	s := self{spec: spec, readOnly: readOnly}
	s.allow("Account", Values{"iam:GetAccountSummary"}, nil, Values{"*"})
	s.roles()
	s.providers()
	s.clusters()
	s.associations()
	return Document{Version: PolicyVersion, Statement: s.statements}, nil
}

func checkSelf(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		problems = append(problems, checkMode(c), checkRole(c.Role))
		if c.Mode.UsesIRSA() && !c.Role.IsZero() {
			problems = append(problems, checkProviders(spec, c.Role))
		}
		if c.Mode.UsesPodIdentity() {
			problems = append(problems, checkClusters(spec))
		}
	}
	return errors.Join(problems...)
}

// self collects the statements.
type self struct {
	spec       identity.Spec
	readOnly   bool
	statements []Statement
}

// allow adds a statement, unless it would allow nothing on nothing.
func (s *self) allow(sid string, read, write, resources Values) {
	actions := slices.Clone(read)
	if !s.readOnly {
		actions = append(actions, write...)
	}
	if len(actions) == 0 || len(resources) == 0 {
		return
	}
	s.statements = append(s.statements, Statement{Sid: sidPrefix + sid, Effect: Allow, Action: actions,
		Resource: slices.Compact(slices.Sorted(slices.Values(resources)))})
}

func (s *self) roles() {
	var all, withBucket, passed Values
	for _, c := range s.spec.Components {
		arn := c.Role.String()
		all = append(all, arn)
		if c.Bucket != "" {
			withBucket = append(withBucket, arn)
		}
		if c.Mode.UsesPodIdentity() {
			passed = append(passed, arn)
		}
	}
	s.allow("Roles", Values{"iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"}, Values{"iam:CreateRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy"}, all)
	s.allow("Permissions", nil, Values{"iam:PutRolePolicy"}, withBucket)
	s.allow("ManagedPolicies", Values{"iam:GetPolicy", "iam:GetPolicyVersion"}, nil, s.managedPolicies())
	if len(passed) > 0 && !s.readOnly {
		s.allow("Pass", nil, Values{"iam:PassRole"}, passed)
		s.statements[len(s.statements)-1].Condition = Condition{"StringEquals": {"iam:PassedToService": {PodIdentityService}}}
	}
}

// managedPolicies are those that may be attached to the roles: the account's own
// and AWS's.
func (s *self) managedPolicies() Values {
	var arns Values
	for _, c := range s.spec.Components {
		arns = append(arns, "arn:"+c.Role.Partition+":iam::"+c.Role.Account+":policy/*", "arn:"+c.Role.Partition+":iam::aws:policy/*")
	}
	return arns
}

func (s *self) providers() {
	var arns Values
	for _, c := range s.spec.Components {
		if !c.Mode.UsesIRSA() {
			continue
		}
		for _, cluster := range s.spec.AllClusters() {
			arns = append(arns, cluster.OIDC.ARN(c.Role))
		}
	}
	s.allow("Providers", Values{"iam:GetOpenIDConnectProvider"},
		Values{"iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"}, arns)
}

// named are the clusters that can be asked.
func (s *self) named() []identity.Cluster {
	return slices.DeleteFunc(s.spec.AllClusters(), func(c identity.Cluster) bool { return c.Name == "" || c.Region == "" })
}

func (s *self) usesPodIdentity() bool {
	return slices.ContainsFunc(s.spec.Components, func(c identity.Component) bool { return c.Mode.UsesPodIdentity() })
}

func (s *self) clusters() {
	read, write := Values{"eks:DescribeCluster", "eks:ListPodIdentityAssociations"}, Values{}
	var clusters, agents Values
	for _, cluster := range s.named() {
		clusters = append(clusters, s.arn(cluster, "cluster/"+cluster.Name))
		agents = append(agents, s.arn(cluster, "addon/"+cluster.Name+"/eks-pod-identity-agent/*"))
	}
	if s.usesPodIdentity() {
		write = Values{"eks:CreateAddon", "eks:CreatePodIdentityAssociation"}
	}
	s.allow("Clusters", read, write, clusters)
	if s.usesPodIdentity() {
		s.allow("Agent", Values{"eks:DescribeAddon"}, Values{"eks:TagResource"}, agents)
	}
}

// associations that are left from another mode are read, and removed when
// pruning, in every mode.
func (s *self) associations() {
	write := Values{"eks:DeletePodIdentityAssociation"}
	if s.usesPodIdentity() {
		write = append(write, "eks:TagResource", "eks:UpdatePodIdentityAssociation")
	}
	var arns Values
	for _, cluster := range s.named() {
		arns = append(arns, s.arn(cluster, "podidentityassociation/"+cluster.Name+"/*"))
	}
	s.allow("Associations", Values{"eks:DescribePodIdentityAssociation"}, write, arns)
}

func (s *self) arn(cluster identity.Cluster, resource string) string {
	role := s.spec.Components[0].Role
	return fmt.Sprintf("arn:%s:eks:%s:%s:%s", role.Partition, cluster.Region, role.Account, resource)
}

// IRSARequest is the call that an AWS SDK makes in a pod of that service account
// with the token that EKS projects.
//
// Source: IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS
// condition context keys: Available keys for AWS web identity federation".
func IRSARequest(cluster identity.Cluster, role identity.RoleARN, namespace, serviceAccount string) Request {
	provider := cluster.OIDC.HostPath
	return Request{
		Caller: Caller{Federated, cluster.OIDC.ARN(role)},
		Action: "sts:AssumeRoleWithWebIdentity",
		Context: map[string][]string{
			provider + ":aud":     {Audience},
			provider + ":sub":     {subject(namespace, serviceAccount)},
			"aws:SecureTransport": {"true"},
		},
		Absent: []string{"*:aud", "*:sub", "*:amr", "*:oaud", "aws:RequestTag/*", "aws:TagKeys",
			"sts:TransitiveTagKeys", "aws:SourceAccount", "aws:SourceArn", "sts:ExternalId"},
	}
}

// PodIdentityRequests are what EKS Pod Identity asks for when it assumes the
// component's role for a pod of that service account: the role and, unless the
// component's session tags are off, the tags. All must be allowed.
//
// What aws:SourceArn holds is not documented, so it is unknown; see
// [Request.With].
//
// Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based on
// tags".
func PodIdentityRequests(cluster identity.Cluster, c identity.Component, namespace, serviceAccount string) []Request {
	assume := Request{
		Caller:  Caller{Service, PodIdentityService},
		Action:  "sts:AssumeRole",
		Context: map[string][]string{"aws:SecureTransport": {"true"}, "aws:SourceAccount": {c.Role.Account}},
		Absent: []string{"*:aud", "*:sub", "*:amr", "*:oaud", "sts:ExternalId",
			"aws:RequestTag/*", "aws:TagKeys", "sts:TransitiveTagKeys"},
	}
	if c.PodIdentity.DisableSessionTags {
		return []Request{assume}
	}
	assume = assume.withSessionTags(clusterARN(cluster, c.Role), cluster.Name, namespace, serviceAccount)
	tag := assume
	tag.Action = "sts:TagSession"
	return []Request{assume, tag}
}

// withSessionTags adds the tags that EKS gives every session. Those of the pod
// are there, but not known here.
func (r Request) withSessionTags(clusterARN, clusterName, namespace, serviceAccount string) Request {
	r = r.With("aws:RequestTag/eks-cluster-arn", clusterARN).
		With("aws:RequestTag/eks-cluster-name", clusterName).
		With("aws:RequestTag/kubernetes-namespace", namespace).
		With("aws:RequestTag/kubernetes-service-account", serviceAccount)
	keys := []string{"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
		"kubernetes-pod-name", "kubernetes-pod-uid", "kubernetes-service-account"}
	r.Unknown = []string{"aws:RequestTag/kubernetes-pod-name", "aws:RequestTag/kubernetes-pod-uid"}
	return r.With("aws:TagKeys", keys...).With("sts:TransitiveTagKeys", keys...)
}

// sidPrefix marks the statements that this program writes.
const sidPrefix = "SpacesIdentity"

// Owns reports whether the statement bears a Sid that this program gives. The
// live side replaces such statements and leaves a stranger's alone.
func Owns(s Statement) bool { return strings.HasPrefix(s.Sid, sidPrefix) }
