package e2e

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var (
	scale = flag.Float64("scale", 0.05, "size of the fault tests: 1 is the full size")
	seed  = flag.Uint64("seed", 0, "seed of the random choices; 0 takes a new one")
)

// sized returns how many of a fault test's full number to do, at least one.
func sized(full int) int { return max(1, int(float64(full)**scale)) }

// random returns a source of random choices and logs how to repeat them.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("repeat this with: -scale %g -seed %d", *scale, s)
	return rand.New(rand.NewPCG(s, s))
}
