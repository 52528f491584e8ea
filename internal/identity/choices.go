package identity

import (
	"fmt"
	"slices"
	"strings"
)

// ParseMode reads a mode: irsa, pod-identity or both.
func ParseMode(value string) (Mode, error) {
	err := checkChoice(value, string(IRSA), string(PodIdentity), string(Both))
	return Mode(value), err
}

// FailurePolicy is what the API server does with an object where it cannot
// evaluate an admission policy.
type FailurePolicy string

// The failure policies, as Kubernetes names them.
const (
	FailureIgnored FailurePolicy = "Ignore" // the object goes through without the identity
	FailureFails   FailurePolicy = "Fail"   // the object is refused
)

// ParseFailurePolicy reads a failure policy: Ignore or Fail.
func ParseFailurePolicy(value string) (FailurePolicy, error) {
	err := checkChoice(value, string(FailureIgnored), string(FailureFails))
	return FailurePolicy(value), err
}

// ValidateEncoding checks how a place holds its text: yaml, json, base64 or
// none (a mapping of the document itself).
func ValidateEncoding(value string) error {
	return checkChoice(value, "yaml", "json", "base64", "none")
}

// ValidateHolds checks what a place holds: values with the component's path, the
// component's settings alone, its service account's annotations or its pods'
// labels.
func ValidateHolds(value string) error {
	return checkChoice(value, "values", "settings", "annotations", "podLabels")
}

func checkChoice(value string, choices ...string) error {
	if err := checkPlain(value); err != nil {
		return err
	}
	if slices.Contains(choices, value) {
		return nil
	}
	last := len(choices) - 1
	list := strings.Join(choices[:last], ", ") + " or " + choices[last]
	return fmt.Errorf("%s is not one of the choices%s: write %s", quote(value), didYouMean(value, choices), list)
}

// ValidateQuota checks the length that a trust policy may have, in characters.
// AWS starts at 2,048 and raises it on request; the bounds only catch slips.
func ValidateQuota(characters int) error {
	const least, most = 256, 65536
	if characters < least || characters > most {
		return fmt.Errorf("%d characters is no length for a trust policy: write %d to %d (AWS starts at %d)",
			characters, least, most, DefaultTrustPolicyQuota)
	}
	return nil
}

// ValidateArtifactsDir checks the directory of the artifacts, relative to the
// working directory, or the word none.
func ValidateArtifactsDir(dir string) error {
	if err := checkPlain(dir); err != nil {
		return err
	}
	if strings.ContainsRune(dir, 0) {
		return fmt.Errorf("%s has a NUL byte: write the path of a directory, or none", quote(dir))
	}
	return nil
}
