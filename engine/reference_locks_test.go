package engine

import "github.com/dpaflow/dpaflow/runbook"

// lock: a runbook asks for its lock, unless one around it has that.
func (m *reference) lock(b *book, key string) {
	if b.doc.Lock == nil {
		return
	}
	for around := b.outer(); around != nil; around = around.outer() {
		if around.lock == b.doc.Lock.Name {
			return
		}
	}
	b.lock, b.lockIs = b.doc.Lock.Name, "waiting"
	if key != "" {
		m.do("asks for %s as %s", b.lock, key)
	}
}

func (m *reference) lockAnswered(event LockAnswered) {
	b := m.top
	if event.Key != "" {
		c, _ := m.running(event.Key)
		if c == nil {
			return
		}
		b = c.inside
	}
	switch {
	case b == nil || b.lockIs != "waiting":
	case event.Held:
		b.lockIs = "held"
	case b.doc.Lock.OnBusy == runbook.FailOnBusy:
		m.close(b, "failing", "FAILED")
	}
}

// givesBack: once a runbook is over.
func (m *reference) givesBack(b *book) bool {
	if b.lockIs == "" {
		return false
	}
	b.lockIs = ""
	m.do("gives back %s", b.lock)
	return true
}

// locked: a runbook, or one around it, waits for its lock.
func (b *book) locked() bool {
	for ; b != nil; b = b.outer() {
		if b.lockIs == "waiting" {
			return true
		}
	}
	return false
}
