package platformtest

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// serveFault answers a call as the fault says.
func (s *Simulator) serveFault(w http.ResponseWriter, c *call, request *Request, f Fault) {
	answer := reply{http.StatusOK, 200, message(c), json.RawMessage("[]")}
	if f.AfterExecution {
		answer = s.answer(c)
	}
	if f.Held != nil {
		select {
		case <-f.Held:
		case <-s.life.Done():
			panic(http.ErrAbortHandler)
		}
	}
	status := func(fallback int) int { return cmp.Or(f.Status, fallback) }
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")

	switch f.Kind {
	case FaultCode:
		s.answered(request, status(200), f.Code, f.Kind)
		w.WriteHeader(status(200))
		_, _ = w.Write(reply{code: f.Code, message: "injected"}.envelope())
	case FaultData:
		s.answered(request, 200, 200, f.Kind)
		_, _ = w.Write(reply{code: 200, message: message(c), data: f.Data}.envelope())
	case FaultStatus:
		s.answered(request, status(502), 0, f.Kind)
		http.Error(w, "upstream failed", status(502))
	case FaultEmpty:
		s.answered(request, status(200), 0, f.Kind)
		w.WriteHeader(status(200))
	case FaultHTML:
		s.answered(request, status(200), 0, f.Kind)
		send(w, status(200), "text/html", []byte("<html><body><h1>Please log in</h1></body></html>\n"))
	case FaultRedirect:
		s.answered(request, status(307), 0, f.Kind)
		w.Header().Set("Location", cmp.Or(f.Location, c.RequestURI))
		w.WriteHeader(status(307))
	case FaultTruncated:
		s.answered(request, answer.status, answer.code, f.Kind)
		body := answer.envelope()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.status)
		_, _ = w.Write(body[:len(body)/2])
	case FaultSlowBody:
		s.answered(request, answer.status, answer.code, f.Kind)
		w.WriteHeader(answer.status)
		s.dribble(w, c, answer.envelope(), f.Delay)
	case FaultDelay:
		if !s.sleep(s.life, f.Delay) {
			panic(http.ErrAbortHandler)
		}
		if !f.AfterExecution {
			answer = s.answer(c)
		}
		s.answered(request, answer.status, answer.code, f.Kind)
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.envelope())
	case FaultHang:
		if f.Delay > 0 {
			s.sleep(c.Context(), f.Delay)
		} else {
			s.sleepForever(c)
		}
		s.answered(request, 0, 0, f.Kind)
		panic(http.ErrAbortHandler)
	case FaultReset:
		s.answered(request, 0, 0, f.Kind)
		reset(w)
	}
}

// dribble spreads a body over the time given, in ten pieces.
func (s *Simulator) dribble(w http.ResponseWriter, c *call, body []byte, over time.Duration) {
	for piece := range slices.Chunk(body, len(body)/10+1) {
		if !s.sleep(c.Context(), over/10) {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(piece)
		_ = http.NewResponseController(w).Flush()
	}
}

func (s *Simulator) sleepForever(c *call) {
	select {
	case <-c.Context().Done():
	case <-s.life.Done():
	}
}

// reset ends the connection with an RST instead of a FIN.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// delivery is one callback, and how long after the previous one.
type delivery struct {
	status string
	delay  time.Duration
}

func has(faults []CallbackFault, kind CallbackKind) bool {
	return slices.ContainsFunc(faults, func(f CallbackFault) bool { return f.Kind == kind })
}

// applyCallbackFaults turns one change of status into the callbacks that tell of it.
func applyCallbackFaults(faults []CallbackFault, status string) []delivery {
	list := []delivery{{status: status}}
	for _, f := range faults {
		switch {
		case f.Kind == CallbackDrop, f.Kind == CallbackDropEnd && ended(status):
			list = nil
		case f.Kind == CallbackDuplicate && len(list) > 0:
			list = slices.Concat(list, slices.Repeat(list[len(list)-1:], max(1, f.Count)))
		case f.Kind == CallbackContradict && ended(status):
			list = append(list, delivery{status: opposite(status)})
		}
		for i := range list {
			switch f.Kind {
			case CallbackDelay:
				list[i].delay += f.Delay
			case CallbackStatus:
				list[i].status = f.Status
			}
		}
	}
	return list
}

func opposite(status string) string {
	if status == Success {
		return Fail
	}
	return Success
}

// holdAnswer waits, if a fault says so, until the callbacks have overtaken the answer.
func (s *Simulator) holdAnswer(c *call, r *run) {
	if !has(r.faults, CallbackBeforeAnswer) {
		return
	}
	select {
	case <-r.delivered:
	case <-c.Context().Done():
	case <-s.life.Done():
	}
}
