package export_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/jmespath/go-jmespath"
)

// TestMain makes the test program an aws CLI if it is started under the name aws.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "aws" {
		os.Exit(awsCLI(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// awsCLI does what the aws CLI does for the commands of the script: it calls AWS through
// the SDK, and prints what --query selects as text. It returns the exit status.
func awsCLI(ctx context.Context, args []string) int {
	if args[1] == "wait" {
		args = slices.Delete(args, 2, 3) // iam wait role-exists
	}
	flags, err := parseFlags(args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "Unknown options:", err)
		return 252
	}
	result, err := callAWS(ctx, args[0]+" "+args[1], flags)
	if failure, ok := errors.AsType[smithy.APIError](err); ok {
		operation, _ := errors.AsType[*smithy.OperationError](err)
		fmt.Fprintf(os.Stderr, "\nAn error occurred (%s) when calling the %s operation: %s\n", failure.ErrorCode(), operation.OperationName, failure.ErrorMessage())
		return 254
	}
	if err == nil {
		err = printResult(result, args[0], flags)
	}
	if left := flags.unread(); err == nil && len(left) > 0 {
		err = fmt.Errorf("Unknown options: %s", left)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 255
	}
	return 0
}

// cliFlags are the flags of a command that nobody has read yet.
type cliFlags map[string]string

func parseFlags(args []string) (cliFlags, error) {
	flags := cliFlags{}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if !joined && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			value = args[i]
		}
		if !strings.HasPrefix(name, "--") {
			return nil, errors.New(args[i])
		}
		flags[name] = value
	}
	return flags, nil
}

func (f cliFlags) get(name string) string {
	value := f["--"+name]
	delete(f, "--"+name)
	return value
}

func (f cliFlags) text(name string) *string {
	if value := f.get(name); value != "" {
		return &value
	}
	return nil
}

func (f cliFlags) number(name string) *int32 {
	n, err := strconv.ParseInt(f.get(name), 10, 32)
	if err != nil {
		return nil
	}
	return aws.Int32(int32(n))
}

// override sets a field of --cli-input-json if the flag is given, even if it is empty.
func (f cliFlags) override(name string, field **string) {
	if _, given := f["--"+name]; given {
		value := f.get(name)
		*field = &value
	}
}

// decode decodes JSON whose keys may begin with a small letter.
func (f cliFlags) decode(name string, into any) error {
	if value := f.get(name); value != "" {
		return json.Unmarshal([]byte(value), into)
	}
	return nil
}

func (f cliFlags) unread() string {
	var names []string
	for name := range f {
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func callAWS(ctx context.Context, command string, f cliFlags) (any, error) {
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if region := f.get("region"); region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(command, "eks ") {
		return callEKS(ctx, eks.NewFromConfig(cfg), command, f)
	}
	if command == "sts get-caller-identity" {
		return sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	}
	return callIAM(ctx, iam.NewFromConfig(cfg), command, f)
}

func callIAM(ctx context.Context, c *iam.Client, command string, f cliFlags) (any, error) {
	arn, role, policy := f.text("open-id-connect-provider-arn"), f.text("role-name"), f.text("policy-name")
	switch command {
	case "iam get-open-id-connect-provider":
		return c.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	case "iam create-open-id-connect-provider":
		var tags []iamtypes.Tag
		if err := f.decode("tags", &tags); err != nil {
			return nil, err
		}
		return c.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: f.text("url"), ClientIDList: []string{f.get("client-id-list")}, Tags: tags})
	case "iam add-client-id-to-open-id-connect-provider":
		return c.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: f.text("client-id")})
	case "iam get-role":
		return c.GetRole(ctx, &iam.GetRoleInput{RoleName: role})
	case "iam create-role":
		var tags []iamtypes.Tag
		if err := f.decode("tags", &tags); err != nil {
			return nil, err
		}
		return c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: role, Path: f.text("path"), Tags: tags, AssumeRolePolicyDocument: f.text("assume-role-policy-document"),
			PermissionsBoundary: f.text("permissions-boundary"), MaxSessionDuration: f.number("max-session-duration")})
	case "iam put-role-permissions-boundary":
		return c.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: f.text("permissions-boundary")})
	case "iam update-role":
		return c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: role, MaxSessionDuration: f.number("max-session-duration")})
	case "iam tag-role":
		var tags []iamtypes.Tag
		if err := f.decode("tags", &tags); err != nil {
			return nil, err
		}
		return c.TagRole(ctx, &iam.TagRoleInput{RoleName: role, Tags: tags})
	case "iam attach-role-policy":
		return c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: f.text("policy-arn")})
	case "iam list-attached-role-policies":
		return c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: role})
	case "iam wait":
		return nil, iam.NewRoleExistsWaiter(c).Wait(ctx, &iam.GetRoleInput{RoleName: role}, 20*time.Second)
	case "iam update-assume-role-policy":
		return c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: f.text("policy-document")})
	case "iam get-role-policy":
		return c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: role, PolicyName: policy})
	case "iam put-role-policy":
		return c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: policy, PolicyDocument: f.text("policy-document")})
	}
	return nil, fmt.Errorf("unknown command %s", command)
}

func callEKS(ctx context.Context, c *eks.Client, command string, f cliFlags) (any, error) {
	cluster, id := f.text("cluster-name"), f.text("association-id")
	switch command {
	case "eks list-pod-identity-associations":
		all := &eks.ListPodIdentityAssociationsOutput{}
		pages := eks.NewListPodIdentityAssociationsPaginator(c, &eks.ListPodIdentityAssociationsInput{ClusterName: cluster, ServiceAccount: f.text("service-account")})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			all.Associations = append(all.Associations, page.Associations...)
		}
		return all, nil
	case "eks describe-pod-identity-association":
		return c.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: cluster, AssociationId: id})
	case "eks create-pod-identity-association":
		in := &eks.CreatePodIdentityAssociationInput{}
		if err := f.decode("cli-input-json", in); err != nil {
			return nil, err
		}
		in.Namespace = f.text("namespace")
		return c.CreatePodIdentityAssociation(ctx, in)
	case "eks update-pod-identity-association":
		in := &eks.UpdatePodIdentityAssociationInput{}
		if err := f.decode("cli-input-json", in); err != nil {
			return nil, err
		}
		in.AssociationId = id
		f.override("target-role-arn", &in.TargetRoleArn)
		f.override("policy", &in.Policy)
		return c.UpdatePodIdentityAssociation(ctx, in)
	case "eks tag-resource":
		in := &eks.TagResourceInput{ResourceArn: f.text("resource-arn")}
		if err := f.decode("tags", &in.Tags); err != nil {
			return nil, err
		}
		return c.TagResource(ctx, in)
	}
	return nil, fmt.Errorf("unknown command %s", command)
}

// printResult prints what the query selects in the text format of the CLI.
func printResult(result any, service string, f cliFlags) error {
	query, format := f.get("query"), f.get("output")
	if query == "" {
		if result == nil {
			return nil
		}
		_, err := fmt.Fprintln(os.Stdout, "{}")
		return err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	selected, err := jmespath.Search(query, asCLI(value, service == "eks"))
	if err != nil || format != "text" {
		return fmt.Errorf("--query: %w", err)
	}
	for _, row := range rowsOf(selected) {
		if _, err := fmt.Fprintln(os.Stdout, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// asCLI returns a result of the SDK as the CLI has it: policies are decoded, nulls are left
// out, and the field names of EKS begin with a small letter.
func asCLI(value any, small bool) any {
	switch v := value.(type) {
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, asCLI(item, small))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			if text, ok := item.(string); ok && strings.HasSuffix(key, "PolicyDocument") {
				var document any
				if plain, err := url.PathUnescape(text); err == nil && json.Unmarshal([]byte(plain), &document) == nil {
					out[key] = document
					continue
				}
			}
			lower := small && key != "Tags"
			if small {
				key = string(unicode.ToLower(rune(key[0]))) + key[1:]
			}
			switch {
			case item == nil:
			case lower:
				out[key] = asCLI(item, true)
			default:
				out[key] = asCLI(item, false)
			}
		}
		return out
	}
	return value
}

// rowsOf returns a result as rows of cells.
func rowsOf(value any) [][]string {
	list, ok := value.([]any)
	switch {
	case !ok:
		return [][]string{{cell(value)}}
	case slices.ContainsFunc(list, func(v any) bool { _, nested := v.([]any); return nested }):
		var rows [][]string
		for _, item := range list {
			rows = append(rows, rowsOf(item)...)
		}
		return rows
	case len(list) == 0:
		return nil
	}
	row := make([]string, len(list))
	for i, item := range list {
		row[i] = cell(item)
	}
	return [][]string{row}
}

func cell(value any) string {
	switch value {
	case nil:
		return "None"
	case true:
		return "True"
	case false:
		return "False"
	}
	return fmt.Sprint(value)
}
