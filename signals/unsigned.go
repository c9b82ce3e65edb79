package signals

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// UnsignedConfig opens the fixed URLs, POST /callbacks/plan and /callbacks/model, for platforms that cannot call back
// an address of ours. Whoever gets through here can bring news of any instance, so narrow it as far as the platform allows.
type UnsignedConfig struct {
	// Secret has to be given as the query parameter "secret"; empty: need not.
	Secret string
	// From are the peers that are heard, as the TCP connection shows them; empty: all.
	From []netip.Prefix
}

// admits compares in constant time, and does not say which of the two conditions failed.
func (u *UnsignedConfig) admits(r *http.Request) bool {
	return u.hears(r.RemoteAddr) && u.knows(r.URL.Query()["secret"])
}

func (u *UnsignedConfig) hears(peer string) bool {
	if len(u.From) == 0 {
		return true
	}
	from, err := netip.ParseAddrPort(peer)
	addr := from.Addr().Unmap().WithZone("")
	return err == nil && slices.ContainsFunc(u.From, func(p netip.Prefix) bool { return p.Contains(addr) })
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

// UnsignedURL is the fixed address for a platform that can only call such: base, the bridge's address as the platform
// sees it, followed by /callbacks/{kind}, with the shared secret if there is one.
func UnsignedURL(base string, kind Kind, secret string) string {
	address := strings.TrimRight(base, "/") + "/callbacks/" + string(kind)
	if secret == "" {
		return address
	}
	return address + "?" + url.Values{"secret": {secret}}.Encode()
}
