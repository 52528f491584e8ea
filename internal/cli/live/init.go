package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/space"
)

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
	connected, err := account.Connect(ctx, account.Options{Profile: op.Profile, Region: spec.Cluster.Region})
	if err != nil {
		return err
	}
	i := &initial{Env: env, terminal: newTerminal(env), op: op, account: connected, spec: spec, component: spec.Components[0]}
	if err := i.find(ctx); err != nil {
		return err
	}
	text := i.text()
	if _, err := config.Decode(file, []byte(text)); err != nil {
		return fmt.Errorf("what was found makes no valid config: %w", err)
	}
	if err := writeNew(file, text, op.Force); err != nil {
		return err
	}
	env.Say("wrote %s; next: spaces-identity plan\n", file)
	return nil
}

func errExists(file string) error {
	return output.Hint(exit.Usagef("%s exists already", file), "look at `spaces-identity plan`, or give --force to overwrite it")
}

// initial gathers what a first config is made of.
type initial struct {
	*cli.Env
	*terminal
	op        cli.InitOp
	account   *account.Account
	spec      identity.Spec
	component identity.Component
	cluster   account.Cluster
	agent     bool // runs in the cluster
	provider  bool // is in IAM
	found     []space.ControlPlane
}

func (i *initial) find(ctx context.Context) error {
	steps := []func(context.Context) error{i.findCluster, i.findAgent, i.chooseMode, i.chooseRole, i.findProvider, i.chooseBucket, i.findControlPlanes}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (i *initial) findCluster(ctx context.Context) error {
	c := &i.spec.Cluster
	if c.Region == "" {
		c.Region = i.account.DefaultRegion()
	}
	region := i.account.Region(c.Region)
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
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("account %s has no cluster %s in %s: correct --cluster and --region, or use credentials of its account", i.account.Caller.Account, c.Name, c.Region)
	}
	i.cluster = found
	if c.OIDC.IsZero() && found.Issuer != "" {
		c.OIDC, err = identity.ParseOIDCProvider(found.Issuer)
	}
	return err
}

func (i *initial) chooseCluster(ctx context.Context, names []string) (string, error) {
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("account %s has no EKS cluster in %s: name the region with --region", i.account.Caller.Account, i.spec.Cluster.Region)
	case len(names) == 1:
		return names[0], nil
	case !i.Terminal(i.In):
		return "", exit.Usagef("there are %d clusters in %s: name one with --cluster (%s)", len(names), i.spec.Cluster.Region, strings.Join(names, ", "))
	}
	return i.choose(ctx, "Which cluster runs the Space?", names)
}

// choose lets the user pick by number or name.
func (i *initial) choose(ctx context.Context, question string, choices []string) (string, error) {
	i.Say("%v\n", question)
	for n, c := range choices {
		i.Say("  %d  %s\n", n+1, c)
	}
	for {
		answer, err := i.ask(ctx, fmt.Sprintf("1 to %d: ", len(choices)))
		if err != nil {
			return "", err
		}
		if n, err := strconv.Atoi(answer); err == nil && 1 <= n && n <= len(choices) {
			return choices[n-1], nil
		}
		if slices.Contains(choices, answer) {
			return answer, nil
		}
	}
}

// asked is what the user answers, or the default for an empty answer; it is asked
// again until it is valid.
func (i *initial) asked(ctx context.Context, question, otherwise string, check func(string) error) (string, error) {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	for {
		answer, err := i.ask(ctx, question+": ")
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = otherwise
		}
		err = check(answer)
		if err == nil {
			return answer, nil
		}
		i.Error(err)
	}
}

func (i *initial) findAgent(ctx context.Context) error {
	_, ok, err := i.account.Region(i.spec.Cluster.Region).AgentStatus(ctx, i.spec.Cluster.Name)
	i.agent = ok || i.cluster.AutoMode
	return err
}

func (i *initial) chooseMode(ctx context.Context) error {
	if i.op.Settings.Given("mode", i.Getenv) || !i.Terminal(i.In) {
		return nil // the flag's, or the default
	}
	otherwise := identity.IRSA
	if i.agent {
		otherwise = identity.PodIdentity
	}
	answer, err := i.asked(ctx, "How do pods come by the role: irsa, pod-identity or both", string(otherwise), func(s string) error {
		_, err := identity.ParseMode(s)
		return err
	})
	i.component.Mode = identity.Mode(answer)
	return err
}

func (i *initial) chooseRole(ctx context.Context) error {
	if !i.component.Role.IsZero() {
		return nil
	}
	caller := i.account.Caller
	suggested := fmt.Sprintf("arn:%s:iam::%s:role/spaces-backup", caller.Partition, caller.Account)
	answer := suggested
	if i.Terminal(i.In) {
		var err error
		answer, err = i.asked(ctx, "The role, which apply makes if it is not there", suggested, func(s string) error {
			_, err := identity.ParseRoleARN(s)
			return err
		})
		if err != nil {
			return err
		}
	}
	role, err := identity.ParseRoleARN(answer)
	i.component.Role = role
	return err
}

func (i *initial) findProvider(ctx context.Context) error {
	if i.spec.Cluster.OIDC.IsZero() {
		return nil
	}
	audiences, ok, err := i.account.ProviderAudiences(ctx, i.spec.Cluster.OIDC.ARN(i.component.Role))
	i.provider = ok && slices.Contains(audiences, identity.Audience)
	return err
}

func (i *initial) chooseBucket(ctx context.Context) error {
	if i.component.Bucket != "" {
		return nil
	}
	if !i.Terminal(i.In) {
		return exit.Usagef("which bucket do the backups go to? Give --bucket")
	}
	answer, err := i.asked(ctx, "The bucket of the backups", "", identity.ValidateBucket)
	i.component.Bucket = answer
	return err
}

// findControlPlanes takes what the flags say, else what the cluster shows, else
// what the user answers. Nobody is admitted by default.
func (i *initial) findControlPlanes(ctx context.Context) error {
	c := &i.spec.ControlPlanes
	if len(c.Namespaces) > 0 || c.Match != "" {
		return nil
	}
	found, err := hostNamespaces(ctx, i.Env, i.op.Cluster, desired.Of(i.spec).ServiceAccounts())
	if err == nil {
		i.found, c.Discover = found, true
		return nil
	}
	i.Note(fmt.Sprintf("the control planes of the cluster could not be read: %v", err))
	if !i.Terminal(i.In) {
		return nil
	}
	answer, err := i.asked(ctx, "The host namespaces of the control planes, or uuid for all that Spaces names by itself", "uuid", checkNamespaces)
	if answer == string(identity.MatchUUID) {
		c.Match = identity.MatchUUID
		return err
	}
	c.Namespaces = strings.FieldsFunc(answer, isSeparator)
	return err
}

func checkNamespaces(list string) error {
	if list == string(identity.MatchUUID) {
		return nil
	}
	var problems []error
	for _, ns := range strings.FieldsFunc(list, isSeparator) {
		problems = append(problems, identity.ValidateNamespace(ns))
	}
	return errors.Join(problems...)
}

func isSeparator(r rune) bool { return r == ' ' || r == ',' }

// writeNew writes a file whole. Without force it is never one that is there.
func writeNew(file, text string, force bool) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".spaces-identity-*")
	if err != nil {
		return fmt.Errorf("cannot write the config: %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone already where it was renamed
	_, err = temp.WriteString(text)
	if err := errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return fmt.Errorf("cannot write the config: %w", err)
	}
	if force {
		err = os.Rename(temp.Name(), file)
	} else {
		err = os.Link(temp.Name(), file)
	}
	if errors.Is(err, fs.ErrExist) {
		return errExists(file)
	}
	if err != nil {
		return fmt.Errorf("cannot write the config: %w", err)
	}
	return nil
}
