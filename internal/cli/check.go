package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/check"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
)

// CheckOp finds mistakes in files and in Helm's arguments.
type CheckOp struct {
	Settings  config.Flags
	Files     []string // - for standard input
	Arguments []check.Argument
	Fix       bool // correct the files
	Output    output.Format
}

func (p *parser) checkCommand() *cobra.Command {
	op := CheckOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Find mistakes in the config, values, manifests and policies",
		Long: `check looks for mistakes that break a workload identity without an error: in the
config, in values files of the Spaces chart, in Helm's --set and --set-string
arguments, in manifests, in IAM policies, and in scripts that run Helm. The
content of a file says what it is. - is standard input, which check also reads
if you name no files and give no arguments. The config is always checked, and
compared with the others. It needs no cluster and no AWS.

With --fix it corrects the mistakes that have only one right answer, and changes
no other byte of the files. docs/check.md describes each rule.

The exit status is 3 if a rule found a mistake that is still there.`,
		Example: `  spaces-identity check values.yaml trust-policy.json
  spaces-identity check --set 'billing.storage.secretRef.name='
  helm template spaces CHART -f values.yaml | spaces-identity check -o sarif`,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
	var set, setString []string
	cmd.Flags().StringArrayVar(&set, "set", nil, "check this `KEY=VALUE` as an argument of helm --set (repeatable)")
	cmd.Flags().StringArrayVar(&setString, "set-string", nil, "check this `KEY=VALUE` as an argument of helm --set-string (repeatable)")
	cmd.Flags().BoolVar(&op.Fix, "fix", false, "correct the files if that is safe")
	outputFlag(cmd, &op.Output, output.Table, output.JSON, output.YAML, output.SARIF, output.GitHub, output.GitLab)
	return parsed(p, cmd, &op, func(files []string) error {
		op.Files, op.Arguments = files, nil
		for _, text := range set {
			op.Arguments = append(op.Arguments, check.Argument{Flag: "--set", Text: text})
		}
		for _, text := range setString {
			op.Arguments = append(op.Arguments, check.Argument{Flag: "--set-string", Text: text, String: true})
		}
		if op.Fix && slices.Contains(files, "-") {
			return errors.New("--fix corrects files, and - is standard input")
		}
		return nil
	})
}

// Run prints the mistakes.
func (op CheckOp) Run(ctx context.Context, env *Env) error {
	in, err := op.input(ctx, env)
	if err != nil {
		return err
	}
	report := check.Run(in)
	if op.Fix {
		var changed []check.File
		report, changed = check.Fix(in)
		if err := replaceFiles(changed); err != nil {
			return err
		}
	}
	for _, f := range report.Checked {
		if len(f.As) == 0 {
			env.Note(f.File + " has nothing that the rules look at: no config, values of the Spaces chart, manifests, policies or arguments of Helm")
		}
	}
	if err := env.Print(op.Output, output.CheckView{Report: report, Version: Version}); err != nil {
		return err
	}
	if len(report.Findings) > 0 {
		return exit.Silent(exit.Differs)
	}
	return nil
}

// input reads the files, with the config as the first.
func (op CheckOp) input(ctx context.Context, env *Env) (check.Input, error) {
	in := check.Input{Arguments: op.Arguments, Config: op.Settings.File(env.Getenv)}
	spec, err := op.Settings.Resolve(env.Getenv)
	if err != nil && !isOnlyOfFile(err) {
		return in, err
	}
	in.Spec = spec
	files := op.Files
	if _, err := os.Stat(in.Config); err == nil {
		isConfig := func(name string) bool { return filepath.Clean(name) == filepath.Clean(in.Config) }
		files = slices.DeleteFunc(slices.Clone(files), isConfig)
		files = slices.Insert(files, 0, in.Config)
	}
	if len(op.Files)+len(op.Arguments) == 0 && !op.Fix && !env.Terminal(env.In) {
		files = append(files, "-")
	}
	if len(files)+len(op.Arguments) == 0 {
		return in, output.Hint(exit.Usagef("there is nothing to check"), "name files, or run it in a directory with "+config.DefaultFile)
	}
	for _, name := range eachOnce(files) {
		f, err := op.read(ctx, env, name)
		if err != nil {
			return in, err
		}
		in.Files = append(in.Files, f)
	}
	return in, nil
}

// eachOnce returns the names without those that repeat an earlier one.
func eachOnce(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		clean := filepath.Clean(name)
		again := seen[clean]
		seen[clean] = true
		return again
	})
}

func (op CheckOp) read(ctx context.Context, env *Env, name string) (check.File, error) {
	if name == "-" {
		text, err := env.ReadInput(ctx, "files to check")
		return check.File{Name: "standard input", Text: text}, err
	}
	text, err := env.readFile(ctx, name, "files to check")
	return check.File{Name: name, Text: text}, err
}

// isOnlyOfFile reports whether all mistakes of the settings are in the config file, where a
// rule finds them.
func isOnlyOfFile(err error) bool {
	all, ok := errors.AsType[*config.Error](err)
	return ok && !slices.ContainsFunc(all.Problems, func(p *config.Problem) bool { return p.Origin.Source != "" || p.Origin.File == "" })
}

// replaceFiles replaces the content of files as a whole. It first writes all of them beside
// the old ones, so that a file that cannot be written changes none.
func replaceFiles(files []check.File) (err error) {
	staged := make([]stagedFile, 0, len(files))
	defer func() {
		for _, s := range staged {
			err = errors.Join(err, ignoreMissing(os.Remove(s.temp)))
		}
	}()
	for _, f := range files {
		s, err := stageFile(f)
		if s.temp != "" {
			staged = append(staged, s)
		}
		if err != nil {
			return fmt.Errorf("correcting %s: %w", f.Name, err)
		}
	}
	for _, s := range staged {
		if err := os.Rename(s.temp, s.target); err != nil {
			return fmt.Errorf("correcting %s: %w", s.target, err)
		}
	}
	return nil
}

// stagedFile is a new content that is not yet in its place.
type stagedFile struct{ temp, target string }

// stageFile writes the new content of a file beside it, or beside the file that a link leads
// to, with its permissions.
func stageFile(f check.File) (s stagedFile, err error) {
	if s.target, err = filepath.EvalSymlinks(f.Name); err != nil {
		return s, err
	}
	info, err := os.Stat(s.target)
	if err != nil {
		return s, err
	}
	const writable = 0o200
	if info.Mode().Perm()&writable == 0 { // a rename would replace it all the same
		return s, &fs.PathError{Op: "write", Path: f.Name, Err: fs.ErrPermission}
	}
	temp, err := os.CreateTemp(filepath.Dir(s.target), ".spaces-identity-*.tmp")
	if err != nil {
		return s, err
	}
	s.temp = temp.Name()
	_, err = temp.Write(f.Text)
	return s, errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Sync(), temp.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
