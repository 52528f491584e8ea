package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/space"
)

// initial gathers what a first config is made of. The template reads the exported
// fields.
type initial struct {
	*cli.Env
	*terminal
	op        cli.InitOp
	Account   *account.Account
	Spec      identity.Spec
	Component identity.Component
	Cluster   account.Cluster
	Agent     string // status of the Pod Identity agent, such as ACTIVE; empty if the cluster does not have it
	AgentErr  error  // why that is not known
	Provider  bool   // is in IAM
	Found     []space.ControlPlane
	Inside    identity.SyncedFrom // where the service account is inside the control planes; zero if the config need not say it

	host      *space.Client // the host cluster; nil if it cannot be used
	hostErr   error         // why
	lookedIn  string        // the account in which findProvider has looked
	ModeWhy   string        // why the mode was chosen, a sentence without capital and full stop
	PolicyWhy string        // the same for the admission policy
}

// initialise writes the config that init finds.
func initialise(ctx context.Context, env *cli.Env, op cli.InitOp) error {
	file := op.Settings.File(env.Getenv)
	if _, err := os.Lstat(file); err == nil && !op.Force {
		return errExists(file)
	}
	spec, err := op.Settings.WithoutFile(env.Getenv)
	if err != nil {
		return err
	}
	connected, err := account.Connect(ctx, account.Options{Profile: op.Profile, Region: spec.Cluster.Region, Report: reportTo(env)})
	if err != nil {
		return err
	}
	i := &initial{Env: env, terminal: newTerminal(env), op: op, Account: connected, Spec: spec, Component: spec.Components[0]}
	for _, step := range []func(context.Context) error{i.findCluster, i.connectHost, i.findProvider, i.chooseMode, i.chooseRole, i.findProvider, i.chooseBucket, i.findControlPlanes, i.findInside, i.chooseDelivery} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	var text strings.Builder
	if err := firstConfig.Execute(&text, i); err != nil {
		return err
	}
	if _, err := config.Decode(file, []byte(text.String())); err != nil {
		return fmt.Errorf("what was found makes no valid config: %w", err)
	}
	if err := writeNew(file, text.String(), op.Force); err != nil {
		return err
	}
	env.Say("mode %s: %s\nadmission policy %s: %s\n", i.Component.Mode, i.ModeWhy, cmp.Or(string(i.Spec.AdmissionPolicy), "none"), i.PolicyWhy)
	env.Say("wrote %s\nnext: spaces-identity plan shows what AWS lacks, and spaces-identity apply creates it\n", file)
	return nil
}

func (i *initial) findCluster(ctx context.Context) error {
	c := &i.Spec.Cluster
	c.Region = cmp.Or(c.Region, i.Account.DefaultRegion())
	region := i.Account.Region(c.Region)
	if c.Name == "" {
		names, err := region.Clusters(ctx)
		if err != nil {
			return err
		}
		if c.Name, err = i.chooseCluster(ctx, names); err != nil {
			return err
		}
	}
	found, ok, err := region.Cluster(ctx, c.Name)
	if err == nil && !ok {
		err = output.Hint(fmt.Errorf("account %s has no cluster %s in %s", i.Account.Caller.Account, c.Name, c.Region),
			"correct --cluster and --region, or use credentials of the cluster's account")
	}
	i.Cluster = found
	if err == nil && c.OIDC.IsZero() && found.Issuer != "" {
		c.OIDC, err = identity.ParseOIDCProvider(found.Issuer)
	}
	if err == nil && !found.AutoMode {
		i.Agent, _, i.AgentErr = region.AgentStatus(ctx, c.Name)
	}
	if found.AutoMode {
		i.Agent = account.AgentActive
	}
	return err
}

func (i *initial) chooseCluster(ctx context.Context, names []string) (string, error) {
	region := i.Spec.Cluster.Region
	switch {
	case len(names) == 0:
		return "", output.Hint(fmt.Errorf("account %s has no EKS cluster in %s", i.Account.Caller.Account, region), "name the region with --region")
	case len(names) == 1:
		return names[0], nil
	case !i.Terminal(i.In):
		return "", output.Hint(exit.Usagef("there are %d clusters in %s", len(names), region), "name one with --cluster: "+identity.OneOf(names))
	}
	i.Say("Which cluster runs the Space?\n")
	for n, name := range names {
		i.Say("  %d  %s\n", n+1, name)
	}
	return asked(ctx, i, fmt.Sprintf("1 to %d", len(names)), "", func(answer string) (string, error) {
		if n, err := strconv.Atoi(answer); err == nil && 1 <= n && n <= len(names) {
			return names[n-1], nil
		}
		if !slices.Contains(names, answer) {
			return "", fmt.Errorf("there is no cluster %q", answer)
		}
		return answer, nil
	})
}

// asked returns what the user answers, or the default for an empty answer. It asks
// again until parse accepts the answer.
func asked[T any](ctx context.Context, i *initial, question, otherwise string, parse func(string) (T, error)) (T, error) {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	for {
		answer, err := i.ask(ctx, question+": ")
		if err != nil {
			var none T
			return none, err
		}
		value, err := parse(cmp.Or(answer, otherwise))
		if err == nil {
			return value, nil
		}
		i.Error(err)
	}
}

func (i *initial) chooseRole(ctx context.Context) (err error) {
	if !i.Component.Role.IsZero() {
		return nil
	}
	suggested := fmt.Sprintf("arn:%s:iam::%s:role/spaces-backup", i.Account.Caller.Partition, i.Account.Caller.Account)
	if !i.Terminal(i.In) {
		i.Component.Role, err = identity.ParseRoleARN(suggested)
		return err
	}
	i.Component.Role, err = asked(ctx, i, "The role, which apply creates if it does not exist", suggested, identity.ParseRoleARN)
	return err
}

// findProvider looks for the cluster's OIDC provider in the account of the role. As long as
// there is no role, that is the account of the credentials.
func (i *initial) findProvider(ctx context.Context) error {
	role := i.Component.Role
	if role.IsZero() {
		role.Partition, role.Account = i.Account.Caller.Partition, i.Account.Caller.Account
	}
	if i.Spec.Cluster.OIDC.IsZero() || role.Account == i.lookedIn {
		return nil
	}
	i.lookedIn = role.Account
	audiences, ok, err := i.Account.ProviderAudiences(ctx, i.Spec.Cluster.OIDC.ARN(role))
	i.Provider = ok && slices.Contains(audiences, identity.Audience)
	return err
}

func (i *initial) chooseBucket(ctx context.Context) (err error) {
	if i.Component.Bucket != "" {
		return nil
	}
	if !i.Terminal(i.In) {
		return output.Hint(exit.Usagef("the bucket of the backups is not known"), "name it with --bucket")
	}
	i.Component.Bucket, err = asked(ctx, i, "The bucket of the backups", "", func(s string) (string, error) { return s, identity.ValidateBucket(s) })
	return err
}

// findControlPlanes takes what the flags say, else what the cluster shows, else
// what the user answers. Nobody is admitted by default.
func (i *initial) findControlPlanes(ctx context.Context) error {
	c := &i.Spec.ControlPlanes
	if len(c.Namespaces) > 0 || c.Match != "" || !desired.Of(i.Spec).NeedsControlPlanes() {
		return nil
	}
	err := i.hostErr
	if err != nil && exit.Of(err) == exit.BadUsage {
		return err // another cluster, whose control planes are not those of the Space
	}
	if err == nil {
		i.Found, _, err = hostNamespaces(ctx, i.host, desired.Of(i.Spec).ControlPlaneAccounts())
	}
	if c.Discover = err == nil; c.Discover {
		return nil
	}
	if !i.Terminal(i.In) {
		return output.Hint(exit.Usagef("the control planes are not known: %w", err),
			"list their host namespaces with --host-namespace, admit every one with --match uuid, or name the cluster with --kubeconfig and --kube-context")
	}
	i.Note(fmt.Sprintf("the control planes of the cluster could not be read: %v", err))
	*c, err = asked(ctx, i, "The host namespaces of the control planes, or uuid for all that Spaces names by itself", "uuid", parseNamespaces)
	return err
}

func parseNamespaces(list string) (identity.ControlPlanes, error) {
	if list == string(identity.MatchUUID) {
		return identity.ControlPlanes{Match: identity.MatchUUID}, nil
	}
	names := strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' })
	var problems []error
	for _, name := range names {
		problems = append(problems, identity.ValidateNamespace(name))
	}
	return identity.ControlPlanes{Namespaces: names}, errors.Join(problems...)
}

// writeNew writes a file whole. Without force it replaces none.
func writeNew(file, text string, force bool) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".spaces-identity-*")
	if err == nil {
		defer func() { _ = os.Remove(temp.Name()) }() // it no longer exists if it was renamed
		_, err = temp.WriteString(text)
		err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	}
	put := os.Link
	if force {
		put = os.Rename
	}
	if err == nil {
		err = put(temp.Name(), file)
	}
	if errors.Is(err, fs.ErrExist) {
		return errExists(file)
	}
	if err != nil {
		return fmt.Errorf("cannot write the config: %w", err)
	}
	return nil
}

func errExists(file string) error {
	return output.Hint(exit.Usagef("%s exists already", file), "look at `spaces-identity plan`, or use --force to overwrite it")
}

// firstConfig is the config, with what was found as comments.
var firstConfig = template.Must(template.New("config").Funcs(template.FuncMap{
	"quote":                 quoted,
	"comment":               comment,
	"activeAgent":           func() string { return account.AgentActive },
	"apiVersion":            func() string { return config.APIVersion },
	"kind":                  func() string { return config.Kind },
	"schemaURL":             func() string { return config.SchemaURL },
	"defaultDir":            func() string { return identity.DefaultArtifactsDir },
	"defaultVCluster":       func() string { return identity.DefaultVCluster },
	"defaultServiceAccount": func(name string) string { known, _ := identity.Known(name); return known.ServiceAccount },
}).Parse(`# yaml-language-server: $schema={{schemaURL}}
# Written by spaces-identity init from account {{.Account.Caller.Account}} ({{.Account.Caller.Partition}}), as
# {{.Account.Caller.ARN}}.
# Next: spaces-identity plan shows what AWS lacks, spaces-identity apply creates it.
apiVersion: {{apiVersion}}
kind: {{kind}}
{{with .Spec.Cluster -}}
cluster:
  name: {{quote .Name}} # Kubernetes {{$.Cluster.Version}}
  region: {{.Region}}
{{- if not .OIDC.IsZero}}
  # The cluster's issuer. {{if $.Provider}}IAM has it as an OIDC provider.{{else}}IAM does not have it as an OIDC provider yet; apply creates it for modes irsa and both.{{end}}
  oidcProvider: {{.OIDC.HostPath}}
{{- end}}
{{- end}}
# The control planes that get the role: exact host namespaces, those that match a pattern
# (uuid: every default name, also of later ones), and those found in the cluster.
{{with .Spec.ControlPlanes -}}
controlPlanes:
  namespaces:{{if not .Namespaces}} []{{end}}
{{- range .Namespaces}}
  - {{quote .}}
{{- end}}
  match: {{quote .Match}}
{{- range $.Found}}
  # found: {{.HostNamespace}} ({{range $n, $source := .Sources}}{{if $n}}, {{end}}{{$source}}{{end}})
{{- end}}
  discover: {{.Discover}}
{{end}}
{{- with .Component -}}
components:
- name: {{quote .Name}}
{{printf "irsa, pod-identity or both. Chosen: %s." $.ModeWhy | comment "  # "}}
  # The Pod Identity agent {{if $.AgentErr}}could not be looked up.{{else if eq $.Agent activeAgent}}runs in the cluster.{{else if $.Agent}}is {{$.Agent}}, not {{activeAgent}}.{{else}}does not run in the cluster; apply installs it if the mode needs it.{{end}}
  mode: {{.Mode}}
  roleARN: {{quote .Role.String}}
  bucket: {{quote .Bucket}}
{{if .Prefix}}  prefix: {{quote .Prefix}}
{{else}}  # prefix: backups # limits the role to what is under it
{{end}}{{if .KMSKey.String}}  kmsKeyARN: {{.KMSKey}}
{{else}}  # kmsKeyARN: arn:{{.Role.Partition}}:kms:{{$.Spec.Cluster.Region}}:{{.Role.Account}}:key/KEY-ID # if the bucket is encrypted with a key of yours
{{end}}{{if ne .ServiceAccount (defaultServiceAccount .Name)}}  serviceAccount: {{quote .ServiceAccount}}
{{end}}{{with $.Inside}}{{if .Namespace}}  # The namespace of the service account inside the control planes, which discover shows.
  syncedFrom: {namespace: {{quote .Namespace}}{{if ne .VCluster defaultVCluster}}, vcluster: {{quote .VCluster}}{{end}}}
{{end}}{{end}}{{with .ExtraAnnotations}}  serviceAccountAnnotations:
{{range $key, $value := .}}    {{quote $key}}: {{quote $value}}
{{end}}{{end}}{{with .PodLabels}}  podLabels:
{{range $key, $value := .}}    {{quote $key}}: {{quote $value}}
{{end}}{{end}}{{end}}
{{- ""}}{{printf "The admission policy gives the identity to control planes that are created later. Chosen: %s." $.PolicyWhy | comment "# "}}
delivery:
  admissionPolicy: {{quote .Spec.AdmissionPolicy}}
{{if ne .Spec.ArtifactsDir defaultDir}}artifacts:
  dir: {{quote .Spec.ArtifactsDir}}
{{end}}`))

// comment returns a text as lines of at most 90 columns that begin with the prefix.
func comment(prefix, text string) string {
	const width = 90
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(prefix)+len(line)+1+len(word) > width {
			lines, line = append(lines, prefix+line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, prefix+line), "\n")
}

// quoted returns a YAML string, whatever the value looks like.
func quoted(value any) string {
	return fmt.Sprintf(`"%s"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(fmt.Sprint(value)))
}
