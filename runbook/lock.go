package runbook

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxLock is what the name of a lock may have in bytes: it is part of a workflow's id.
const maxLock = 200

// checkLock says what is wrong with a lock's name.
func checkLock(name string) error {
	switch {
	case strings.TrimSpace(name) != name || name == "":
		return errors.New("must be a name, without spaces around it")
	case len(name) > maxLock:
		return fmt.Errorf("must have at most %d bytes, got %d", maxLock, len(name))
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("must not have control characters")
	}
	return nil
}

// Lock returns the document's lock with the expressions in its name replaced; nil where it has none.
func (p *Program) Lock(s Scope) (*Lock, error) {
	if p.document.Lock == nil {
		return nil, nil
	}
	const path = "lock.name"
	r := &renderer{program: p, scope: s}
	rendered := *p.document.Lock
	if rendered.Name = r.text(path, rendered.Name); len(r.faults) == 0 && !(s.Preview && strings.Contains(rendered.Name, opening)) {
		r.faults.Add(path, checkLock(rendered.Name))
	}
	return &rendered, r.faults.Err()
}
