// Package judges compares what this project writes with the answers of programs that
// others maintain and that take long to build. `make judges` builds the programs and runs
// the tests.
package judges
