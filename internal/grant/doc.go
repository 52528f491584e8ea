// Package grant writes what a component is granted in AWS in the form in which a
// team applies it: plain JSON, a script of aws commands, Terraform, or custom
// resources of Crossplane. Every form of a part says the same.
//
// A form is a function in a file of its own and an entry in the list of forms.
// All names and documents are data to it: it encodes each of them in its own
// language, so nothing from a config can become code there.
package grant
