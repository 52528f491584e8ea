// Package artifact writes the files of a directory whole: each is staged under
// another name beside its own, and a rename puts it into place. Whoever reads
// sees the old file or the new one, never a part, whatever runs at the same
// time and whenever a run is killed.
//
// What is staged is flushed to the disk before the rename, so that a crash of
// the machine leaves no empty file under the right name either. A file that has
// its content already is left alone, with its time.
//
// Nothing is written outside the directory: the directory may be reached by a
// symbolic link, which is the user's choice, but a link that stands where an
// artifact goes is replaced, not followed.
//
// A killed run leaves files named .spaces-identity-<time>-<random>.tmp. A
// later run that succeeds takes those away that are older than an hour.
package artifact
