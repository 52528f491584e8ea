package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/identity"
)

// Flags are the flags that were given of the one-component case, with their
// values. Each flag has an environment variable, SPACES_IDENTITY_ and the flag's
// name in capitals with underscores; for a flag that may be repeated the variable
// holds a list with commas.
//
// A flag wins over the environment, the environment over the file, the file
// over the defaults. --host-namespace replaces the file's namespaces;
// --annotation and --pod-label are added to the file's, key by key. The flags
// of a component speak of the one that --component names. One that the file
// does not list is added. Without --component they speak of mxp-controller,
// which the file must list if it lists any.
type Flags map[string][]string

const (
	flagConfig    = "config"
	flagComponent = "component"
)

// Register adds the flags to the set. Parsing fills f, which must not be nil.
func (f Flags) Register(set *pflag.FlagSet) {
	f.add(set, flagConfig, "the config `FILE` (default "+DefaultFile+" where it exists)", false)
	f.add(set, flagComponent, "the `NAME` of the component that the flags speak of (default "+identity.DefaultComponent+")", false)
	for _, o := range options {
		f.add(set, o.flag, o.usage, o.list)
	}
}

func (f Flags) add(set *pflag.FlagSet, name, usage string, list bool) {
	set.VarP(&occurrences{f, name, list}, name, "", usage)
}

func isList(name string) bool {
	for _, o := range options {
		if o.flag == name {
			return o.list
		}
	}
	return false
}

// occurrences keeps what was given for a flag: all of it for a list, else the
// last, as is usual.
type occurrences struct {
	flags Flags
	name  string
	list  bool
}

func (o *occurrences) String() string { return "" }
func (o *occurrences) Type() string   { return "string" }

func (o *occurrences) Set(value string) error {
	if !o.list {
		o.flags[o.name] = nil
	}
	o.flags[o.name] = append(o.flags[o.name], value)
	return nil
}

// EnvName is the environment variable of a flag: SPACES_IDENTITY_ROLE_ARN of
// role-arn.
func EnvName(flag string) string {
	return "SPACES_IDENTITY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// given is what the flag or the environment says, and which of the two. An
// empty environment variable says nothing.
func (f Flags) given(name string, env func(string) string) (values []string, from Origin, ok bool) {
	if values, ok := f[name]; ok {
		return values, Origin{Source: "--" + name}, true
	}
	value := env(EnvName(name))
	if value == "" {
		return nil, Origin{}, false
	}
	values = []string{value}
	if isList(name) {
		values = strings.Split(value, ",")
	}
	return values, Origin{Source: EnvName(name)}, true
}

// Component is the name of the component that the flags speak of, and whether
// the user named it.
func (f Flags) Component(env func(string) string) (name string, named bool) {
	if values, _, ok := f.given(flagComponent, env); ok {
		return last(values), true
	}
	return identity.DefaultComponent, false
}

// Resolve makes the Spec of the file, the environment and the flags. The file
// is the one of --config or SPACES_IDENTITY_CONFIG, which must exist, else
// spaces-identity.yaml in the working directory, if it is there. An error is an
// *Error with all problems.
func (f Flags) Resolve(env func(string) string) (identity.Spec, error) {
	s, err := f.readFile(env)
	if err != nil {
		return identity.Spec{}, err
	}
	f.apply(s, env)
	return s.finish()
}

func (f Flags) readFile(env func(string) string) (*settings, error) {
	values, from, named := f.given(flagConfig, env)
	file := DefaultFile
	if named {
		file = last(values)
	}
	if file == "" {
		return nil, problemAt(from, errors.New("is empty: name a file, or leave the flag out"))
	}
	if _, err := os.Stat(file); !named && errors.Is(err, fs.ErrNotExist) {
		return newSettings(""), nil
	}
	content, err := readFile(file)
	if err != nil {
		return nil, blame(err, from)
	}
	return decode(file, content)
}

// blame says which flag or variable named the file that cannot be read.
func blame(err error, from Origin) error {
	if e, ok := errors.AsType[*Error](err); ok {
		for _, p := range e.Problems {
			p.Origin = from
		}
	}
	return err
}

// apply lays the environment and the flags over the file's settings.
func (f Flags) apply(s *settings, env func(string) string) {
	var ofComponent []option
	for _, o := range options {
		values, from, ok := f.given(o.flag, env)
		switch {
		case !ok:
		case o.component != nil:
			ofComponent = append(ofComponent, o)
		default:
			o.setSpec(s, values, from)
		}
	}
	f.applyToComponent(s, ofComponent, env)
}

// applyToComponent finds the component and sets what was given for it. Naming
// one is enough to have it.
func (f Flags) applyToComponent(s *settings, given []option, env func(string) string) {
	_, named := f.Component(env)
	if len(given) == 0 && !named {
		return
	}
	at := f.chosen(s, given, env)
	for _, o := range given {
		if at >= 0 {
			values, from, _ := f.given(o.flag, env)
			o.setComponent(s, at, values, from)
		}
	}
}

// chosen is the index of the component that the flags speak of, or -1 where
// that is a problem.
func (f Flags) chosen(s *settings, given []option, env func(string) string) int {
	name, named := f.Component(env)
	for i, c := range s.spec.Components {
		if c.Name == name {
			return i
		}
	}
	if !named && len(s.spec.Components) > 0 {
		_, from, _ := f.given(given[0].flag, env)
		s.fail(from, "", fmt.Errorf("for which component? the config lists %s: add --%s NAME",
			strings.Join(names(s.spec.Components), ", "), flagComponent))
		return -1
	}
	return f.addComponent(s, name, env)
}

func (f Flags) addComponent(s *settings, name string, env func(string) string) int {
	at := fmt.Sprintf("components[%d]", len(s.spec.Components))
	_, from, named := f.given(flagComponent, env)
	if named {
		s.origins[at] = from
	}
	if err := identity.ValidateComponentName(name); err != nil {
		s.fail(from, at, err)
		return -1
	}
	s.spec.Components = append(s.spec.Components, identity.Component{Name: name})
	return len(s.spec.Components) - 1
}

func names(components []identity.Component) []string {
	all := make([]string, len(components))
	for i, c := range components {
		all[i] = c.Name
	}
	return all
}

func last(values []string) string { return values[len(values)-1] }
