package main

import "time"

// sizes say how much is measured.
type sizes struct {
	rounds  int           // that count, after one to warm up
	loads   []load        // of runs
	after   time.Duration // the platform ends an instance so long after its trigger
	counted int           // runs whose events and calls are counted one at a time

	callbacks []load // of the bridge
	exchanges int    // rounds of callbacks: many that are short, since the sides differ by less than a machine's moods
	targets   int    // runs that the callbacks are for, of each side
	pairs     int    // callbacks whose latency is compared one by one

	steps   []int  // of runbooks
	waiting []int  // runs
	callers int    // of the platform, at the end of the token that they share
	spooled []load // callbacks
}

var full = sizes{
	rounds:  15,
	loads:   []load{{1, 10}, {10, 60}, {50, 150}},
	after:   50 * time.Millisecond,
	counted: 5,

	callbacks: []load{{1, 16}, {16, 128}, {128, 256}},
	exchanges: 301,
	targets:   200,
	pairs:     1500,

	steps:   []int{1, 10, 50, 100, 200, 500},
	waiting: []int{10, 100, 1000, 10000},
	callers: 1000,
	spooled: []load{{1, 200}, {16, 2000}, {128, 10000}},
}

// served is of a server that somebody else runs, with a database on disk: it does less in the same time.
var served = sizes{
	rounds:  7,
	loads:   []load{{1, 10}, {16, 64}, {64, 192}, {128, 256}},
	after:   50 * time.Millisecond,
	counted: 5,

	callbacks: []load{{1, 16}, {16, 128}, {128, 256}},
	exchanges: 31,
	targets:   200,
	pairs:     500,

	steps:   []int{1, 10, 50, 100, 200, 500},
	waiting: []int{10, 100, 1000, 10000},
	callers: 1000,
	spooled: []load{{1, 200}, {16, 2000}, {128, 10000}},
}

var small = sizes{
	rounds:  1,
	loads:   []load{{1, 2}, {20, 40}},
	after:   50 * time.Millisecond,
	counted: 2,

	callbacks: []load{{1, 50}, {16, 200}},
	exchanges: 1,
	targets:   20,
	pairs:     100,

	steps:   []int{1, 10},
	waiting: []int{10, 50},
	callers: 100,
	spooled: []load{{1, 20}, {16, 200}},
}
