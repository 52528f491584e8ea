// Package pages runs the commands that a page of the documentation shows, and compares what
// they print with what the page shows.
//
// A command is a line "$ command" in a block of the language console. It goes on in the next
// line after a backslash, a pipe or "&&" at the end of a line. Every other line of the block
// is output: what the command writes to standard output and standard error, in the order in
// which it writes. All commands of a page run in one shell session, in a copy of the
// repository. Two rules let a page show less than everything:
//
//   - A line that begins with "…" replaces one or more lines of output. The rest of that
//     line says what they are: "… (the permissions)".
//   - A few values depend on the Helm or on the time, such as the line numbers of a diff.
//     The list varying has them. Whatever value the page shows is right.
//
// A command must succeed, or print a line that begins with "error: " or "Error: ".
//
// A comment line before a block says more about it:
//
//	<!-- Helm 3 -->       only this Helm runs it
//	<!-- run -->          a page of which only some blocks run: this one does
//	<!-- file: NAME -->   the block, of any language, is written to this file
//
// A comment that begins with <!-- cluster: says that the commands below it need a cluster.
//
// The package also tests the pages themselves: their links, the messages that they quote, and
// their lists.
package pages
