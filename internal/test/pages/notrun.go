package pages

// NotRunInReadme returns the commands of the README that its tests leave out, and why.
func NotRunInReadme() map[string]string {
	return map[string]string{
		"make demo":                           "TestDemo of internal/plugin runs it, with each Helm.",
		"make test":                           "It runs these tests.",
		"curl -fsSLO https://":                "The project has no public address. TestInstall of internal/release downloads from a server of its own.",
		"helm plugin install https://":        "TestInstall of internal/release installs a release from a server of its own.",
		"helm plugin install --keyring relea": "TestInstall of internal/release installs a signed release from a server of its own.",
	}
}

// NotRunInWalkThrough returns the commands of docs/walk-through.md that its tests leave out,
// and why.
func NotRunInWalkThrough() map[string]string {
	return map[string]string{
		"kubectl apply -n team -f identity-artifacts/": "The tests build no kubectl. They create the objects of the file.",
	}
}
