package config

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/identity"
)

// Flags are the flags of the one-component case that were given, with their values.
// Each flag has an environment variable, SPACES_IDENTITY_ and the flag's name in
// capitals with underscores. If a flag may be repeated, the variable has a list with
// commas.
//
// A flag wins over the environment, the environment over the file, the file
// over the defaults. --host-namespace replaces the file's namespaces;
// --annotation and --pod-label are added to the file's, key by key. The flags
// of a component apply to the one that --component names. One that the file
// does not list is added. Without --component they apply to mxp-controller,
// which the file must list if it lists any.
type Flags map[string][]string

const (
	flagConfig    = "config"
	flagComponent = "component"
	flagArtifacts = "artifacts-dir"
)

// Register adds the flags to the set. Parsing fills f.
func (f *Flags) Register(set *pflag.FlagSet) {
	set.Var(&occurrences{flags: f, name: flagConfig, word: "FILE"}, flagConfig, "config file (default "+DefaultFile+", if it exists)")
	for _, r := range flagRows() {
		set.Var(&occurrences{f, r.Flag, r.Word, r.repeatable()}, r.Flag, r.Usage())
	}
}

// flagRows returns the settings that have a flag.
func flagRows() []Row {
	return slices.DeleteFunc(Rows(), func(r Row) bool { return r.Flag == "" })
}

// rowOf returns the setting of a flag, the zero Row if none has it.
func rowOf(flag string) Row {
	rows := flagRows()
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Flag == flag })
	if i < 0 {
		return Row{}
	}
	return rows[i]
}

// occurrences keeps what was given for a flag: all of it if the flag may be repeated,
// else the last.
type occurrences struct {
	flags      *Flags
	name, word string
	repeatable bool
}

func (o *occurrences) String() string { return "" }

// Type returns the placeholder of the value on a help page.
func (o *occurrences) Type() string { return o.word }

func (o *occurrences) Set(value string) error {
	if *o.flags == nil {
		*o.flags = Flags{}
	}
	var before []string
	if o.repeatable {
		before = (*o.flags)[o.name]
	}
	(*o.flags)[o.name] = append(before, value)
	return nil
}

// variablePrefix begins the names of environment variables.
const variablePrefix = "SPACES_IDENTITY_"

// EnvName returns the environment variable of a flag: SPACES_IDENTITY_ROLE_ARN of
// role-arn.
func EnvName(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// UnknownVariables returns a warning for each variable SPACES_IDENTITY_… of an
// environment, as [os.Environ] returns it, that neither a setting has nor one of the
// other flags.
func UnknownVariables(environ []string, otherFlags ...string) []string {
	known := []string{flagConfig}
	for _, r := range flagRows() {
		known = append(known, r.Flag)
	}
	known = append(known, otherFlags...)
	for i, flag := range known {
		known[i] = EnvName(flag)[len(variablePrefix):]
	}
	var warnings []string
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(pair, "=") // the value may be a secret
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(known, name[len(variablePrefix):]) {
			continue
		}
		warning := "no setting has the environment variable " + name
		if near := identity.Nearest(name[len(variablePrefix):], known); near != "" {
			warning += "; did you mean " + variablePrefix + near + "?"
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

var listIndex = regexp.MustCompile(`\[\d+\]`)

// FlagFor returns the flag that sets the setting at the path, such as
// components[0].bucket, of the component: --bucket, or --component vector --bucket.
// It returns nothing if no flag does.
func FlagFor(path, component string) string {
	key := listIndex.ReplaceAllString(path, "[]")
	rows := flagRows()
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Key == key })
	switch {
	case i < 0:
		return ""
	case rows[i].parent() == "components[]" && rows[i].Flag != flagComponent && component != identity.DefaultComponent:
		return "--" + flagComponent + " " + component + " --" + rows[i].Flag
	}
	return "--" + rows[i].Flag
}

// Choices returns values for the completion of a flag: all that it can have, or those
// that are words of the program.
func Choices(flag string) []string {
	return rowOf(flag).Choices
}

// given returns the values of the flag or of its variable, and which of the two. An
// empty variable counts as none.
func (f Flags) given(name string, env func(string) string) (values []string, from Origin, ok bool) {
	if values, ok := f[name]; ok {
		return values, Origin{Source: "--" + name}, true
	}
	value := env(EnvName(name))
	if value == "" {
		return nil, Origin{}, false
	}
	values = []string{value}
	if rowOf(name).repeatable() {
		values = strings.Split(value, ",")
	}
	return values, Origin{Source: EnvName(name)}, true
}

// Given reports whether the flag, or its environment variable, was given.
func (f Flags) Given(flag string, env func(string) string) bool {
	_, _, ok := f.given(flag, env)
	return ok
}

// Component returns the name of the component that the flags apply to, and whether
// the user named it.
func (f Flags) Component(env func(string) string) (name string, named bool) {
	if values, _, ok := f.given(flagComponent, env); ok {
		return last(values), true
	}
	return identity.DefaultComponent, false
}

// File returns the name of the config: the one of --config or SPACES_IDENTITY_CONFIG,
// else [DefaultFile].
func (f Flags) File(env func(string) string) string {
	if values, _, ok := f.given(flagConfig, env); ok && last(values) != "" {
		return last(values)
	}
	return DefaultFile
}

// Resolve makes the Spec of the file, the environment and the flags. The file
// is the one of --config or SPACES_IDENTITY_CONFIG, which must exist, else
// spaces-identity.yaml in the working directory, if it exists. The error is an
// [*Error] with all problems.
func (f Flags) Resolve(env func(string) string) (identity.Spec, error) {
	s, err := f.readFile(env)
	if err != nil {
		return identity.Spec{}, err
	}
	f.apply(s, env)
	return s.finish()
}

// WithoutFile makes the Spec of the environment and the flags alone, for a
// config that does not exist yet. The error is an [*Error] with all problems.
func (f Flags) WithoutFile(env func(string) string) (identity.Spec, error) {
	s := newSettings("")
	f.apply(s, env)
	return s.finish()
}

func (f Flags) readFile(env func(string) string) (*settings, error) {
	values, from, named := f.given(flagConfig, env)
	if named && last(values) == "" {
		return nil, problemAt(from, errEmpty)
	}
	file := f.File(env)
	if _, err := os.Stat(file); !named && errors.Is(err, fs.ErrNotExist) {
		return newSettings(""), nil
	}
	content, err := readFile(file)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Problems[0].Origin = from // which named the file
		}
		return nil, err
	}
	return decode(file, content)
}

// errEmpty refuses an empty flag, which most often is a shell variable that is not
// set.
var errEmpty = identity.WithHint("give a value, or leave the flag out", "is empty")

// apply sets what the environment and the flags give.
func (f Flags) apply(s *settings, env func(string) string) {
	var ofComponent []Row
	for _, row := range flagRows() {
		switch ok := f.Given(row.Flag, env); {
		case !ok || row.Flag == flagComponent:
		case row.parent() == "components[]":
			ofComponent = append(ofComponent, row)
		default:
			f.set(s, row, row.Key, s.target(), env)
		}
	}
	if _, named := f.Component(env); len(ofComponent) == 0 && !named {
		return
	}
	at, ok := f.chosen(s, ofComponent, env)
	if !ok {
		return
	}
	for _, row := range ofComponent {
		f.set(s, row, identity.ComponentKey(at)+"."+row.name(), target{component: &s.spec.Components[at]}, env)
	}
}

// set sets the setting at the path. What the file has there no longer counts, except
// the other keys of pairs.
func (f Flags) set(s *settings, row Row, path string, t target, env func(string) string) {
	values, from, _ := f.given(row.Flag, env)
	if row.Type != "pairs" {
		s.replace(path, from)
		if last(values) == "" && !row.CanBeEmpty {
			s.fail(from, path, errEmpty)
			return
		}
	}
	row.value.set(s, path, from, values, t)
}

// chosen returns the index of the component that the flags apply to, which naming it
// adds to the config. If the user must name it, that is a problem.
func (f Flags) chosen(s *settings, given []Row, env func(string) string) (index int, ok bool) {
	name, named := f.Component(env)
	names := make([]string, len(s.spec.Components))
	for i, c := range s.spec.Components {
		names[i] = c.Name
	}
	if i := slices.Index(names, name); i >= 0 {
		return i, true
	}
	if !named && len(names) > 0 {
		_, from, _ := f.given(given[0].Flag, env)
		s.fail(from, "", identity.WithHint("add --"+flagComponent+" NAME", "needs a component, and the config has %s", strings.Join(names, ", ")))
		return 0, false
	}
	if _, from, named := f.given(flagComponent, env); named {
		s.origins[identity.ComponentKey(len(names))] = from
	}
	s.spec.Components = append(s.spec.Components, identity.Component{Name: name})
	return len(names), true
}

// ArtifactsDir returns the artifacts directory as far as the command line, the
// environment and the file name it, for the report of a failure that comes before
// the config is known. Other settings of the file may be wrong.
func (f Flags) ArtifactsDir(env func(string) string) string {
	dir := textOf(child(child(f.peek(env), "artifacts"), "dir"))
	if values, _, ok := f.given(flagArtifacts, env); ok {
		dir = last(values)
	}
	if identity.ValidateArtifactsDir(dir) != nil {
		return identity.DefaultArtifactsDir
	}
	return dir
}

// ComponentNames returns the names of the components in the config, for completion.
// Other settings of the file may be wrong.
func (f Flags) ComponentNames(env func(string) string) []string {
	components := child(f.peek(env), "components")
	if components == nil {
		return nil
	}
	var names []string
	for _, item := range components.Content {
		if name := textOf(child(item, "name")); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// peek returns the tree of the config, or nil if it cannot be read.
func (f Flags) peek(env func(string) string) node {
	file := f.File(env)
	content, err := readFile(file)
	if err != nil {
		return nil
	}
	root, err := parse(file, content)
	if err != nil {
		return nil
	}
	return root
}
