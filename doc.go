// Package dpaflow puts Temporal above an ops-automation platform that runs
// contingency plans and models through a REST API: trigger, wait for the
// callback, fetch the outputs.
//
// This package holds no code. Start from workflows to run plans from your own
// workflows, from runbook to build runbooks in Go, and from worker, starter
// and signals/bridge for the programs.
package dpaflow
