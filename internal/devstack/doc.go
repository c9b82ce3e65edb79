// Package devstack runs the real things on one machine, for tests, the demo
// and development: a Temporal dev server and the programs of this repository.
// Whatever it starts listens on 127.0.0.1 only, and dies with the process that
// started it.
package devstack
