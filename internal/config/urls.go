package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dpaflow/dpaflow/internal/endpoint"
	"github.com/dpaflow/dpaflow/platform"
)

// address reads that of the platform, or of the bridge as the platform sees it, which may lie under a path of a gateway.
// Both carry what must not be read on the way. URLs are not shown when they are wrong: they may carry a password.
func (r *reader) address(name string) string {
	given := r.required(name)
	if given == "" {
		return ""
	}
	value := strings.TrimRight(given, "/")
	allowHTTP, _ := strconv.ParseBool(r.optional("DPA_ALLOW_HTTP")) // what is no boolean is reported elsewhere
	if err := platform.CheckBaseURL(value, allowHTTP); err != nil {
		r.fault("%s: %v", name, err)
	}
	return value
}

// modelPath reads the path of W3 for all models, which must tell them apart.
func (r *reader) modelPath(name string) string {
	value := r.optional(name)
	if value == "" {
		return ""
	}
	if err := endpoint.CheckExecutePath(value); err != nil {
		r.fault("%s: %v", name, err)
	} else if !strings.Contains(value, endpoint.ModelPlaceholder) {
		r.mustBe(name, "a path on the platform such as /api/…/{modelId}", value)
	}
	return value
}

// parseURL accepts absolute http and https URLs without user, query and
// fragment.
func parseURL(value string) (*url.URL, bool) {
	u, err := url.Parse(value)
	if err != nil || strings.ContainsAny(value, "?#@") {
		return nil, false
	}
	return u, (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// origins reads a list of web origins, as browsers send them.
func (r *reader) origins(name string) []string {
	value := r.optional(name)
	if value == "" {
		return nil
	}
	var list []string
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		if u, ok := parseURL(entry); !ok || entry != u.Scheme+"://"+strings.ToLower(u.Host) {
			r.mustBe(name, "origins such as https://temporal.example,http://127.0.0.1:8233", entry)
		}
		list = append(list, entry)
	}
	return list
}

// prefixes reads a list of addresses and CIDR blocks.
func (r *reader) prefixes(name string) []netip.Prefix {
	value := r.optional(name)
	if value == "" {
		return nil
	}
	var list []netip.Prefix
	for entry := range strings.SplitSeq(value, ",") {
		prefix, err := parsePrefix(strings.TrimSpace(entry))
		if err != nil {
			r.mustBe(name, "addresses or CIDR blocks such as 10.1.2.3,10.2.0.0/16", entry)
		}
		list = append(list, prefix)
	}
	return list
}

// narrows tells whether a list keeps anybody out.
func narrows(list []netip.Prefix) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Bits() == 0 })
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		if mapped := prefix.Addr(); err == nil && mapped.Is4In6() { // peers are compared as IPv4
			return mapped.Unmap().Prefix(prefix.Bits() - 96)
		}
		return prefix, err
	}
	addr, err := netip.ParseAddr(text)
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), err
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
