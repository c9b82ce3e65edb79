package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// newConsole shows people what happens, and takes faults from them. Parameters, bodies
// and callback URLs are not shown.
func newConsole(sim *platformtest.Simulator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simulator", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/simulator/", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /simulator/{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, index) })
	mux.HandleFunc("GET /simulator/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /simulator/executions", func(w http.ResponseWriter, _ *http.Request) { show(w, sim.Executions()) })
	mux.HandleFunc("GET /simulator/requests", func(w http.ResponseWriter, _ *http.Request) { show(w, sim.Requests()) })
	mux.HandleFunc("GET /simulator/callbacks", func(w http.ResponseWriter, _ *http.Request) { show(w, sim.Callbacks()) })
	mux.HandleFunc("POST /simulator/faults", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			platformtest.Fault
			Delay duration `json:"delay"`
		}
		if !read(w, r, &in) {
			return
		}
		in.Fault.Delay = time.Duration(in.Delay)
		if accept(w, in.Fault.Validate()) {
			sim.Inject(in.Fault)
		}
	})
	mux.HandleFunc("POST /simulator/callback-faults", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			platformtest.CallbackFault
			Delay duration `json:"delay"`
		}
		if !read(w, r, &in) {
			return
		}
		in.CallbackFault.Delay = time.Duration(in.Delay)
		if accept(w, in.CallbackFault.Validate()) {
			sim.InjectCallback(in.CallbackFault)
		}
	})
	mux.HandleFunc("DELETE /simulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		sim.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

const index = `A simulated DPA platform. What happened:

GET    /simulator/executions       what it executes, and has executed
GET    /simulator/requests         what it was asked
GET    /simulator/callbacks        how it called back

What shall go wrong:

POST   /simulator/faults           {"endpoint": "P5", "times": 1, "kind": "reset", "afterExecution": true}
POST   /simulator/callback-faults  {"kind": "delay", "delay": "20s"}
DELETE /simulator/faults           nothing any more
`

// duration is written as "1.5s".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

func show(w http.ResponseWriter, list any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(list)
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		http.Error(w, fmt.Sprintf("the body is not a fault: %v", err), http.StatusBadRequest)
		return false
	}
	return true
}

func accept(w http.ResponseWriter, err error) bool {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}
