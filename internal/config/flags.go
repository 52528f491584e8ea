package config

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/lazyregexp"
)

// Flags are the given flags for a config with one component, with their values. Each flag
// has an environment variable: SPACES_IDENTITY_ and the flag's name in capitals with
// underscores. If a flag is repeatable, the variable contains a list with commas.
//
// A flag wins over the environment, the environment over the file, and the file over the
// defaults. --annotation and --pod-label add to the file's values, key by key. All other
// flags replace them.
//
// The flags of a component apply to the one that --component names, which is added if the
// file does not list it. Without --component they apply to mxp-controller, which the file
// must list if it lists any component.
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
var flagRows = sync.OnceValue(func() []Row {
	return slices.DeleteFunc(slices.Clone(Rows()), func(r Row) bool { return r.Flag == "" })
})

// rowOf returns the setting that has the flag, or the zero Row.
func rowOf(flag string) Row {
	for _, r := range flagRows() {
		if r.Flag == flag {
			return r
		}
	}
	return Row{}
}

// occurrences stores the values of a flag: all of them if the flag is repeatable, otherwise
// the last.
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

// FlagsWithVariables returns the flags that have an environment variable: those of the
// settings, and others.
func FlagsWithVariables(others ...string) []string {
	all := []string{flagConfig}
	for _, r := range flagRows() {
		all = append(all, r.Flag)
	}
	return append(all, others...)
}

// UnknownVariables returns a warning for each variable SPACES_IDENTITY_… in environ, as
// [os.Environ] returns it, that belongs to no setting and none of the other flags.
func UnknownVariables(environ []string, otherFlags ...string) []string {
	ours := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool { return !strings.HasPrefix(pair, variablePrefix) })
	if len(ours) == 0 {
		return nil
	}
	known := FlagsWithVariables(otherFlags...)
	for i, flag := range known {
		known[i] = strings.TrimPrefix(EnvName(flag), variablePrefix)
	}
	var warnings []string
	for _, pair := range slices.Sorted(slices.Values(ours)) {
		variable, _, _ := strings.Cut(pair, "=") // the value may be a secret
		name := strings.TrimPrefix(variable, variablePrefix)
		if slices.Contains(known, name) {
			continue
		}
		warning := "no setting has the environment variable " + variable
		if near := identity.Nearest(name, known); near != "" {
			warning += "; did you mean " + variablePrefix + near + "?"
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

var listIndex = lazyregexp.New(`\[\d+\]`)

// FlagFor returns the flag that sets the path, such as components[0].bucket, of the
// component: --bucket, or --component vector --bucket. If there is none, it returns nothing.
func FlagFor(path, component string) string {
	key := listIndex.Get().ReplaceAllString(path, "[]")
	for _, r := range flagRows() {
		switch {
		case r.Key != key:
		case r.parent() == "components[]" && r.Flag != flagComponent && component != identity.DefaultComponent:
			return "--" + flagComponent + " " + component + " --" + r.Flag
		default:
			return "--" + r.Flag
		}
	}
	return ""
}

// Choices returns values for the completion of a flag.
func Choices(flag string) []string { return rowOf(flag).Choices }

// given returns the values of the flag or of its variable, and which of the two it was. An
// empty variable counts as not given.
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

// Component returns the component that the flags apply to, and whether the user named it.
func (f Flags) Component(env func(string) string) (name string, named bool) {
	if values, _, ok := f.given(flagComponent, env); ok {
		return lastOf(values), true
	}
	return identity.DefaultComponent, false
}

// File returns the name of the config: the value of --config or SPACES_IDENTITY_CONFIG, or
// [DefaultFile].
func (f Flags) File(env func(string) string) string {
	if values, _, ok := f.given(flagConfig, env); ok && lastOf(values) != "" {
		return lastOf(values)
	}
	return DefaultFile
}

// Resolve returns the Spec of the file, the environment and the flags. The file is
// [Flags.File], which must exist if the user named it. The error is an [*Error] with all
// problems.
func (f Flags) Resolve(env func(string) string) (identity.Spec, error) {
	s, err := f.readFile(env)
	if err != nil {
		return identity.Spec{}, err
	}
	f.apply(s, env)
	return s.finish()
}

// ResolveContent returns the Spec of a config's content, the environment and the flags.
// Messages use the name. The error is an [*Error] with all problems.
func (f Flags) ResolveContent(name string, content []byte, env func(string) string) (identity.Spec, error) {
	s, err := decode(name, content)
	if err != nil {
		return identity.Spec{}, err
	}
	f.apply(s, env)
	return s.finish()
}

// WithoutFile returns the Spec of only the environment and the flags, for a config that
// does not exist yet. The error is an [*Error] with all problems.
func (f Flags) WithoutFile(env func(string) string) (identity.Spec, error) {
	s := newSettings("")
	f.apply(s, env)
	return s.finish()
}

func (f Flags) readFile(env func(string) string) (*settings, error) {
	values, from, named := f.given(flagConfig, env)
	if named && lastOf(values) == "" {
		return nil, problemAt(from, errEmpty)
	}
	file := f.File(env)
	if _, err := os.Stat(file); !named && errors.Is(err, fs.ErrNotExist) {
		return newSettings(""), nil
	}
	content, err := readFile(file)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Problems[0].Origin = from // the flag or variable that named the file
		}
		return nil, err
	}
	return decode(file, content)
}

// errEmpty rejects an empty flag. The usual cause is a shell variable that is not set.
var errEmpty = identity.WithHint("give a value, or leave the flag out", "is empty")

// apply writes the values of the environment and the flags into the settings.
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

// set sets the setting at the path. It replaces what the file has there, but keeps the
// other keys of pairs.
func (f Flags) set(s *settings, row Row, path string, t target, env func(string) string) {
	values, from, _ := f.given(row.Flag, env)
	if row.Type != "pairs" {
		s.replace(path, from)
		if lastOf(values) == "" && !row.CanBeEmpty {
			s.fail(from, path, errEmpty)
			return
		}
	}
	row.rowValue.set(s, path, from, values, t)
}

// chosen returns the index of the component that the flags apply to. It adds a named
// component to the config. If the user must name one, it reports a problem.
func (f Flags) chosen(s *settings, given []Row, env func(string) string) (index int, ok bool) {
	name, named := f.Component(env)
	names := identity.ComponentNames(s.spec.Components)
	if i := slices.Index(names, name); i >= 0 {
		return i, true
	}
	if !named && len(names) > 0 {
		_, from, _ := f.given(given[0].Flag, env)
		s.fail(from, "", identity.WithHint("add --"+flagComponent+" NAME", "needs a component, but the config has only %s", strings.Join(names, ", ")))
		return 0, false
	}
	if _, from, named := f.given(flagComponent, env); named {
		s.origins[identity.ComponentKey(len(names))] = from
	}
	s.spec.Components = append(s.spec.Components, identity.Component{Name: name})
	return len(names), true
}

// ArtifactsDir returns the directory of the artifacts, for the report of a failure before
// the config is known. Other settings of the file may be invalid.
func (f Flags) ArtifactsDir(env func(string) string) string {
	dir := f.peek(env).ArtifactsDir
	if values, _, ok := f.given(flagArtifacts, env); ok {
		dir = lastOf(values)
	}
	if identity.ValidateArtifactsDir(dir) != nil {
		return identity.DefaultArtifactsDir
	}
	return dir
}

// KeepArtifactsIn makes dir the directory of the artifacts, unless a flag or a variable
// names one, or the file switches them off.
func (f Flags) KeepArtifactsIn(dir string, env func(string) string) {
	if !f.Given(flagArtifacts, env) && f.ArtifactsDir(env) != identity.NoArtifacts {
		f[flagArtifacts] = []string{dir}
	}
}

// ComponentNames returns the names of the components in the config, for completion. Other
// settings of the file may be invalid.
func (f Flags) ComponentNames(env func(string) string) []string {
	var names []string
	for _, c := range f.peek(env).Components {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	return names
}

// peek returns what can be read of the config.
func (f Flags) peek(env func(string) string) identity.Settings {
	content, err := readFile(f.File(env))
	if err != nil {
		return identity.Settings{}
	}
	s, _ := decode("", content) // the caller has reported its problems, or has no use for them
	return s.spec
}
