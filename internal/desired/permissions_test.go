package desired_test

import (
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func kmsKey(partition string) identity.KMSKeyARN {
	return identity.KMSKeyARN{Partition: partition, Region: "us-west-2", Account: "123456789012", ID: "1234abcd-12ab-34cd-56ef-1234567890ab"}
}

func prefixAndKey(c *identity.Component) { c.Prefix, c.KMSKey = "prod/space-1", kmsKey("aws") }

// storedValues has secrets and parameters by name and by ARN.
func storedValues(c *identity.Component) {
	c.Bucket, c.KMSKey = "", kmsKey("aws")
	c.Secrets = []identity.Stored{{Kind: identity.SecretKind, Name: "prod/db"},
		{Kind: identity.SecretKind, Partition: "aws", Region: "eu-west-1", Account: "999999999999", Name: "token-??????"}}
	c.Parameters = []identity.Stored{{Kind: identity.ParameterKind, Name: "/prod/url"}, {Kind: identity.ParameterKind, Name: "plain"},
		{Kind: identity.ParameterKind, Partition: "aws", Region: "eu-west-1", Account: "999999999999", Name: "other"}}
}

func targetRole(c *identity.Component) {
	c.PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault/backups"}
}

func TestPermissionsGoldens(t *testing.T) {
	tests := map[string]struct {
		mode identity.Mode
		set  func(*identity.Component)
	}{
		"bucket":         {identity.IRSA, func(*identity.Component) {}},
		"china":          {identity.Both, func(c *identity.Component) { c.Role.Partition = "aws-cn" }},
		"prefix-and-key": {identity.Both, prefixAndKey},
		"prefix-quotes":  {identity.Both, func(c *identity.Component) { c.Prefix = `it's $HOME %{x} <&> é` }},
		"target-role":    {identity.Both, targetRole},
		"stored":         {identity.IRSA, storedValues},
		"stored-bucket":  {identity.Both, func(c *identity.Component) { prefixAndKey(c); bucket := c.Bucket; storedValues(c); c.Bucket = bucket }},
		"given": {identity.IRSA, func(c *identity.Component) {
			c.Bucket, c.Permissions = "", given(t, `{"Version": "2012-10-17", "Statement": [{"Sid": "Tables", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
				{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, tt.mode, component(tt.set))
			policy, err := s.Permissions(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			if policy.Name != "SpacesIdentity-mxp-controller" || policy.Component != "mxp-controller" {
				t.Errorf("%q of %q", policy.Name, policy.Component)
			}
			golden(t, "permissions/"+name+".json", policy.Document.JSON())
			if got := parsed(t, string(policy.Document.JSON())); string(got.JSON()) != string(policy.Document.JSON()) {
				t.Errorf("read as %s", got.JSON())
			}
		})
	}
}

// In mode irsa there is no association that could use the target role.
func TestPermissionsIgnoreTheTargetRoleInModeIRSA(t *testing.T) {
	s := stateOf(t, identity.IRSA, component(targetRole))
	policy, err := s.Permissions(s.Components[0])
	if err != nil || strings.Contains(string(policy.Document.JSON()), "vault") {
		t.Errorf("%s, %v", policy.Document.JSON(), err)
	}
}

func TestConfigRejectsValuesThatWidenPermissions(t *testing.T) {
	tests := map[string]struct {
		bad []string
		set func(*identity.Component, string)
	}{
		"bucket":        {[]string{"*", "a*b", "a?b", "b/*", "a${x}", `a","b`, "a b", "a\nb", "ab"}, func(c *identity.Component, v string) { c.Bucket = v }},
		"prefix":        {[]string{"*", "p*", "p?", "${aws:username}", "/p", "p\n", "p\x00", "日本"}, func(c *identity.Component, v string) { c.Prefix = v }},
		"key ID":        {[]string{"*", "1234abcd*", "alias/x", "", `x","*`, "x/y"}, func(c *identity.Component, v string) { c.KMSKey = kmsKey("aws"); c.KMSKey.ID = v }},
		"key region":    {[]string{"*", "us-*", "us west", "x"}, func(c *identity.Component, v string) { c.KMSKey = kmsKey("aws"); c.KMSKey.Region = v }},
		"key account":   {[]string{"*", "12345678901?", "x"}, func(c *identity.Component, v string) { c.KMSKey = kmsKey("aws"); c.KMSKey.Account = v }},
		"key partition": {[]string{"*", "aws-cn", "x"}, func(c *identity.Component, v string) { c.KMSKey = kmsKey(v) }},
		"target":        {[]string{"*", "a*", `a"b`, "a b"}, func(c *identity.Component, v string) { targetRole(c); c.PodIdentity.TargetRole.Name = v }},
	}
	for what, tt := range tests {
		for _, value := range tt.bad {
			settings := space(identity.Both, namespaces(nsA), component(func(c *identity.Component) { tt.set(c, value) }))
			if _, problems := identity.New(settings); len(problems) == 0 {
				t.Errorf("%s %q is accepted", what, value)
			}
		}
	}
}

func TestPermissionsNeedABucket(t *testing.T) {
	s := stateOf(t, identity.IRSA, component(func(c *identity.Component) { c.Bucket = "" }))
	if s.Components[0].HasPermissions() {
		t.Error("it has permissions without a bucket")
	}
	if _, err := s.Permissions(s.Components[0]); !strings.Contains(withHints(err), "component mxp-controller has no value for the bucket, which this command needs\nset components[0].bucket in the config") {
		t.Errorf("got %v", err)
	}
}

// TestPermissionRequests evaluates policies for what a backup asks AWS for.
func TestPermissionRequests(t *testing.T) {
	edit := func(from, to string) func(string) string {
		return func(policy string) string { return strings.ReplaceAll(policy, from, to) }
	}
	deny := func(statement string) func(string) string {
		return func(policy string) string {
			return strings.Replace(policy, `"Statement": [`, `"Statement": [{"Effect":"Deny",`+statement+`},`, 1)
		}
	}
	own := edit("", "")
	tests := map[string]struct {
		set  func(*identity.Component)
		edit func(policy string) string
		want iam.Verdict // the worst of all requests
	}{
		"own":                               {func(*identity.Component) {}, own, iam.Allowed},
		"own with a prefix and a key":       {prefixAndKey, own, iam.Allowed},
		"own with a target role":            {targetRole, own, iam.Allowed},
		"own in China":                      {func(c *identity.Component) { prefixAndKey(c); c.Role.Partition, c.KMSKey = "aws-cn", kmsKey("aws-cn") }, own, iam.Allowed},
		"another bucket":                    {prefixAndKey, edit("spaces-backups", "other-backups"), iam.Denied},
		"another prefix":                    {prefixAndKey, edit("space-1", "space-2"), iam.Denied},
		"a longer prefix":                   {prefixAndKey, edit("space-1/", "space-1/x/"), iam.Denied},
		"a shorter prefix":                  {prefixAndKey, edit("prod/space-1/", "prod/"), iam.Allowed},
		"a prefix that the config lacks":    {func(*identity.Component) {}, edit("spaces-backups/*", "spaces-backups/prod/*"), iam.CannotEvaluate},
		"another key":                       {prefixAndKey, edit("1234abcd", "99999999"), iam.Denied},
		"another region's S3":               {prefixAndKey, edit("s3.us-west-2", "s3.us-east-1"), iam.Denied},
		"the exact name of S3":              {prefixAndKey, edit("s3.us-west-2.*", "s3.us-west-2.amazonaws.com"), iam.Allowed},
		"another target role":               {targetRole, edit("vault/", "other/"), iam.Denied},
		"no list":                           {prefixAndKey, edit("s3:ListBucket", "s3:ListAllMyBuckets"), iam.Denied},
		"no read":                           {prefixAndKey, edit("s3:GetObject", "s3:GetObjectAcl"), iam.Denied},
		"no write":                          {prefixAndKey, edit("s3:PutObject", "s3:PutObjectAcl"), iam.Denied},
		"no delete":                         {prefixAndKey, edit("s3:DeleteObject", "s3:DeleteObjectVersion"), iam.Denied},
		"no decryption":                     {prefixAndKey, edit("kms:Decrypt", "kms:Encrypt"), iam.Denied},
		"no data key":                       {prefixAndKey, edit("kms:GenerateDataKey", "kms:Encrypt"), iam.Denied},
		"no session tags":                   {targetRole, edit("sts:TagSession", "sts:SetSourceIdentity"), iam.Denied},
		"a deny of all":                     {prefixAndKey, deny(`"Action":"s3:*","Resource":"*"`), iam.Denied},
		"a deny elsewhere":                  {prefixAndKey, deny(`"Action":"s3:*","Resource":"arn:aws:s3:::spaces-backups/prod/space-2/*"`), iam.Allowed},
		"a deny on a part":                  {prefixAndKey, deny(`"Action":"s3:*","Resource":"arn:aws:s3:::spaces-backups/prod/space-1/secret/*"`), iam.CannotEvaluate},
		"a deny without TLS":                {prefixAndKey, deny(`"Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}`), iam.Allowed},
		"a deny outside a network":          {prefixAndKey, deny(`"Action":"s3:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), iam.CannotEvaluate},
		"a wider policy of somebody else's": {prefixAndKey, edit(`"s3:GetObject",`, `"s3:Get*", "s3:*Object",`), iam.Allowed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, identity.Both, component(tt.set))
			policy, err := s.Permissions(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			text := tt.edit(string(policy.Document.JSON()))
			if changed := text != string(policy.Document.JSON()); changed != !strings.HasPrefix(name, "own") {
				t.Fatalf("the edit has changed nothing:\n%s", text)
			}
			doc := parsed(t, text)
			got := iam.Allowed
			for _, r := range s.PermissionRequests(s.Components[0]) {
				switch d := iam.Evaluate(r, doc); {
				case d.Verdict == iam.Denied, d.Verdict == iam.CannotEvaluate && got == iam.Allowed:
					got = d.Verdict
					t.Logf("%s: %s (%s)", r, d.Verdict, d.Reason)
				}
			}
			if got != tt.want {
				t.Errorf("%s, want %s\n%s", got, tt.want, text)
			}
		})
	}
}

// The requests are those of a backup tool. docs/aws.md describes what it meets.
func TestPermissionsOfABackupTool(t *testing.T) {
	const bucket = "arn:aws:s3:::spaces-backups"
	object := bucket + "/prod/space-1/dump.tar"
	list := func(prefix string) iam.Request {
		return iam.Request{Action: "s3:ListBucket", Resource: bucket}.With("s3:prefix", prefix)
	}
	noPrefix := iam.Request{Action: "s3:ListBucket", Resource: bucket, Absent: []string{"s3:prefix"}}
	allowed, denied := iam.Allowed, iam.Denied
	tests := map[string]struct {
		request      iam.Request
		want         iam.Verdict // with the prefix prod/space-1
		withoutAtAll iam.Verdict // without a prefix
	}{
		"ListObjectsV2 of the prefix":      {list("prod/space-1/"), allowed, allowed},
		"ListObjectsV2 below it":           {list("prod/space-1/2026/"), allowed, allowed},
		"ListObjectsV2 without the slash":  {list("prod/space-1"), denied, allowed},
		"ListObjectsV2 of the parent":      {list("prod/"), denied, allowed},
		"ListObjectsV2 of the whole":       {list(""), denied, allowed},
		"ListObjectsV2 without a prefix":   {noPrefix, denied, allowed},
		"HeadBucket":                       {noPrefix, denied, allowed},
		"a missing key, which may be 404":  {list("prod/space-1/missing"), allowed, allowed},
		"a missing key elsewhere":          {list("prod/space-2/missing"), denied, allowed},
		"GetObject and HeadObject":         {iam.Request{Action: "s3:GetObject", Resource: object}, allowed, allowed},
		"GetObject elsewhere":              {iam.Request{Action: "s3:GetObject", Resource: bucket + "/prod/space-11/dump.tar"}, denied, allowed},
		"PutObject and uploads in parts":   {iam.Request{Action: "s3:PutObject", Resource: object}, allowed, allowed},
		"DeleteObject":                     {iam.Request{Action: "s3:DeleteObject", Resource: object}, allowed, allowed},
		"uploads in parts of others":       {iam.Request{Action: "s3:AbortMultipartUpload", Resource: object}, denied, denied},
		"the parts of others":              {iam.Request{Action: "s3:ListMultipartUploadParts", Resource: object}, denied, denied},
		"the bucket's unfinished uploads":  {iam.Request{Action: "s3:ListBucketMultipartUploads", Resource: bucket}, denied, denied},
		"the bucket's region":              {iam.Request{Action: "s3:GetBucketLocation", Resource: bucket}, denied, denied},
		"older versions":                   {iam.Request{Action: "s3:GetObjectVersion", Resource: object}, denied, denied},
		"the list of versions":             {iam.Request{Action: "s3:ListBucketVersions", Resource: bucket}.With("s3:prefix", "prod/space-1/"), denied, denied},
		"another bucket with a like name":  {iam.Request{Action: "s3:GetObject", Resource: bucket + "-2/prod/space-1/dump.tar"}, denied, denied},
		"ListObjectsV2 of another bucket":  {iam.Request{Action: "s3:ListBucket", Resource: bucket + "-2"}.With("s3:prefix", "prod/space-1/"), denied, denied},
		"the key of a directory bucket":    {iam.Request{Action: "s3express:CreateSession", Resource: bucket}, denied, denied},
		"the permissions of the bucket":    {iam.Request{Action: "s3:PutBucketPolicy", Resource: bucket}, denied, denied},
		"the access control of the object": {iam.Request{Action: "s3:PutObjectAcl", Resource: object}, denied, denied},
	}
	for prefix, want := range map[string]func(iam.Verdict, iam.Verdict) iam.Verdict{
		"prod/space-1": func(with, _ iam.Verdict) iam.Verdict { return with },
		"":             func(_, without iam.Verdict) iam.Verdict { return without },
	} {
		s := stateOf(t, identity.IRSA, component(func(c *identity.Component) { c.Prefix = prefix }))
		policy, err := s.Permissions(s.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range tests {
			if got := iam.Evaluate(tt.request, policy.Document); got.Verdict != want(tt.want, tt.withoutAtAll) {
				t.Errorf("%s with the prefix %q: %s (%s)", name, prefix, got.Verdict, got.Reason)
			}
		}
	}
}

// The requests have exactly the actions of the policy.
func TestPermissionRequestsAskForEveryAction(t *testing.T) {
	s := stateOf(t, identity.Both, component(prefixAndKey), component(targetRole))
	policy, err := s.Permissions(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	var allowed, asked []string
	for _, statement := range policy.Document.Statement {
		allowed = append(allowed, statement.Action...)
	}
	for _, r := range s.PermissionRequests(s.Components[0]) {
		asked = append(asked, r.Action)
	}
	if !slices.Equal(allowed, asked) {
		t.Errorf("allowed %q, asked for %q", allowed, asked)
	}
}

func TestAssociationsGoldens(t *testing.T) {
	full := component(func(c *identity.Component) {
		c.PodIdentity = identity.PodIdentitySettings{
			Tags:               map[string]string{"team": "platform", "cost-centre": "42"},
			TargetRole:         identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault"},
			DisableSessionTags: true,
			Policy:             `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`,
		}
	})
	tests := map[string]struct {
		mode identity.Mode
		more change
	}{
		"plain": {identity.Both, twoClusters},
		"full":  {identity.PodIdentity, full},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, tt.mode, tt.more, namespaces(nsB, nsA, nsB))
			list, err := s.Associations(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "associations/"+name+".json", asJSON(t, list))
			for i, a := range list {
				if a.Region != s.Clusters[i/2].Region || a.Component != "mxp-controller" {
					t.Errorf("%+v", a)
				}
			}
		})
	}
}

func TestAssociationErrors(t *testing.T) {
	tests := map[string]struct {
		mode    identity.Mode
		changes []change
		want    string
	}{
		"irsa":            {identity.IRSA, []change{namespaces(nsA)}, "mode irsa has no associations"},
		"irsa, a pattern": {identity.IRSA, []change{match("uuid"), func(s *identity.Settings) { s.Cluster.Name = "" }}, "mode irsa has no associations"},
		"no namespace":    {identity.PodIdentity, nil, "needs the exact name"},
		"pattern alone":   {identity.PodIdentity, []change{match("uuid")}, "needs the exact name"},
		"too many":        {identity.PodIdentity, []change{namespaces(uuidNamespaces(5001)...)}, "5001 associations in each cluster, but EKS allows 5000"},
		"too many of two": {identity.PodIdentity, []change{namespaces(uuidNamespaces(2501)...), vector(identity.Both, "logs")}, "5002 associations in each cluster, but EKS allows 5000"},
		"no cluster":      {identity.PodIdentity, []change{namespaces(nsA), func(s *identity.Settings) { s.Cluster.Name = "" }}, "component mxp-controller has no value for the cluster's name, which this command needs\nset cluster.name in the config"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, tt.mode, tt.changes...)
			list, err := s.Associations(s.Components[0])
			if err == nil || !strings.Contains(withHints(err), tt.want) || list != nil {
				t.Errorf("got %d and %v, want %q", len(list), err, tt.want)
			}
			if lines := strings.Count(withHints(err), "pod identity associations of "); lines != 1 {
				t.Errorf("%d problems instead of one: %v", lines, err)
			}
		})
	}
	// The region is not part of an association.
	s := stateOf(t, identity.PodIdentity, namespaces(nsA), func(s *identity.Settings) { s.Cluster.Region = "" })
	if list, err := s.Associations(s.Components[0]); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// EKS would reject these settings.
func TestConfigRejectsInvalidAssociationSettings(t *testing.T) {
	manyTags := map[string]string{}
	for _, ns := range uuidNamespaces(50) { // the program's own is one more
		manyTags[ns] = ""
	}
	for name, p := range map[string]identity.PodIdentitySettings{
		"policy alone":  {Policy: `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`},
		"policy broken": {Policy: `{"Statement":`, DisableSessionTags: true},
		"reserved tag":  {Tags: map[string]string{"AWS:x": "y"}},
		"tag character": {Tags: map[string]string{"x": "$(id)"}},
		"too many tags": {Tags: manyTags},
	} {
		settings := space(identity.PodIdentity, namespaces(nsA), component(func(c *identity.Component) { c.PodIdentity = p }))
		if _, problems := identity.New(settings); len(problems) == 0 {
			t.Errorf("%s is accepted", name)
		}
	}
	settings := space(identity.PodIdentity, namespaces("mxp-*"))
	if _, problems := identity.New(settings); len(problems) == 0 {
		t.Error("a pattern among the exact names is accepted")
	}
}

// A user's tag of the same name does not replace the program's.
func TestAssociationsAlwaysHaveTheTagOfTheProgram(t *testing.T) {
	s := stateOf(t, identity.PodIdentity, namespaces(nsA), component(func(c *identity.Component) {
		c.PodIdentity.Tags = map[string]string{desired.ManagedByTag: "me"}
	}))
	list, err := s.Associations(s.Components[0])
	if err != nil || list[0].Tags[desired.ManagedByTag] != desired.ManagedByValue {
		t.Errorf("%v, %v", list, err)
	}
	if s.Components[0].PodIdentity.Tags[desired.ManagedByTag] != "me" {
		t.Error("the settings have changed")
	}
}
