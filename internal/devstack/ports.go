package devstack

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
)

var (
	handedOut   = map[string]bool{}
	handedOutMu sync.Mutex
)

// FreeAddress returns a 127.0.0.1:port that nobody listens on now, and that
// it has not returned before.
func FreeAddress() (string, error) {
	handedOutMu.Lock()
	defer handedOutMu.Unlock()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		if !handedOut[address] {
			handedOut[address] = true
			return address, nil
		}
	}
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
