package main

import (
	"os"
	"slices"

	"github.com/prometheus/procfs"
)

// CPU is the CPU time of one of many, in milliseconds. A machine that is busy with other things hardly changes it.
// There is none where there is no /proc.
type CPU struct {
	Process float64 `json:"process"` // of this process: workers, bridge, platform and load
	Server  float64 `json:"server"`  // of Temporal, and of its database where that is a process of its own
}

// elsewhere are the names of the processes that a Temporal server is made of that somebody else runs here.
var elsewhere = []string{"temporal-server", "postgres"}

// used returns what this process and Temporal's have used up, in milliseconds.
func used() (cpu CPU) {
	processes, err := procfs.AllProcs()
	if err != nil {
		return CPU{}
	}
	for _, p := range processes {
		stat, err := p.Stat()
		switch {
		case err != nil: // it has ended
		case stat.PID == os.Getpid():
			cpu.Process = 1000 * stat.CPUTime()
		case stat.PPID == os.Getpid() || slices.Contains(elsewhere, stat.Comm):
			cpu.Server += 1000 * stat.CPUTime()
		}
	}
	return cpu
}

// since is what was used up between two moments, for each of n.
func (c CPU) since(before CPU, n int) CPU {
	return CPU{Process: (c.Process - before.Process) / float64(n), Server: (c.Server - before.Server) / float64(n)}
}

func (c CPU) total() float64 { return c.Process + c.Server }

// typical are the medians of several rounds.
func typical(rounds []CPU) CPU {
	var process, server []float64
	for _, c := range rounds {
		process, server = append(process, c.Process), append(server, c.Server)
	}
	return CPU{median(process), median(server)}
}

func totals(rounds []CPU) (totals []float64) {
	for _, c := range rounds {
		totals = append(totals, c.total())
	}
	return totals
}
