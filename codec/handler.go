package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/sdk/converter"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/encryption"
)

// maxBody holds as many payloads as Temporal puts into one message (4 MiB), in base64.
const maxBody = 8 << 20

// newHandler answers POST …/encode and …/decode, each a list of payloads in JSON, to whom the
// configuration admits.
func newHandler(cfg config.Codec) (http.Handler, error) {
	codec, err := encryption.New(cfg.EncryptionKeys, noop.NewMeterProvider())
	if err != nil {
		return nil, fmt.Errorf("%w; check DPA_ENCRYPTION_KEYS", err)
	}
	payloads := http.MaxBytesHandler(converter.NewPayloadCodecHTTPHandler(codec.ForPeople()), maxBody)
	return browsers(cfg.Origins, callers(cfg.Token, payloads)), nil
}

// browsers refuses pages of other origins. A page that got the name of this machine for its own (DNS
// rebinding) sends that name as its origin, and is refused as well.
func browsers(origins []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Vary", "Origin")
		origin := r.Header.Get("Origin")
		switch {
		case origin == "":
			next.ServeHTTP(w, r)
			return
		case !slices.Contains(origins, origin):
			http.Error(w, "pages of this origin are not among DPA_CODEC_ORIGINS", http.StatusForbidden)
			return
		}
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true") // for a proxy in front that knows people by cookies
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Methods", http.MethodPost)
		// Which headers the Web UI sends depends on its version and on how people log in.
		header.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		w.WriteHeader(http.StatusNoContent)
	})
}

// callers refuses those without the token, if there is one.
func callers(token config.Secret, next http.Handler) http.Handler {
	if token.Reveal() == "" {
		return next
	}
	want := sha256.Sum256([]byte(token.Reveal()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given)) // of one length, so that comparing tells nothing
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send DPA_CODEC_TOKEN as Authorization: Bearer …", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
