package cli

// The two ways to parse a command line of the post-renderer, which a test compares.
var (
	ParsePostRender = parsePostRender
	ParseWhole      = parseWhole
)
