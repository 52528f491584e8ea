package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
)

// ExplainOp says if a service account gets the role.
type ExplainOp struct {
	Settings       config.Flags
	Namespace      string
	ServiceAccount string         // empty: the component's
	Policy         string         // a file; - for standard input; empty: the one that the config asks for
	Live           bool           // the one that the role has in AWS
	Profile        string         // of AWS, for Live
	Facts          []desired.Fact // condition keys that the user knows
	Output         output.Format
}

func (p *parser) explainCommand() *cobra.Command {
	op := ExplainOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "explain NAMESPACE [SERVICEACCOUNT]",
		Short: "Say if a service account gets the role, and what decides it",
		Long: `explain evaluates a trust policy as AWS STS does: the one that the config asks
for, the one that the role has in AWS with --live, or another with --policy. The
role is that of the component that runs as the service account. The output says
which document was evaluated, which statement and condition decides and, if
access is denied, what would have to change. Only --live needs AWS.

The exit status is 0 for allowed, and 3 for denied or if it depends on something
that is not known.`,
		Example: `  spaces-identity explain mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system
  spaces-identity explain my-namespace --live
  spaces-identity explain my-namespace --policy trust.json`,
		ValidArgsFunction: p.completeNamespaces,
	}
	cmd.Flags().StringVar(&op.Policy, "policy", "", "the `FILE` with the trust policy, - for standard input (default: what the config asks for)")
	registerLive(cmd, &op.Live, &op.Profile)
	cmd.Flags().Func("context", "a condition key that you know, `KEY=VALUE`, such as aws:SourceArn=arn:… (repeatable)", op.addFact)
	outputFlag(cmd, &op.Output, output.Table, output.JSON, output.YAML)
	return parsed(p, cmd, &op, func(args []string) error {
		op.Namespace = args[0]
		if err := identity.ValidateNamespace(op.Namespace); err != nil {
			return output.Hint(err, "name one namespace, such as one that `spaces-identity discover` lists")
		}
		if len(args) == 2 {
			op.ServiceAccount = args[1]
		}
		if op.Live && op.Policy != "" {
			return errors.New("--live and --policy name two policies: use one of them")
		}
		return nil
	})
}

// addFact adds KEY=VALUE to the condition keys that the user knows. A key that is given
// more than once, in any case, has several values.
func (op *ExplainOp) addFact(pair string) error {
	key, value, ok := strings.Cut(pair, "=")
	if !ok || key == "" {
		return fmt.Errorf("%q is not KEY=VALUE", pair)
	}
	for i, f := range op.Facts {
		if strings.EqualFold(f.Key, key) {
			op.Facts[i].Values = append(f.Values, value)
			return nil
		}
	}
	op.Facts = append(op.Facts, desired.Fact{Key: key, Values: []string{value}})
	return nil
}

// Run prints the explanation. Package live finds the policy in AWS.
func (op ExplainOp) Run(ctx context.Context, env *Env) error {
	if op.Live {
		return env.Live(ctx, env, op)
	}
	state, c, err := op.Subject(env)
	if err != nil {
		return err
	}
	doc, err := op.trustPolicy(ctx, env, state, c)
	if err != nil {
		return err
	}
	source := ""
	if op.Policy != "" {
		source = "the trust policy in " + op.source()
	}
	return op.Judge(env, state, c, doc, source)
}

// Subject returns the state and the component that the question is about.
func (op ExplainOp) Subject(env *Env) (desired.State, desired.Component, error) {
	state, err := env.State(op.Settings)
	if err != nil {
		return state, desired.Component{}, err
	}
	c, err := op.component(env, state)
	return state, c, err
}

// Judge evaluates a policy and prints the explanation. The source says which policy it is;
// if it is empty, it is the one that the config asks for.
func (op ExplainOp) Judge(env *Env, state desired.State, c desired.Component, doc iam.Document, source string) error {
	account, err := op.account(c)
	if err != nil {
		return err
	}
	explanation, err := state.Explain(doc, c, op.Namespace, account, op.Facts...)
	if err != nil {
		return exit.Usage(err)
	}
	if source != "" {
		explanation.Policy = source
		for _, problem := range desired.Review(doc) {
			env.Warn(problem)
		}
	}
	if err := env.Print(op.Output, output.ExplainView{Explanation: explanation}); err != nil {
		return err
	}
	switch explanation.Verdict {
	case iam.Allowed:
		return nil
	case iam.Denied:
		return exit.Silent(exit.Differs)
	}
	for _, way := range explanation.Ways {
		for _, key := range way.UnknownKeys() {
			env.Note("if you know the value of " + key + ", use --context " + key + "=VALUE")
		}
	}
	return exit.Silent(exit.Differs)
}

// component returns the component that --component names, else the one that runs as the
// service account. If there is none, a note says for which component the answer is.
func (op ExplainOp) component(env *Env, state desired.State) (desired.Component, error) {
	_, named := op.Settings.Component(env.Getenv)
	switch found := op.runningThere(state); {
	case named:
	case len(found) > 0:
		return found[0], nil
	case op.ServiceAccount != "":
		env.Note("no component of the config runs as the service account " + op.ServiceAccount)
	}
	return env.Component(state, op.Settings)
}

// runningThere returns the components that run as the service account. Without one, it
// returns those with the namespace of the question as their own.
func (op ExplainOp) runningThere(state desired.State) []desired.Component {
	if op.ServiceAccount != "" {
		return state.ComponentsOf(op.Namespace, op.ServiceAccount)
	}
	return slices.DeleteFunc(slices.Clone(state.Components), func(c desired.Component) bool { return c.Namespace != op.Namespace })
}

// account returns the service account of the question: the given one, or else the
// component's, if that has only one name.
func (op ExplainOp) account(c desired.Component) (string, error) {
	switch {
	case op.ServiceAccount != "":
		return op.ServiceAccount, nil
	case len(c.Accounts) > 1:
		return "", output.Hint(exit.Usagef("the service account of %s may have several names on the host, because the config does not say in which namespace inside the control plane it is", c.Name),
			"name one: "+identity.OneOf(c.Accounts)+"; or set syncedFrom.namespace in the config")
	}
	return c.Accounts[0], nil
}

// source returns how messages name the policy of --policy.
func (op ExplainOp) source() string {
	if op.Policy == "-" {
		return "standard input"
	}
	return op.Policy
}

// trustPolicy returns the policy in question.
func (op ExplainOp) trustPolicy(ctx context.Context, env *Env, state desired.State, c desired.Component) (iam.Document, error) {
	var text []byte
	var err error
	switch op.Policy {
	case "":
		doc, err := state.TrustPolicy(c)
		return doc, exit.Usage(err)
	case "-":
		text, err = env.ReadInput(ctx, "trust policy")
	default:
		text, err = env.readFile(ctx, op.Policy, "trust policy")
	}
	if err != nil {
		return iam.Document{}, exit.Usage(err)
	}
	doc, err := iam.Parse(text)
	if err != nil {
		return doc, exit.Usagef("trust policy %s: %w", op.source(), err)
	}
	return doc, nil
}
