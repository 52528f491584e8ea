package cli

import (
	"cmp"
	"errors"
	"fmt"
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

const programName = "spaces-identity"

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
	return !cmd.HasParent() || cmd.Name() == "post-render" || cmd.Name() == "template"
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
	root.AddCommand(p.postRenderCommand(), p.templateCommand(), p.inspectCommand(), p.policyCommand(), p.exportCommand(),
		p.valuesCommand(), p.explainCommand(), p.discoverCommand(), p.initCommand(), p.planCommand(), p.applyCommand(),
		p.verifyCommand(), p.restartCommand(), p.postRendererCommand(), p.versionCommand())
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
	cmd.SuggestionsMinimumDistance = 2 // letters that may differ
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

// help prints the help of a command, unless the command is not known.
func (p *parser) help(cmd *cobra.Command, _ []string) {
	if cmd.HasSubCommands() {
		if p.err = noCommand(cmd, cmd.Flags().Args()); p.err != nil {
			return
		}
	}
	cmd.Println(cmp.Or(cmd.Long, cmd.Short+".") + "\n")
	p.err = cmd.Usage()
}

// addHelpCommand makes help for an unknown command an error.
func (p *parser) addHelpCommand(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		panic(err) // it was added the line before
	}
	help.Use, help.Short, help.Long, help.Run = "help [COMMAND]", "Show the help of a command", "", nil
	help.DisableFlagsInUseLine = true
	help.RunE = func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err := errors.Join(err, noCommand(cmd, rest)); err != nil {
			return err
		}
		cmd.InitDefaultHelpFlag()
		return cmd.Help()
	}
}

// addCompletionCommand gives the library's completion commands help in our words.
func addCompletionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // it was added the line before
	}
	completion.Short = "Print a completion script for a shell"
	completion.Long = `completion prints a script with which a shell completes commands, flags and
their values. The Helm plugin needs no script: Helm completes its commands too.`
	for _, c := range completion.Commands() {
		load := "source <(spaces-identity completion " + c.Name() + ")"
		switch c.Name() {
		case "fish":
			load = "spaces-identity completion fish | source"
		case "powershell":
			load = "spaces-identity completion powershell | Out-String | Invoke-Expression"
		}
		c.Short = "Print the completion script for " + c.Name()
		c.Long = c.Short + `.
To load it in every new shell, add the example to the shell's start file.`
		c.Example = "  " + load
	}
}

// helpWidth is the width of help in columns.
const helpWidth = 80

// printUsage prints what follows the description of a command.
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n\nCommands:\n", cmd.CommandPath())
		widest := len(slices.MaxFunc(subcommands(cmd), func(a, b string) int { return len(a) - len(b) }))
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s  %s\n", widest, c.Name(), c.Short)
			}
		}
	}
	for _, section := range []struct{ title, text string }{
		{"Examples", cmd.Example},
		{"Flags", cmd.LocalNonPersistentFlags().FlagUsagesWrapped(helpWidth)},
		{"Settings, which win over the environment and the config", settingsUsage(cmd)},
		{"Environment variables, which win over the config", variablesUsage(cmd)},
	} {
		if section.text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", section.title, strings.TrimRight(section.text, "\n"))
		}
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

// settingsUsage is empty for the commands that read no settings.
func settingsUsage(cmd *cobra.Command) string {
	if _, ok := cmd.Annotations[withoutSettings]; ok || cmd.Name() == "help" || cmd.Name() == "completion" ||
		cmd.HasParent() && cmd.Parent().Name() == "completion" {
		return ""
	}
	return cmd.Root().PersistentFlags().FlagUsagesWrapped(helpWidth)
}

// variablesUsage lists the environment variables on the help page of the program.
func variablesUsage(cmd *cobra.Command) string {
	var b strings.Builder
	for _, flag := range config.FlagsWithVariables(rewriteFlags...) {
		if !cmd.HasParent() {
			fmt.Fprintf(&b, "  %-32s --%s\n", config.EnvName(flag), flag)
		}
	}
	return b.String()
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
