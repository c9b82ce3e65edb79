// Package runbook is the runbook document: what a person or a program writes down to have plans and
// models of the platform run in order, with approvals, waits, conditions and rollbacks in between. It
// reads the document from YAML and JSON (Parse) or takes it from Go (New), finds everything that is
// wrong with it before anything starts, compiles its expressions (Compile), and knows which step may
// come next (Graph).
//
// Everything here is a pure function of its arguments, and gives the same for the same: workflows call
// it, and are replayed.
package runbook
