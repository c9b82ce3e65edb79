package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// sender posts over connections that it keeps, with less to do than an http.Client, which would take as much of the
// machine as the bridge that is to be measured.
type sender struct {
	host string
	mu   sync.Mutex
	idle []*wire
}

// wire is a connection that one request at a time goes over.
type wire struct {
	net.Conn
	in  *bufio.Reader
	out []byte
}

func newSender(base string) (*sender, error) {
	address, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("send callbacks: %w", err)
	}
	return &sender{host: address.Host}, nil
}

// post sends JSON and returns the answer's status and text.
func (s *sender) post(ctx context.Context, address, body string) (status, text string, err error) {
	w, err := s.take(ctx)
	if err != nil {
		return "", "", fmt.Errorf("send a callback: %w", err)
	}
	path := strings.TrimPrefix(address, "http://"+s.host)
	w.out = fmt.Appendf(w.out[:0], "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, s.host, len(body), body)
	if _, err = w.Write(w.out); err == nil {
		status, text, err = w.answer()
	}
	if err != nil {
		return "", "", errors.Join(fmt.Errorf("send a callback: %w", err), w.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, w)
	return status, text, nil
}

func (s *sender) take(ctx context.Context) (*wire, error) {
	s.mu.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		defer s.mu.Unlock()
		w := s.idle[last]
		s.idle = s.idle[:last]
		return w, nil
	}
	s.mu.Unlock()
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", s.host)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: connection, in: bufio.NewReader(connection)}, nil
}

func (w *wire) answer() (status, text string, err error) {
	answer, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return "", "", err
	}
	read, err := io.ReadAll(answer.Body)
	return answer.Status, string(read), errors.Join(err, answer.Body.Close())
}

func (s *sender) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.idle {
		err = errors.Join(err, w.Close())
	}
	s.idle = nil
	return err
}
