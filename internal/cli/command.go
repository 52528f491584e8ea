package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
)

const (
	programName = "spaces-identity"
	postRender  = "post-render"
)

// parser turns a command line into an op.
type parser struct {
	env      *Env
	settings config.Flags // what was given of the settings that the config has too
	op       Op
	err      error // of a command that help was asked for
	badFlag  bool  // a flag could not be read
}

// Parse returns the op of a command line. It returns none if the command line
// only asks for help, completion or the version, which is printed.
func Parse(env *Env, args []string) (Op, error) {
	if op, ok := parsePostRender(env, args); ok {
		return op, nil
	}
	return parseWhole(env, args)
}

func parseWhole(env *Env, args []string) (Op, error) {
	p := &parser{env: env, settings: config.Flags{}}
	root := p.rootCommand()
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		p.completeFlags(root)
	}
	root.SetArgs(append([]string{}, args...)) // cobra takes the process's own for nil
	cmd, err := root.ExecuteC()
	if err = errors.Join(err, p.err); err != nil {
		return nil, p.misunderstood(cmd, err)
	}
	return p.op, nil
}

// parsePostRender parses a command line of the post-renderer without making the other
// commands, because Helm starts it for each install and upgrade. If anything is unusual,
// such as a mistake or --help, it returns false, and the whole program parses the line.
func parsePostRender(env *Env, args []string) (Op, bool) {
	switch {
	case len(args) > 0 && args[0] == postRender:
		args = args[1:]
	case !isWithoutCommand(args), env.Terminal(env.In):
		return nil, false
	}
	p := &parser{env: env, settings: config.Flags{}}
	cmd := p.postRenderCommand()
	p.settings.Register(cmd.Flags())
	if cmd.ParseFlags(args) != nil || cmd.Flags().NArg() > 0 || cmd.RunE(cmd, nil) != nil {
		return nil, false
	}
	return p.op, true
}

// misunderstood makes an error of the command line one of bad usage. If manifests
// were to be post-rendered, the report has it too: Helm 4 shows nothing else.
func (p *parser) misunderstood(cmd *cobra.Command, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err // the help could not be written
	}
	err = exit.Usage(err)
	if hintOf(err) == "" {
		err = output.Hint(err, fmt.Sprintf("`%s --help` shows the usage", cmd.CommandPath()))
	}
	if p.env.underHelm4() || p.badFlag && postRenders(cmd) && !p.env.Terminal(p.env.In) {
		return p.env.failEarly(p.settings, err)
	}
	return err
}

func postRenders(cmd *cobra.Command) bool {
	return !cmd.HasParent() || cmd.Name() == postRender || cmd.Name() == "template"
}

// Commands returns the program's commands, for documentation that is generated from them.
func Commands() *cobra.Command {
	env := &Env{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }, Terminal: func(any) bool { return false }}
	return (&parser{env: env, settings: config.Flags{}}).rootCommand()
}

func (p *parser) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   programName,
		Short: "Give the control planes of a self-hosted Upbound Space an AWS identity",
		Long: `spaces-identity gives the components of an Upbound Space's control planes an AWS
identity, through IRSA or EKS Pod Identity. As Helm's post-renderer it writes
role annotations and pod labels into the chart's manifests, and the matching IAM
documents beside them. Other commands print, apply and check the same identity.

Without a command, and if standard input is not a terminal, it is the
post-renderer.`,
		Example: `  PR=$(helm spaces-identity post-renderer) &&
    helm upgrade --install spaces CHART --post-renderer "$PR"
  spaces-identity plan`,
		Args:          noCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(p.env.In)
	root.SetOut(p.env.Out)
	root.SetErr(p.env.Err)
	root.SetUsageFunc(printUsage)
	root.SetFlagErrorFunc(p.flagError)
	root.SetHelpFunc(p.help)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	p.settings.Register(root.PersistentFlags())
	p.asPostRender(root)
	p.asProgram(root)
	root.AddCommand(p.postRenderCommand(), p.templateCommand(), p.inspectCommand(), p.checkCommand(), p.policyCommand(), p.exportCommand(),
		p.fnCommand(), p.valuesCommand(), p.explainCommand(), p.discoverCommand(), p.initCommand(), p.planCommand(), p.applyCommand(), p.deleteCommand(),
		p.verifyCommand(), p.restartCommand(), p.postRendererCommand(), p.setUpPluginCommand(), p.versionCommand())
	p.addHelpCommand(root)
	addCompletionCommand(root)
	return root
}

// asProgram makes the root answer --version, and print its help if there are no
// manifests to read.
func (p *parser) asProgram(root *cobra.Command) {
	version := root.Flags().BoolP("version", "v", false, "print the version")
	postRender := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case *version:
			p.op = VersionOp{Output: output.Table}
		case p.env.Terminal(p.env.In):
			return cmd.Help()
		default:
			return postRender(cmd, args)
		}
		return nil
	}
}

// parsed makes a command that is parsed into an op, which its flags fill. check,
// if there is one, gets the arguments and refuses what no single flag can refuse.
func parsed[T Op](p *parser, cmd *cobra.Command, op *T, check func(args []string) error) *cobra.Command {
	if cmd.Args == nil && !cmd.DisableFlagParsing {
		cmd.Args = checkArgs
	}
	cmd.RunE = func(_ *cobra.Command, args []string) (err error) {
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if f.Value.Type() == "duration" && strings.HasPrefix(f.Value.String(), "-") {
				err = fmt.Errorf("--%s is %s: it must not be negative", f.Name, f.Value)
			}
		})
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(args); err != nil {
				return err
			}
		}
		p.op = *op
		return nil
	}
	return cmd
}

// checkArgs compares the number of arguments with the usage line of the command, such as
// "explain NAMESPACE [SERVICEACCOUNT]".
func checkArgs(cmd *cobra.Command, args []string) error {
	words := strings.Fields(cmd.Use)[1:]
	if n := len(args); n < len(words) && words[n][0] != '[' {
		example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
		return output.Hint(fmt.Errorf("%s needs %s", cmd.Name(), words[n]), "for example: `"+example+"`")
	}
	if n := len(words); len(args) > n && !strings.HasSuffix(cmd.Use, "...]") {
		return fmt.Errorf("%s does not take the argument %q", cmd.Name(), args[n])
	}
	return nil
}

// noCommand refuses the arguments of a command that has commands of its own.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("`%s --help` lists the commands", cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = min(2, max(1, len(args[0])-2)) // letters that may differ
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near[0])
	}
	return output.Hint(fmt.Errorf("unknown command %q of %s", args[0], cmd.CommandPath()), hint)
}

// typeNames name the types of flags whose values the library parses.
var typeNames = map[string]string{"duration": "a duration, such as 90s or 5m", "int": "a whole number", "bool": "true or false"}

// flagError names the flag that cannot be read in the way config errors do.
func (p *parser) flagError(cmd *cobra.Command, err error) error {
	p.badFlag = true
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if name := typeNames[e.GetFlag().Value.Type()]; name != "" {
			return fmt.Errorf("--%s: %q is not %s", e.GetFlag().Name, e.GetValue(), name)
		}
		return fmt.Errorf("--%s: %w", e.GetFlag().Name, e.Unwrap())
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		near := ""
		switch name := e.GetSpecifiedName(); {
		case name == "n", name == "namespace": // as kubectl and Helm call it
			near = "host-namespace"
		case len(name) > 1:
			near = identity.Nearest(name, flagNames(cmd))
		}
		if near != "" {
			return output.Hint(err, "did you mean --"+near+"?")
		}
	}
	return err
}

// flagNames returns the names of the flags that a command takes.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// withoutSettings marks the commands that read no settings.
const withoutSettings = "without-settings"

var readsNoSettings = map[string]string{withoutSettings: ""}

// outputFlag adds --output with the formats of a command, the default first.
func outputFlag(cmd *cobra.Command, format *output.Format, allowed ...output.Format) {
	wordFlag(cmd, format, "output", "o", "the `FORMAT`", "output format", allowed...)
}

// wordFlag adds a flag whose value is one of the words, by default the first.
func wordFlag[T ~string](cmd *cobra.Command, value *T, name, short, usage, what string, allowed ...T) {
	words := identity.Words(allowed)
	*value = allowed[0]
	usage += fmt.Sprintf(": %s (default %s)", identity.OneOf(words), *value)
	cmd.Flags().FuncP(name, short, usage, func(text string) (err error) {
		*value, err = output.Parse(what, text, allowed...)
		return err
	})
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added the line before
	}
}

// subcommands returns the names of a command's own commands.
func subcommands(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return slices.Sorted(slices.Values(names))
}
