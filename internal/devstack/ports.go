package devstack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

var (
	handedOut   = map[string]bool{}
	handedOutMu sync.Mutex
)

// The ports of FreeAddress lie below those that systems hand out by themselves: nobody else gets one by chance before
// it is used, however long that takes on a busy machine.
const (
	firstPort = 20000
	portCount = 12000
)

// FreeAddress returns a 127.0.0.1:port that nobody listens on now, and that
// it has not returned before.
func FreeAddress() (string, error) {
	handedOutMu.Lock()
	defer handedOutMu.Unlock()
	var taken error
	for range portCount {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(portCount)))
		if handedOut[address] {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			taken = err
			continue
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		handedOut[address] = true
		return address, nil
	}
	return "", fmt.Errorf("find a free port from %d to %d: %w", firstPort, firstPort+portCount-1, taken)
}

// Preferred returns the address if nobody listens on it now, and otherwise a
// free one.
func Preferred(address string) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return FreeAddress()
	}
	if err := listener.Close(); err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return address, nil
}

// environment is this process's own without the variables that the programs
// and Temporal's tools read, plus those given as NAME=value: what somebody has
// set up for real work must not reach a test.
func environment(more []string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "DPA_") && !strings.HasPrefix(entry, "TEMPORAL_") {
			env = append(env, entry)
		}
	}
	return append(append(env, "TEMPORAL_CONFIG_FILE="+os.DevNull), more...)
}
