package check

// About describes a rule. The name never changes, because users write it into scripts.
type About struct {
	Name    string `json:"name"`
	Summary string `json:"summary"` // what it finds, without a full stop
}

// Rule finds one kind of mistake.
type Rule interface {
	About() About
	find(in *input) []Finding
}

// Rules returns all rules. To add one, write a type, list it here, and describe it in
// docs/check.md with the incident that it prevents.
func Rules() []Rule {
	return []Rule{
		BadConfig{}, BadSyntax{}, // a file that cannot be read
		MisspeltKey{}, MisplacedKey{}, BadRole{}, BadWebhookValue{}, NotAString{}, // annotations and labels
		StraySpace{}, UnknownKey{}, UnescapedDots{}, BracketKey{}, BadArgument{}, RoleConflict{}, BillingSecret{}, // values
		StaticCredentials{}, SDKAuth{}, StoreWithToken{}, // objects
		BadPolicy{}, LiteralWildcard{}, AudienceAlone{}, NoAudience{}, WrongAudience{}, EveryNamespace{}, OpenPodIdentity{}, MissingAction{}, // policies
	}
}
