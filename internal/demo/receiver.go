package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"strings"
	"sync"

	"github.com/dpaflow/dpaflow/internal/devstack"
)

// startReceiver starts the example's receiver of notifications, which prints them.
func (s *stack) startReceiver(ctx context.Context) error {
	address, _, err := s.addresses("127.0.0.1:8087", "")
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	s.notifyEnv = []string{
		"DPA_NOTIFY_URL=http://" + address, "DPA_NOTIFY_SECRET=whsec_" + base64.StdEncoding.EncodeToString(secret),
		"DPA_TEMPORAL_UI_URL=" + s.temporal.UIURL,
	}
	s.notified = &notified{out: s.out, asked: make(chan struct{})}
	s.receiver, err = devstack.StartProgram(ctx, devstack.ProgramOptions{
		Program: "examples/notify",
		Env:     []string{"NOTIFY_ADDR=" + address, "NOTIFY_SECRET=" + strings.TrimPrefix(s.notifyEnv[1], "DPA_NOTIFY_SECRET=")},
		Output:  s.notified,
		Listens: address,
	})
	return err
}

// notified shows what people are notified of, and says when somebody is asked for an approval.
type notified struct {
	out   io.Writer
	asked chan struct{}

	mu   sync.Mutex
	line []byte // that has not ended
	seen bool
}

func (n *notified) Write(text []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.line = append(n.line, text...)
	for {
		line, rest, whole := bytes.Cut(n.line, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		n.line = rest
		if _, err := n.out.Write([]byte("  notification | " + string(line) + "\n")); err != nil {
			return 0, err
		}
		if !n.seen && bytes.Contains(line, []byte("waits: approval")) {
			n.seen = true
			close(n.asked)
		}
	}
}
