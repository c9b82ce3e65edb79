package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// choice is the value of a flag that takes one of some words.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "word" }

func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
	}
	c.value = word
	return nil
}

// duration is the value of a flag that takes a duration which is not too short.
type duration struct{ value, least time.Duration }

func (d *duration) String() string {
	if d.value == 0 {
		return "" // left to the worker
	}
	return d.value.String()
}

func (d *duration) Type() string { return "duration" }

func (d *duration) Set(text string) (err error) {
	if d.value, err = time.ParseDuration(text); err != nil {
		return errors.New("must be a duration such as 90s or 2h")
	}
	if d.value < d.least {
		return fmt.Errorf("must be at least %s", d.least)
	}
	return nil
}
