// Package artifact replaces files of a directory as a set. Each file is first
// written under a temporary name in the same directory, and then renamed. A reader
// sees the old file or the new one, and never a part of one. That holds even if several
// runs write at the same time or a run is killed.
//
// The content is flushed to the disk before the rename, so a crash of the machine
// leaves no empty file under the final name. A file that already has the content is
// not written again and keeps its modification time.
//
// The package writes nothing outside the directory. The user may give a symbolic
// link to the directory. A link at the name of an artifact is replaced, not followed.
//
// A run that is killed leaves files named .spaces-identity-<time>-<random>.tmp. The
// next run that succeeds removes those older than an hour.
package artifact
