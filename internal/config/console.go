package config

import (
	"net"
	"net/url"
	"strings"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// Console is the configuration of the operators' console.
type Console struct {
	Common
	Addr         string    // host:port where it listens
	URL          *url.URL  // the console as browsers see it, without a path
	AdminAddr    string    // host:port of /healthz, /readyz and /metrics
	OperatorKeys keys.Ring // sign who acts; none: names are sent as they are
	Keys         keys.Ring // seal session cookies; there unless nobody signs in
	Issuer       string    // OpenID provider; empty: nobody signs in, and names are not checked
	ClientID     string
	ClientSecret Secret   // empty: a public client
	Operators    []string // groups that may act
	RunbooksDir  string   // of runbooks that may be started; empty: none
	TemporalUI   string   // address of Temporal's Web UI, without a slash at its end; empty: it is not linked to
}

// LoadConsole reads the console's configuration. Its error names every variable at fault.
func LoadConsole(lookup Lookup) (Console, error) {
	r := &reader{lookup: lookup}
	c := Console{
		Common:       r.common(),
		Addr:         r.listen("DPA_CONSOLE_ADDR", "127.0.0.1:8092"),
		AdminAddr:    r.listen("DPA_ADMIN_ADDR", "127.0.0.1:9092"),
		OperatorKeys: r.ring("DPA_OPERATOR_KEYS", false),
		Issuer:       r.optional("DPA_OIDC_ISSUER"),
		RunbooksDir:  r.folder("DPA_RUNBOOKS_DIR"),
		TemporalUI:   strings.TrimRight(r.webAddress("DPA_TEMPORAL_UI_URL", ""), "/"),
	}
	c.Keys = r.ring("DPA_CONSOLE_KEYS", c.Issuer != "")
	_, secret := r.valueOrFile("DPA_OIDC_CLIENT_SECRET")
	r.distinct("DPA_OIDC_CLIENT_SECRET", secret)
	c.ClientSecret = Secret{secret}
	address := r.webAddress("DPA_CONSOLE_URL", "http://"+c.Addr)
	if parsed, ok := parseURL(strings.TrimSuffix(address, "/")); ok && parsed.Path == "" {
		c.URL = parsed
	} else if address != "" {
		r.mustBe("DPA_CONSOLE_URL", "an address without a path such as https://console.example", address)
	}
	if host, _, _ := net.SplitHostPort(c.Addr); c.Issuer == "" && !loopback(host) {
		r.fault("DPA_OIDC_ISSUER is not set: without it nobody signs in, and DPA_CONSOLE_ADDR has to be of this machine alone, such as 127.0.0.1:8092")
	}
	if c.Issuer != "" {
		r.signIn(&c)
	}
	if err := r.err(); err != nil {
		return Console{}, err
	}
	return c, nil
}

// signIn reads what is needed to let people sign in.
func (r *reader) signIn(c *Console) {
	issuer := r.webAddress("DPA_OIDC_ISSUER", "")
	if parsed, ok := parseURL(issuer); ok && parsed.Scheme == "http" && !loopback(parsed.Hostname()) && !r.boolean("DPA_ALLOW_HTTP") {
		r.fault("DPA_OIDC_ISSUER: must be https, unless it is of this machine or DPA_ALLOW_HTTP is true")
	}
	c.ClientID = r.required("DPA_OIDC_CLIENT_ID")
	for group := range strings.SplitSeq(r.required("DPA_OIDC_OPERATORS"), ",") {
		c.Operators = append(c.Operators, strings.TrimSpace(group))
	}
	if r.required("DPA_CONSOLE_URL") != "" && c.URL != nil && c.URL.Scheme == "http" && !loopback(c.URL.Hostname()) {
		r.fault("DPA_CONSOLE_URL: must be https, unless it is of this machine: sessions would be open to the network")
	}
}

// webAddress reads that of a page.
func (r *reader) webAddress(name, otherwise string) string {
	value := r.text(name, otherwise)
	if _, ok := parseURL(value); value != "" && !ok {
		r.mustBe(name, "an address such as https://host.example", value)
		return ""
	}
	return value
}
