package identity

import (
	"errors"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/lazyregexp"
)

// StoredKind is a kind of value that AWS stores for a workload.
type StoredKind string

// The kinds of stored values.
const (
	SecretKind    StoredKind = "secret"    // of AWS Secrets Manager
	ParameterKind StoredKind = "parameter" // of the Parameter Store of AWS Systems Manager
)

// Service returns the name of the kind's service in ARNs, actions and host names.
func (k StoredKind) Service() string {
	if k == ParameterKind {
		return "ssm"
	}
	return "secretsmanager"
}

// Stored names one secret or parameter, by its ARN or by its name. A name is that of a
// value in the account of the role and in the regions of the clusters.
type Stored struct {
	Kind                       StoredKind
	Partition, Region, Account string // empty if the config has only the name
	Name                       string // in the ARN of a secret it ends in a dash and six characters
}

// ByName reports whether the config has only the name.
func (s Stored) ByName() bool { return s.Partition == "" }

// ARN returns the ARN of the value, or a pattern that only its ARN matches. The role and the
// region complete a name. Secrets Manager adds a dash and six random characters to the name
// of a secret. In the ARN of a parameter one slash follows the word parameter, whether the
// name begins with a slash or not.
//
// Source: AWS Secrets Manager User Guide, "Policies that use wildcards"; Service
// Authorization Reference, "AWS Systems Manager: Resource types".
func (s Stored) ARN(role RoleARN, region string) string {
	name := s.Name
	if s.ByName() {
		s.Partition, s.Region, s.Account = role.Partition, region, role.Account
		if s.Kind == SecretKind {
			name += anySuffix
		}
	}
	separator := ":"
	if s.Kind == ParameterKind {
		separator, name = "/", strings.TrimPrefix(name, "/")
	}
	return "arn:" + s.Partition + ":" + s.Kind.Service() + ":" + s.Region + ":" + s.Account + ":" + string(s.Kind) + separator + name
}

// anySuffix matches what Secrets Manager adds to a name.
const anySuffix = "-??????"

const (
	secretExample    = "arn:aws:secretsmanager:us-west-2:123456789012:secret:NAME-AbCdEf"
	parameterExample = "arn:aws:ssm:us-west-2:123456789012:parameter/NAME"
)

func (k StoredKind) example() string {
	if k == ParameterKind {
		return parameterExample
	}
	return secretExample
}

// ParseSecret reads the name or the whole ARN of a secret of AWS Secrets Manager. It rejects
// wildcards, which would match other secrets. The six characters at the end of an ARN may be
// written as ??????.
func ParseSecret(value string) (Stored, error) { return parseStored(SecretKind, value) }

// ParseParameter reads the name, with or without a slash at its start, or the ARN of a
// parameter of the Parameter Store. It rejects wildcards, which would match other
// parameters.
func ParseParameter(value string) (Stored, error) { return parseStored(ParameterKind, value) }

func parseStored(kind StoredKind, value string) (Stored, error) {
	if err := checkPlain(value); err != nil {
		return Stored{}, err
	}
	s := Stored{Kind: kind, Name: value}
	if strings.HasPrefix(value, "arn:") {
		a, err := parseARN(value, kind.Service(), kind.example())
		if err != nil {
			return Stored{}, err
		}
		separator := ":"
		if kind == ParameterKind {
			separator = "/"
		}
		name, ok := strings.CutPrefix(a.Resource, string(kind)+separator)
		if !ok {
			return Stored{}, WithHint("write it like "+kind.example(), "%s is not the ARN of a %s", quote(value), kind)
		}
		s = Stored{kind, a.Partition, a.Region, a.AccountID, name}
		if err := checkOwner(value, s.Partition, s.Account, kind.example()); err != nil {
			return Stored{}, err
		}
	}
	return s, s.check()
}

// suffixForm is what ends the ARN of a secret.
var suffixForm = lazyregexp.New(`-([A-Za-z0-9]{6}|\?{6})$`)

// check checks a value, however it was made.
//
// Source: AWS Secrets Manager API reference, CreateSecret, Name.
func (s Stored) check() error {
	name := s.Name
	if !s.ByName() {
		if err := checkOwner(s.ARN(RoleARN{}, ""), s.Partition, s.Account, s.Kind.example()); err != nil {
			return err
		}
		if err := ValidateRegion(s.Region); err != nil {
			return fmt.Errorf("%s has no valid region: %w", quote(s.ARN(RoleARN{}, "")), err)
		}
		suffix := suffixForm.Get().FindString(name)
		if s.Kind == SecretKind && suffix == "" {
			return WithHint("write the whole ARN, which ends in a dash and six characters, or only the name",
				"%s is not the whole ARN of a secret", quote(s.ARN(RoleARN{}, "")))
		}
		if s.Kind == SecretKind {
			name = strings.TrimSuffix(name, suffix)
		}
	}
	if err := checkNoWildcard(name, "the role could read other values"); err != nil {
		return err
	}
	if err := s.checkName(name); err != nil {
		return fmt.Errorf("%s is not the name of a %s: it %w", quote(name), s.Kind, err)
	}
	return nil
}

// checkName checks the characters and the length of a name.
//
// Source: AWS Secrets Manager API reference, CreateSecret, Name; AWS Systems Manager User
// Guide, "Creating Parameter Store parameters".
func (s Stored) checkName(name string) error {
	most, set, words := 512, alnum+"/_+=.@-", "letters, digits and /_+=.@-"
	if s.Kind == ParameterKind {
		most, set, words = 1011, alnum+"/_.-", "letters, digits and /_.-"
		const mostLevels = 15
		switch {
		case strings.Contains(name, "//"), strings.HasSuffix(name, "/"):
			return WithHint("write one slash between two parts, and none at the end", "has a part without a name")
		case !s.ByName() && strings.HasPrefix(name, "/"):
			return WithHint("write it like "+parameterExample, "has two slashes at its start")
		case strings.Count(strings.TrimPrefix(name, "/"), "/") >= mostLevels:
			return fmt.Errorf("has more than %d levels", mostLevels)
		}
	}
	if name == "" {
		return errors.New("is empty")
	}
	if len(name) > most {
		return fmt.Errorf("has %d characters, up to %d are allowed", len(name), most)
	}
	if r, bad := notIn(name, set); bad {
		return fmt.Errorf("has %q, only %s are allowed", r, words)
	}
	return nil
}
