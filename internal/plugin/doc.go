// Package plugin is what makes the program a plugin of Helm: the hook that
// installs it, the companion that Helm 4 wants for --post-renderer, and the
// tests that run both with the real Helm 3 and Helm 4. It has no code of its
// own; plugin.yaml stands at the root of the repository, where Helm looks.
package plugin
