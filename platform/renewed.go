package platform

import (
	"crypto/tls"
	"net/http"
	"sync"
)

// renewed is a transport that is made anew when the certificates have changed. Requests under way keep the old one.
type renewed struct {
	certificates func() *tls.Config

	mu      sync.Mutex
	made    *tls.Config // what the current one was made with
	current *http.Transport
}

// transport returns the one for a new request.
func (r *renewed) transport() *http.Transport {
	certificates := r.certificates()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil || r.made != certificates {
		if r.current != nil {
			r.current.CloseIdleConnections()
		}
		r.made, r.current = certificates, newTransport(certificates)
	}
	return r.current
}

func (r *renewed) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.transport().RoundTrip(req)
}

func (r *renewed) CloseIdleConnections() { r.transport().CloseIdleConnections() }
