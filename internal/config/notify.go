package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/dpaflow/dpaflow/internal/webhook"
)

// notify reads where notifications go, and how they are signed.
func (r *reader) notify() Notify {
	n := Notify{
		URL:         r.receiver("DPA_NOTIFY_URL"),
		TemporalURL: r.page("DPA_TEMPORAL_UI_URL"),
		ConsoleURL:  r.page("DPA_CONSOLE_URL"),
	}
	secret, set := r.current("DPA_NOTIFY_SECRET")
	switch {
	case !set && r.optional("DPA_NOTIFY_URL") != "":
		r.fault("DPA_NOTIFY_SECRET is not set, nor is DPA_NOTIFY_SECRET_FILE, and goes with DPA_NOTIFY_URL")
	case set && r.optional("DPA_NOTIFY_URL") == "":
		r.fault("DPA_NOTIFY_URL is not set, and goes with DPA_NOTIFY_SECRET")
	}
	if secret == nil {
		return n
	}
	n.Signer = func() (webhook.Signer, error) {
		text, err := secret()
		if err != nil {
			return nil, err
		}
		signer, err := webhook.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("DPA_NOTIFY_SECRET: %w", err)
		}
		return signer, nil
	}
	if text, err := secret(); err == nil { // else that was reported
		if _, err := webhook.Parse(text); err != nil {
			r.fault("DPA_NOTIFY_SECRET: %v", err)
		}
	}
	return n
}

// receiver reads an address that may have a token in it, and is not shown.
func (r *reader) receiver(name string) Secret {
	value := r.optional(name)
	if value == "" {
		return Secret{}
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Contains(value, "#"):
		r.fault("%s: must be https://host[:port]/path, with a query or without", name)
	case u.Scheme == "http" && !loopback(u.Hostname()) && !r.boolean("DPA_ALLOW_HTTP"):
		r.fault("%s: must be https; plain http is for this machine alone, unless it is allowed (DPA_ALLOW_HTTP=true)", name)
	}
	return Secret{value}
}

// page reads the address of pages for people.
func (r *reader) page(name string) string {
	value := strings.TrimRight(r.optional(name), "/")
	if _, ok := parseURL(value); value != "" && !ok {
		r.mustBe(name, "an address such as https://temporal.example", value)
	}
	return value
}
