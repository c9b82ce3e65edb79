// Package telemetry gives the programs their logs, metrics and traces.
package telemetry
