package runbook

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a document or another input, and where.
type Fault struct {
	// Path is the place in the document, such as steps[3].params.md1.HOST; empty for the whole.
	Path string `json:"path"`
	// Problem says what is wrong, in a sentence that goes on from the path.
	Problem string `json:"problem"`
	// File is the one that Path, Line and Column are in; empty where there is only one text.
	File string `json:"file,omitempty"`
	// Line and Column are the place in the text, from 1; 0 where there is no text.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// String is the fault in one line: verify.yaml:12:7: steps[3].when: what is wrong.
func (f Fault) String() string {
	text := f.Problem
	if f.Path != "" {
		text = f.Path + ": " + text
	}
	switch {
	case f.File != "" && f.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, max(f.Column, 1), text)
	case f.File != "":
		return f.File + ": " + text
	case f.Line > 0:
		return fmt.Sprintf("%d:%d: %s", f.Line, max(f.Column, 1), text)
	}
	return text
}

// Faults are everything that is wrong with a document or another input.
type Faults []Fault

// Error lists all faults, each with its place.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = fault.String()
	}
	return strings.Join(texts, "; ")
}

// Err returns the faults as an error, nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

func (f *Faults) add(path, problem string, args ...any) {
	*f = append(*f, Fault{Path: path, Problem: fmt.Sprintf(problem, args...)})
}

// Add adds an error at a path; one that is Faults is taken over below that path, nil is nothing.
func (f *Faults) Add(path string, err error) {
	var nested Faults
	switch {
	case err == nil:
	case errors.As(err, &nested):
		for _, fault := range nested {
			fault.Path = join(path, fault.Path)
			*f = append(*f, fault)
		}
	default:
		f.add(path, "%s", err)
	}
}

// covers reports a fault at one of the fields of the object at path.
func (f Faults) covers(path string, fields ...string) bool {
	return slices.ContainsFunc(f, func(fault Fault) bool {
		return slices.ContainsFunc(fields, func(field string) bool { return fault.Path == join(path, field) })
	})
}

// within reports a fault of what is at path, or in it.
func (f Faults) within(path string) bool {
	return slices.ContainsFunc(f, func(fault Fault) bool {
		rest, within := strings.CutPrefix(fault.Path, path)
		return within && (rest == "" || rest[0] == '.')
	})
}

// maxFaults keeps an error from becoming larger than a history takes.
const maxFaults = 100

// located returns the faults with their places in the texts, in the order of these.
func (f Faults) located(places map[string]place) Faults {
	for i, fault := range f {
		at := nearest(places, fault.Path)
		if fault.Line == 0 {
			f[i].File, f[i].Line, f[i].Column = cmp.Or(at.file, fault.File), at.line, at.column
		}
		if at.file == f[i].File {
			f[i].Path = strings.TrimPrefix(strings.TrimPrefix(fault.Path, at.prefix), ".")
		}
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f.capped()
}

func (f Faults) capped() Faults {
	if len(f) <= maxFaults {
		return f
	}
	more := Fault{Problem: fmt.Sprintf("and %d more faults", len(f)-maxFaults)}
	return append(f[:maxFaults:maxFaults], more)
}

// place is where something stands in a text, from 1. What is in a file of its own has the path prefix before its own.
type place struct {
	file, prefix string
	line, column int
}

// nearest is the place of a path or of the innermost thing around it that the text has.
func nearest(places map[string]place, path string) place {
	for {
		at, ok := places[path]
		if ok || path == "" {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

func join(path, below string) string {
	if path == "" || below == "" || strings.HasPrefix(below, "[") {
		return path + below
	}
	return path + "." + below
}

// clip shortens what somebody wrote, for use in a sentence about it.
func clip(text string) string {
	const limit = 60
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
