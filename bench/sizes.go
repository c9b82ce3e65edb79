package main

import "time"

// sizes say how much is measured.
type sizes struct {
	rounds  int           // that count, after one to warm up
	loads   []load        // of runs
	after   time.Duration // the platform ends an instance so long after its trigger
	counted int           // runs whose events and calls are counted one at a time
}

// load is how many runs there are in a batch, and how many of them at a time.
type load struct{ inFlight, runs int }

var full = sizes{
	rounds:  7,
	loads:   []load{{1, 15}, {10, 120}, {50, 300}},
	after:   50 * time.Millisecond,
	counted: 5,
}

var small = sizes{
	rounds:  1,
	loads:   []load{{1, 2}, {20, 40}},
	after:   50 * time.Millisecond,
	counted: 2,
}
