package iam

import (
	"strings"
	"testing"
)

// Each test has a statement, and others that it covers or nearly covers.
func TestCoversOnlyWiderStatements(t *testing.T) {
	const (
		oidc      = `"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/idp"}`
		web       = `"Action":"sts:AssumeRoleWithWebIdentity"`
		exact     = `"Condition":{"StringEquals":{"idp:aud":"aws","idp:sub":["a","b"]}}`
		like      = `"Condition":{"StringEquals":{"idp:aud":"aws"},"StringLike":{"idp:sub":"mxp-*-system"}}`
		pods      = `"Principal":{"Service":"pods.eks.amazonaws.com"}`
		podAction = `"Action":["sts:AssumeRole","sts:TagSession"]`
		tags      = `"StringEquals":{"aws:RequestTag/kubernetes-namespace":"a"}`
	)
	statement := func(parts ...string) string { return `{"Effect":"Allow",` + strings.Join(parts, ",") + `}` }
	withSub := func(operator, values string) string {
		condition := `"Condition":{"StringEquals":{"idp:aud":"aws"},"` + operator + `":{"idp:sub":` + values + `}}`
		return statement(oidc, web, strings.Replace(condition, `},"StringEquals":{`, `,`, 1))
	}
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"itself":                       {statement(oidc, web, exact), statement(oidc, web, exact), true},
		"another Sid":                  {statement(`"Sid":"A"`, oidc, web, exact), statement(`"Sid":"B"`, oidc, web, exact), true},
		"fewer subjects":               {statement(oidc, web, exact), statement(oidc, web, `"Condition":{"StringEquals":{"idp:sub":"b","idp:aud":"aws"}}`), true},
		"more subjects":                {statement(oidc, web, exact), statement(oidc, web, strings.Replace(exact, `"b"`, `"b","c"`, 1)), false},
		"no condition on the subject":  {statement(oidc, web, exact), statement(oidc, web, `"Condition":{"StringEquals":{"idp:aud":"aws"}}`), false},
		"more conditions":              {statement(oidc, web, exact), statement(oidc, web, strings.Replace(exact, `{"idp:aud"`, `{"aws:x":"y","idp:aud"`, 1)), true},
		"fewer conditions":             {statement(oidc, web, strings.Replace(exact, `{"idp:aud"`, `{"aws:x":"y","idp:aud"`, 1)), statement(oidc, web, exact), false},
		"another provider":             {statement(oidc, web, exact), statement(strings.Replace(oidc, "idp", "idp2", 1), web, exact), false},
		"another provider's keys":      {statement(oidc, web, exact), statement(oidc, web, strings.ReplaceAll(exact, "idp:", "idp2:")), false},
		"keys in another case":         {statement(oidc, web, exact), statement(oidc, web, strings.ReplaceAll(exact, "idp:", "IDP:")), true},
		"values in another case":       {statement(oidc, web, exact), statement(oidc, web, strings.Replace(exact, `"a"`, `"A"`, 1)), false},
		"one more provider":            {statement(oidc, web, exact), statement(`"Principal":{"Federated":["x","arn:aws:iam::123456789012:oidc-provider/idp"]}`, web, exact), false},
		"deny covers nothing":          {strings.Replace(statement(oidc, web, exact), "Allow", "Deny", 1), statement(oidc, web, exact), false},
		"deny is not covered":          {statement(oidc, web, exact), strings.Replace(statement(oidc, web, exact), "Allow", "Deny", 1), false},
		"everyone":                     {statement(`"Principal":"*"`, web, exact), statement(oidc, web, exact), true},
		"not everyone":                 {statement(oidc, web, exact), statement(`"Principal":"*"`, web, exact), false},
		"no principal":                 {statement(oidc, web, exact), statement(web, exact), false},
		"for no principal":             {statement(web, exact), statement(oidc, web, exact), false},
		"NotPrincipal":                 {statement(strings.Replace(oidc, "P", "NotP", 1), web), statement(oidc, web), false},
		"the same NotPrincipal":        {statement(strings.Replace(oidc, "P", "NotP", 1), web), statement(strings.Replace(oidc, "P", "NotP", 1), web), true},
		"another NotPrincipal":         {statement(strings.Replace(oidc, "P", "NotP", 1), web), statement(`"NotPrincipal":{"AWS":"1"}`, web), false},
		"StringLike covers equal":      {statement(oidc, web, like), withSub("StringEquals", `["mxp-a-system","mxp-b-system"]`), true},
		"StringLike misses one":        {statement(oidc, web, like), withSub("StringEquals", `["mxp-a-system","team-a"]`), false},
		"StringLike covers narrower":   {statement(oidc, web, like), withSub("StringLike", `"mxp-?-system"`), true},
		"StringLike misses wider":      {statement(oidc, web, like), withSub("StringLike", `"mxp-*"`), false},
		"a * under StringEquals":       {withSub("StringEquals", `"mxp-*-system"`), statement(oidc, web, like), false},
		"a * under StringEquals again": {statement(oidc, web, like), withSub("StringEquals", `"mxp-*-system"`), true},
		"StringLike without wildcards": {withSub("StringEquals", `"a"`), withSub("StringLike", `"a"`), true},
		"ignoring case":                {withSub("StringEquals", `"a"`), withSub("StringEqualsIgnoreCase", `"a"`), false},
		"IfExists":                     {withSub("StringEquals", `"a"`), withSub("StringEqualsIfExists", `"a"`), false},
		"the same IfExists":            {withSub("StringEqualsIfExists", `"a"`), withSub("StringEqualsIfExists", `"a"`), true},
		"negated":                      {withSub("StringNotEquals", `["a","b"]`), withSub("StringNotEquals", `"a"`), false},
		"the same negated":             {withSub("StringNotEquals", `["a","b"]`), withSub("StringNotEquals", `["b","a"]`), true},
		"a variable":                   {withSub("StringLike", `"*"`), withSub("StringEquals", `"${aws:x}"`), false},
		"the same variable":            {withSub("StringEquals", `"${aws:x}"`), withSub("StringEquals", `"${aws:x}"`), true},
		"a variable of a character":    {withSub("StringLike", `"a${*}b"`), withSub("StringEquals", `"a${x}b"`), false},
		"its value":                    {withSub("StringEquals", `"a${*}b"`), withSub("StringEquals", `"a*b"`), false},
		"no values":                    {statement(oidc, web, exact), statement(oidc, web), false},
		"a source account more": {statement(pods, podAction, `"Condition":{`+tags+`}`),
			statement(pods, podAction, `"Condition":{`+strings.Replace(tags, `{`, `{"aws:SourceAccount":"1",`, 1)+`}`), true},
		"a source account less": {statement(pods, podAction, `"Condition":{`+strings.Replace(tags, `{`, `{"aws:SourceAccount":"1",`, 1)+`}`),
			statement(pods, podAction, `"Condition":{`+tags+`}`), false},
		"a source ARN more": {statement(pods, podAction, `"Condition":{`+tags+`}`),
			statement(pods, podAction, `"Condition":{`+tags+`,"ArnLike":{"aws:SourceArn":"arn:aws:eks:*:*:*"}}`), true},
		"fewer source ARNs": {statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:eks:x:*:*","arn:aws:eks:y:*:*"]}}`),
			statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:x:*:*"}}`), true},
		"more source ARNs": {statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:x:*:*"}}`),
			statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:eks:x:*:*","arn:aws:eks:y:*:*"]}}`), false},
		"an excluded ARN is not a member": {statement(pods, podAction, `"Condition":{"ArnNotLike":{"aws:SourceArn":["arn:aws:eks:x:*:*","arn:aws:eks:y:*:*"]}}`),
			statement(pods, podAction, `"Condition":{"ArnNotLike":{"aws:SourceArn":"arn:aws:eks:x:*:*"}}`), false},
		"no source ARN": {statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:x:*:*"}}`),
			statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":[]}}`), false},
		"another source ARN": {statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:*:*:*"}}`),
			statement(pods, podAction, `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:x:*:*"}}`), false},
		"fewer actions":                   {statement(pods, podAction), statement(pods, `"Action":"sts:AssumeRole"`), true},
		"more actions":                    {statement(pods, `"Action":"sts:AssumeRole"`), statement(pods, podAction), false},
		"actions in another case":         {statement(pods, `"Action":"STS:assume*"`), statement(pods, `"Action":"sts:AssumeRole"`), true},
		"NotAction":                       {statement(pods, `"NotAction":"iam:*"`), statement(pods, podAction), false},
		"under NotAction":                 {statement(pods, `"Action":"*"`), statement(pods, `"NotAction":"iam:*"`), false},
		"the same NotAction":              {statement(pods, `"NotAction":["a","b"]`), statement(pods, `"NotAction":["b","a"]`), true},
		"another NotAction":               {statement(pods, `"NotAction":["a","b"]`), statement(pods, `"NotAction":["a"]`), false},
		"resource":                        {statement(web, `"Resource":"arn:aws:s3:::b/*"`), statement(web, `"Resource":["arn:aws:s3:::b/p/*","arn:aws:s3:::b/x"]`), true},
		"wider resource":                  {statement(web, `"Resource":"arn:aws:s3:::b/p/*"`), statement(web, `"Resource":"arn:aws:s3:::b/*"`), false},
		"resource in another case":        {statement(web, `"Resource":"arn:aws:s3:::B/*"`), statement(web, `"Resource":"arn:aws:s3:::b/*"`), false},
		"no resource":                     {statement(web, `"Resource":"*"`), statement(web), false},
		"for no resource":                 {statement(web), statement(web, `"Resource":"*"`), false},
		"a variable in a resource":        {statement(web, `"Resource":"arn:aws:s3:::b/*"`), statement(web, `"Resource":"arn:aws:s3:::b/${aws:x}"`), false},
		"the same variable in a resource": {statement(web, `"Resource":"arn:aws:s3:::b/${aws:x}"`), statement(web, `"Resource":"arn:aws:s3:::b/${aws:x}"`), true},
		"a * by variable in a resource":   {statement(web, `"Resource":"arn:aws:s3:::b/$*"`), statement(web, `"Resource":"arn:aws:s3:::b/${*}"`), false},
		"every list has more": {statement(`"Principal":{"AWS":["1","2"],"CanonicalUser":["3","4"],"Federated":["5","6"],"Service":["7","8"]}`, web),
			statement(`"Principal":{"AWS":"1","CanonicalUser":"3","Federated":"5","Service":"7"}`, web), true},
		"another AWS principal":     {statement(`"Principal":{"AWS":"1","Service":"7"}`, web), statement(`"Principal":{"AWS":"2","Service":"7"}`, web), false},
		"another canonical user":    {statement(`"Principal":{"CanonicalUser":"1","Service":"7"}`, web), statement(`"Principal":{"CanonicalUser":"2","Service":"7"}`, web), false},
		"another service":           {statement(`"Principal":{"AWS":"1","Service":"7"}`, web), statement(`"Principal":{"AWS":"1","Service":"8"}`, web), false},
		"nobody":                    {statement(`"Principal":{}`, web), statement(`"Principal":{}`, web), true},
		"NotPrincipal of everyone":  {statement(`"NotPrincipal":"*"`, web), statement(`"NotPrincipal":{"AWS":"1"}`, web), false},
		"NotPrincipal of a user":    {statement(`"NotPrincipal":{"CanonicalUser":"1"}`, web), statement(`"NotPrincipal":{"CanonicalUser":"2"}`, web), false},
		"NotPrincipal of a service": {statement(`"NotPrincipal":{"Service":"1"}`, web), statement(`"NotPrincipal":{"Service":"2"}`, web), false},
		"NotPrincipal of nobody":    {statement(`"NotPrincipal":{}`, web), statement(`"NotPrincipal":{"AWS":[]}`, web), false},
		"more exceptions":           {statement(pods, `"NotAction":["a"]`), statement(pods, `"NotAction":["a","b"]`), false},
		"a variable of the wider":   {withSub("StringLike", `"a${x}*"`), withSub("StringEquals", `"a${x}b"`), false},
		"a variable on one side":    {withSub("StringLike", `["${x}","*"]`), withSub("StringEquals", `"b"`), false},
		"no subjects":               {withSub("StringEquals", `"a"`), withSub("StringEquals", `[]`), false},
		"NotResource":               {statement(web, `"NotResource":"a"`), statement(web, `"Resource":"b"`), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Covers(parseStatement(t, tt.a), parseStatement(t, tt.b)); got != tt.want {
				t.Errorf("%v for\n%s\n%s", got, tt.a, tt.b)
			}
		})
	}
}

func parseStatement(t *testing.T, text string) Statement {
	t.Helper()
	doc, err := Parse([]byte(`{"Version":"2012-10-17","Statement":` + text + `}`))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return doc.Statement[0]
}
