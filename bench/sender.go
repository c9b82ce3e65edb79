package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
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

// answer reads an answer whose length is told, which is all that the bridge gives.
func (w *wire) answer() (status, text string, err error) {
	length := -1
	for {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			return "", "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && string(name) == "Content-Length" {
			length, err = strconv.Atoi(string(value))
			if err != nil {
				return "", "", err
			}
		} else if !ok {
			status = string(line)
		}
	}
	if length < 0 {
		return "", "", fmt.Errorf("the answer %q does not tell its length", status)
	}
	body := make([]byte, length)
	_, err = io.ReadFull(w.in, body)
	return status, string(body), err
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
