package config

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/dpaflow/dpaflow/platform"
)

// baseURL reads the platform's address. URLs are not shown when they are
// wrong: they may carry a password.
func (r *reader) baseURL(name string, allowHTTP bool) string {
	value := r.required(name)
	if value == "" {
		return ""
	}
	u, ok := parseURL(value)
	switch {
	case !ok || strings.Trim(u.EscapedPath(), "/") != "":
		r.fault("%s: wants https://host or https://host:port, and nothing behind it", name)
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		r.fault("%s: wants https (plain http only for loopback hosts, or with DPA_ALLOW_HTTP=true)", name)
	}
	return strings.TrimRight(value, "/")
}

// callbackURL reads the bridge's address, which may lie under a path of a
// reverse proxy.
func (r *reader) callbackURL(name string) string {
	value := r.required(name)
	if value == "" {
		return ""
	}
	if _, ok := parseURL(value); !ok {
		r.fault("%s: wants http(s)://host[:port][/path], without query or fragment", name)
	}
	return strings.TrimRight(value, "/")
}

// modelPath reads the path of W3 for all models, which must tell them apart.
func (r *reader) modelPath(name string) string {
	value := r.optional(name)
	if value == "" {
		return ""
	}
	if err := platform.CheckExecutePath(value); err != nil {
		r.fault("%s: %v", name, err)
	} else if !strings.Contains(value, "{modelId}") {
		r.wants(name, "a path on the platform such as /api/…/{modelId}", value)
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
			r.wants(name, "origins such as https://temporal.example,http://127.0.0.1:8233", entry)
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
			r.wants(name, "addresses or CIDR blocks such as 10.1.2.3,10.2.0.0/16", entry)
		}
		list = append(list, prefix)
	}
	return list
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
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
