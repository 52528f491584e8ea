// Package config reads the settings of spaces-identity: the file
// spaces-identity.yaml, environment variables and flags, of which the later win
// over the earlier.
//
// The file is read strictly. Whatever it holds that the program does not
// understand is an error with file, line and column, and all errors come at
// once. What comes out is an [identity.Spec] with its defaults filled in and
// every value checked.
package config
