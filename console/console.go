package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/internal/runs"
)

// console serves the pages.
type console struct {
	cfg       config.Console
	temporal  client.Client
	converter converter.DataConverter
	namespace string
	log       *slog.Logger
	pages     *pages
	signIn    *signIn
	cookies   cookies

	listed    *recent[[]runs.Run]
	reports   *recent[report.Report]
	documents *recent[drawable]
	read      *recent[any] // what the platform has

	stopping context.Context
	stop     context.CancelFunc
	served   metric.Float64Histogram
	acted    metric.Int64Counter
}

func newConsole(cfg config.Console, temporal *connect.Client, log *slog.Logger, meters metric.MeterProvider) (*console, error) {
	all, err := newPages()
	if err != nil {
		return nil, err
	}
	if cfg.Keys.None() {
		if cfg.Keys, err = randomRing(); err != nil {
			return nil, err
		}
	}
	meter := meters.Meter("dpaflow")
	served, err := meter.Float64Histogram("dpaflow_console_requests", metric.WithUnit("s"), metric.WithDescription("Pages of the console, by page and status"))
	if err != nil {
		return nil, err
	}
	acted, err := meter.Int64Counter("dpaflow_console_actions", metric.WithDescription("What operators did by the console, by action and outcome"))
	if err != nil {
		return nil, err
	}
	sealed := cookies{cfg.Keys, cfg.URL.Scheme == "https"}
	c := &console{
		cfg: cfg, temporal: temporal, converter: temporal.Converter, namespace: temporal.Namespace, log: log, pages: all, cookies: sealed,
		signIn: &signIn{cfg: cfg, cookies: sealed}, served: served, acted: acted,
		listed: newRecent[[]runs.Run](fresh), reports: newRecent[report.Report](fresh), documents: newRecent[drawable](time.Hour), read: newRecent[any](time.Minute),
	}
	c.stopping, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// failure is an error with its HTTP status.
type failure struct {
	status int
	err    error
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// handler is the console with everything in front of it.
func (c *console) handler() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, serve func(http.ResponseWriter, *visit) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, pattern, serve) })
	}
	page("GET /{$}", c.showRuns)
	page("GET /live", c.liveRuns)
	page("GET /run", c.showRun)
	page("GET /run/live", c.liveRun)
	page("GET /run/graph.svg", c.showGraph)
	page("GET /run/step", c.showStep)
	page("GET /run/report", c.showReport)
	page("GET /run/report.md", c.downloadReport)
	page("GET /run/act", c.confirm)
	page("POST /run/act", c.act)
	page("GET /start", c.offer)
	page("GET /start/form", c.form)
	page("POST /start", c.start)
	mux.HandleFunc("GET /sign-in", c.beginSignIn)
	mux.HandleFunc("GET /signed-in", c.finishSignIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.Handle("GET /static/", http.StripPrefix("/static/", static()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, failure{http.StatusNotFound, errors.New("there is no such page")})
	})
	return c.guarded(http.MaxBytesHandler(compressed(mux), maxForm))
}

// maxForm bounds what a form may hold.
const maxForm = 1 << 20

// guarded keeps other pages, and other names of this machine, from using the console through somebody's browser.
func (c *console) guarded(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, failure{http.StatusForbidden, errors.New("this form was sent by a page of another site: open the console's own page, and act there")})
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if c.cfg.URL.Scheme == "https" {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !c.ours(r.Host) {
			http.Error(w, "the console is at "+c.cfg.URL.String()+" (DPA_CONSOLE_URL)", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours reports whether a host is the console's: a stranger's name may lead to this machine too.
func (c *console) ours(host string) bool {
	if host == c.cfg.URL.Host {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	address := net.ParseIP(name)
	return c.cfg.Issuer == "" && (name == "localhost" || address != nil && address.IsLoopback())
}

// visit is a request of somebody who may see what is shown.
type visit struct {
	*http.Request
	session  session
	language string
}

// serve answers a request for a page of somebody who has signed in.
func (c *console) serve(w http.ResponseWriter, r *http.Request, pattern string, serve func(http.ResponseWriter, *visit) error) {
	began, status := time.Now(), &watched{ResponseWriter: w, status: http.StatusOK}
	v := &visit{Request: r, language: languageOf(r)}
	if err := c.identify(v); err != nil {
		to := "/"
		if r.Method == http.MethodGet {
			to = r.URL.RequestURI()
		}
		// No redirect: after a form, browsers follow none to the provider, which form-action does not name.
		_ = c.pages.write(w, http.StatusUnauthorized, "sign-in", page{Language: v.language, Title: "Sign in", Data: link("/sign-in", "to", to)})
		return
	}
	if err := serve(status, v); err != nil {
		c.refuse(status, r, err)
	}
	c.served.Record(r.Context(), time.Since(began).Seconds(), metric.WithAttributes(
		attribute.String("page", pattern), attribute.String("status", strconv.Itoa(status.status))))
}

// identify finds out who asks. Without an issuer that is nobody in particular, who may do everything.
func (c *console) identify(v *visit) error {
	if c.cfg.Issuer == "" {
		v.session = session{MayAct: true}
		return nil
	}
	if err := c.cookies.get(v.Request, "session", &v.session); err != nil {
		return err
	}
	if time.Now().After(v.session.Until) {
		return errors.New("the session has ended")
	}
	return nil
}

func (c *console) beginSignIn(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Issuer == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	} else if err := c.signIn.begin(w, r); err != nil {
		c.refuse(w, r, err)
	}
}

func (c *console) finishSignIn(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Issuer == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	now, err := c.signIn.finish(w, r)
	if err != nil {
		c.refuse(w, r, err)
		return
	}
	c.log.Info("somebody signed in", "name", now.Name, "subject", now.Subject, "may_act", now.MayAct)
}

func (c *console) signOut(w http.ResponseWriter, r *http.Request) {
	c.cookies.drop(w, "session")
	_ = c.pages.write(w, http.StatusOK, "signed-out", page{Language: languageOf(r), Title: "Signed out", Unchecked: c.cfg.Issuer == ""})
}

// refuse shows why something is not done.
func (c *console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	var known failure
	if errors.As(err, &known) {
		status = known.status
	}
	if r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	if status >= http.StatusInternalServerError {
		c.log.Warn("a page could not be shown", "path", r.URL.Path, "error", err)
	}
	_ = c.pages.write(w, status, "refused", page{Language: languageOf(r), Title: "This cannot be shown", Unchecked: c.cfg.Issuer == "", Data: err.Error()})
}

// page is what every page shows, besides its own.
type page struct {
	Language  string
	Title     string // translated, unless Name is set
	Name      string // of a run or a runbook
	User      string
	MayAct    bool
	Unchecked bool // names are not
	Live      string
	Data      any
}

// page fills in who looks at it.
func (c *console) page(v *visit, title string, data any) page {
	return page{
		Language: v.language, Title: title, User: v.session.Name, MayAct: v.session.MayAct, Unchecked: c.cfg.Issuer == "", Data: data,
	}
}

func (c *console) mayAct(v *visit) error {
	if !v.session.MayAct {
		return failure{http.StatusForbidden, fmt.Errorf("%s may look, and not act: none of the groups is among DPA_OIDC_OPERATORS", v.session.Name)}
	}
	return nil
}
