// Package reread keeps up with files: what was read from them is read again, so that a change needs no restart.
package reread

import (
	"sync"
	"time"
)

// Value is read from files. What cannot be read leaves the last good value in its place. It is for any number of
// goroutines.
type Value[T any] struct {
	// Read reads it, given what was last read.
	Read func(last T) (T, error)
	// Every is how long a value serves without another look; zero looks at every use.
	Every time.Duration
	// Failed is called with each error that differs from the one before; nil: nobody is.
	Failed func(error)

	reading sync.Mutex // held while files are read, so that a disk that hangs keeps one goroutine only
	mu      sync.Mutex
	last    T
	err     error
	at      time.Time
}

// Get returns the value as the files have it now, or the last good one with the error that says why it is no newer.
func (v *Value[T]) Get() (T, error) {
	last, err, old := v.current()
	if !old || !v.reading.TryLock() {
		return last, err
	}
	defer v.reading.Unlock()
	fresh, err := v.Read(last)
	return v.keep(fresh, err), err
}

func (v *Value[T]) current() (last T, err error, old bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last, v.err, v.at.IsZero() || time.Since(v.at) >= v.Every
}

func (v *Value[T]) keep(fresh T, err error) T {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil && v.Failed != nil && (v.err == nil || v.err.Error() != err.Error()) {
		v.Failed(err)
	}
	v.at, v.err = time.Now(), err
	if err == nil {
		v.last = fresh
	}
	return v.last
}
