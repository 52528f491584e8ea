package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// question is what explain is asked.
type question struct {
	namespace, serviceAccount string
	policy                    string   // a file, - for standard input, or nothing for the config's own
	context                   []string // key=value
	output                    string
}

func (a *app) explainCommand() *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "explain NAMESPACE [SERVICEACCOUNT]",
		Short: "Say whether a service account would get the role under a trust policy, and what decides it",
		Long: "explain evaluates a trust policy as AWS STS does, offline: the one that this config makes, or any other with\n" +
			"--policy. It says which statement and condition decides and, for a denial, what would have to change. What it\n" +
			"does not know it does not guess. The exit status is 0 for allowed, 3 for denied, 1 for what it cannot tell.",
		Example: "  spaces-identity explain mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system\n" +
			"  aws iam get-role --role-name spaces-backup --query Role.AssumeRolePolicyDocument | spaces-identity explain my-namespace --policy -",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.namespace = args[0]
			if len(args) == 2 {
				q.serviceAccount = args[1]
			}
			return a.explain(cmd, q)
		},
	}
	cmd.Flags().StringVar(&q.policy, "policy", "", "the `FILE` with the trust policy, - for standard input (default: the one this config makes)")
	cmd.Flags().StringArrayVar(&q.context, "context", nil, "a condition key that you know, `KEY=VALUE`, such as aws:SourceArn=arn:… (repeatable)")
	cmd.Flags().StringVarP(&q.output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) explain(cmd *cobra.Command, q question) error {
	if q.output != "text" && q.output != "json" {
		return usagef("--output is %q: it must be text or json", q.output)
	}
	facts, err := facts(q.context)
	if err != nil {
		return err
	}
	spec, c, err := a.component()
	if err != nil {
		return err
	}
	doc, err := a.trustPolicy(cmd, q.policy, spec, c)
	if err != nil {
		return err
	}
	if q.serviceAccount == "" {
		q.serviceAccount = c.ServiceAccount
	}
	explanation, err := iam.Explain(doc, spec, c, q.namespace, q.serviceAccount, facts...)
	if err != nil {
		return usageError{err}
	}
	if q.policy != "" {
		for _, problem := range iam.Review(doc) {
			a.say("warning: %s\n", problem)
		}
	}
	if err := a.printExplanation(explanation, q.output); err != nil {
		return err
	}
	return verdictError(explanation.Verdict)
}

// trustPolicy is the policy in question.
func (a *app) trustPolicy(cmd *cobra.Command, file string, spec identity.Spec, c identity.Component) (iam.Document, error) {
	if err := spec.Require(c.Name, c.TrustNeeds()...); err != nil {
		return iam.Document{}, err
	}
	var text []byte
	var err error
	switch file {
	case "":
		doc, err := iam.Trust(spec, c, iam.SubjectsOf(spec))
		if err != nil {
			err = usageError{err}
		}
		return doc, err
	case "-":
		text, err = a.read(cmd.Context())
	default:
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return iam.Document{}, usageError{fmt.Errorf("reading the trust policy: %w", err)}
	}
	doc, err := iam.Parse(text)
	if err != nil {
		return doc, usageError{fmt.Errorf("trust policy %s: %w", file, err)}
	}
	return doc, nil
}

// facts are the condition keys that the user knows. A key given more than once
// has several values.
func facts(pairs []string) ([]iam.Fact, error) {
	var found []iam.Fact
	at := map[string]int{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--context %q: write KEY=VALUE", pair)
		}
		if i, known := at[key]; known {
			found[i].Values = append(found[i].Values, value)
			continue
		}
		at[key] = len(found)
		found = append(found, iam.Fact{Key: key, Values: []string{value}})
	}
	return found, nil
}

func (a *app) printExplanation(e iam.Explanation, output string) error {
	if output == "text" {
		_, err := fmt.Fprint(a.Out, e.Text())
		return err
	}
	return a.json(e)
}

// verdictError turns what was printed into the exit status.
func verdictError(v iam.Verdict) error {
	switch v {
	case iam.Allowed:
		return nil
	case iam.Denied:
		return outcome(exitDiffers)
	}
	return outcome(exitFailed)
}

// outcome is an exit status whose reason was printed already.
type outcome int

func (outcome) Error() string { return "" }

// ExitStatus is the outcome itself.
func (o outcome) ExitStatus() int { return int(o) }

// silent reports whether there is nothing left to say of an error.
func silent(err error) bool {
	_, ok := errors.AsType[outcome](err)
	return ok
}
