package signals

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
)

// UnsignedConfig opens the fixed addresses, POST /callbacks/plan and /callbacks/model, for platforms that cannot call back
// an address of ours. Whoever gets through here can report the end of any instance, so nobody does without one of the two.
type UnsignedConfig struct {
	// Secret has to be given as the query parameter "secret"; empty: need not.
	Secret string
	// From are the peers that may call, as the TCP connection shows them; empty: all who have the secret.
	From []netip.Prefix
}

// admits compares in constant time, and does not say which of the conditions failed. Browsers say which page or site a
// request is from, and platforms are no browsers: a page that is open on a machine of the list must not get through.
func (u *UnsignedConfig) admits(r *http.Request) bool {
	browser := len(r.Header.Values("Origin")) > 0 || len(r.Header.Values("Sec-Fetch-Site")) > 0
	guarded := u.Secret != "" || len(u.From) > 0
	return guarded && !browser && from(u.From, r) && u.knows(r.URL.Query()["secret"])
}

func (u *UnsignedConfig) knows(given []string) bool {
	if u.Secret == "" {
		return true
	}
	if len(given) != 1 {
		return false
	}
	want, got := sha256.Sum256([]byte(u.Secret)), sha256.Sum256([]byte(given[0]))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// from tells whether a request's peer is on a list; an empty one has everybody on it.
func from(list []netip.Prefix, r *http.Request) bool {
	addr := peer(r)
	return len(list) == 0 || slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// peer is the other end of the connection, which may be a proxy; not valid where it is unknown.
func peer(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr().Unmap().WithZone("")
}
