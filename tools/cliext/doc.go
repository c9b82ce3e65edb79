// Package cliext holds the global and the connection flags of the Temporal
// command line, and what it makes of them: a logger and a client's options.
//
// It stands in for the module of that name, which github.com/temporalio/cli
// requires but which no module proxy serves: the command line's repository
// joins it by a replace that holds only there. It is written from what the
// command line does with it, and from the flags' documentation; extensions of
// the command line are not supported.
package cliext
