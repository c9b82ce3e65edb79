package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/dpaflow/dpaflow/internal/config"
)

// signIn lets people in by OpenID Connect.
type signIn struct {
	cfg     config.Console
	cookies cookies

	mu       sync.Mutex
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
}

// pending is a sign-in that is under way, in a cookie of its own.
type pending struct {
	State, Nonce, Verifier, To string
	Until                      time.Time
}

// pendingLasts is how long somebody may take to sign in at the provider.
const pendingLasts = 10 * time.Minute

// discover asks the provider where its pages and keys are, until it has answered once.
func (s *signIn) discover(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verifier != nil {
		return nil
	}
	// What is kept of the context outlives this request: it fetches keys later on.
	provider, err := oidc.NewProvider(bounded(context.WithoutCancel(ctx)), s.cfg.Issuer)
	if err != nil {
		return fmt.Errorf("ask the OpenID provider where people sign in: %w; check DPA_OIDC_ISSUER and that it is reached", err)
	}
	s.oauth = oauth2.Config{
		ClientID: s.cfg.ClientID, ClientSecret: s.cfg.ClientSecret.Reveal(), Endpoint: provider.Endpoint(),
		RedirectURL: s.cfg.URL.JoinPath("signed-in").String(), Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
	s.provider, s.verifier = provider, provider.Verifier(&oidc.Config{ClientID: s.cfg.ClientID})
	return nil
}

// bounded keeps a provider that does not answer from holding a request.
func bounded(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, &http.Client{Timeout: 10 * time.Second})
}

// begin sends the browser to the provider, and remembers where it wanted to go.
func (s *signIn) begin(w http.ResponseWriter, r *http.Request) error {
	if err := s.discover(r.Context()); err != nil {
		return failure{http.StatusBadGateway, err}
	}
	p := pending{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), local(r.FormValue("to")), time.Now().Add(pendingLasts)}
	if err := s.cookies.set(w, "pending", p, pendingLasts); err != nil {
		return err
	}
	http.Redirect(w, r, s.oauth.AuthCodeURL(p.State, oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier)), http.StatusSeeOther)
	return nil
}

// finish takes what the provider sends the browser back with.
func (s *signIn) finish(w http.ResponseWriter, r *http.Request) (session, error) {
	refused := func(format string, args ...any) (session, error) {
		return session{}, failure{http.StatusForbidden, fmt.Errorf(format+"; sign in again", args...)}
	}
	var p pending
	err := s.cookies.get(r, "pending", &p)
	s.cookies.drop(w, "pending")
	switch {
	case err != nil, time.Now().After(p.Until), subtle.ConstantTimeCompare([]byte(p.State), []byte(r.FormValue("state"))) != 1:
		return refused("this sign-in was not begun in this browser, or too long ago")
	case r.FormValue("error") != "":
		return refused("the OpenID provider lets you not in: %.200q", r.FormValue("error"))
	}
	if err := s.discover(r.Context()); err != nil {
		return session{}, failure{http.StatusBadGateway, err}
	}
	token, err := s.oauth.Exchange(bounded(r.Context()), r.FormValue("code"), oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return session{}, failure{http.StatusBadGateway, fmt.Errorf("get the identity from the OpenID provider: %w", err)}
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := s.verifier.Verify(bounded(r.Context()), raw)
	if err != nil || id.Nonce != p.Nonce {
		return refused("the identity is not one that the OpenID provider gave for this sign-in")
	}
	claims, err := s.claims(r.Context(), id, token)
	if err != nil {
		return refused("the identity cannot be read: %w", err)
	}
	now := session{
		Subject: id.Subject, Name: cmp.Or(claims.Name, id.Subject), Until: time.Now().Add(sessionLasts),
		MayAct: slices.ContainsFunc(claims.Groups, func(group string) bool { return slices.Contains(s.cfg.Operators, group) }),
	}
	if err := s.cookies.set(w, "session", now, sessionLasts); err != nil {
		return session{}, err
	}
	http.Redirect(w, r, p.To, http.StatusSeeOther)
	return now, nil
}

// claims are what is known of somebody besides the subject.
type claims struct {
	Name   string   `json:"preferred_username"`
	Groups []string `json:"groups"`
}

// claims reads them from the identity, and asks the provider for those that it leaves out there.
func (s *signIn) claims(ctx context.Context, id *oidc.IDToken, token *oauth2.Token) (claims, error) {
	var said, more claims
	if err := id.Claims(&said); err != nil {
		return said, err
	}
	if said.Name != "" && said.Groups != nil || s.provider.UserInfoEndpoint() == "" {
		return said, nil
	}
	info, err := s.provider.UserInfo(bounded(ctx), oauth2.StaticTokenSource(token))
	if err != nil {
		return said, err
	}
	if info.Subject != id.Subject {
		return said, errors.New("the provider speaks of somebody else")
	}
	if err := info.Claims(&more); err != nil {
		return said, err
	}
	return claims{cmp.Or(said.Name, more.Name), append(said.Groups, more.Groups...)}, nil
}

// local is a page of the console, whatever somebody wrote into a link.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
