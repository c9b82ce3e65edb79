package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/runbook"
)

// varFlags give the variables of a runbook their values.
type varFlags struct {
	typed []string
	file  string
}

func (f *varFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.typed, "var", nil, "the value of a variable, as `NAME=value`, of its type; without one a string as it is typed, or a list or an object in JSON")
	flags.StringVar(&f.file, "vars-file", "", "a `FILE` of such values, in YAML or JSON; those of --var come before them")
}

// givenVars are the values that the flags give.
type givenVars struct {
	vars   runbook.Vars
	typed  map[string]bool // by --var
	file   string
	inFile *runbook.Values // nil if it cannot be read
	wrong  []error
}

// read reads the values, and finds what is wrong with how they are written.
func (f *varFlags) read(doc *runbook.Document) givenVars {
	g := givenVars{vars: runbook.Vars{}, typed: map[string]bool{}, file: f.file, inFile: &runbook.Values{}}
	if f.file != "" {
		data, err := readFile(f.file, nil)
		if err == nil {
			g.inFile, err = runbook.ParseValues(data)
		}
		if err != nil {
			g.wrong = append(g.wrong, g.located(err))
		} else {
			maps.Copy(g.vars, g.inFile.Vars)
		}
	}
	declared := map[string]runbook.Var{}
	for _, input := range doc.Inputs() {
		declared[input.Name] = input.Var
	}
	for _, text := range f.typed {
		name, typed, found := strings.Cut(text, "=")
		switch {
		case !found || name == "":
			g.wrong = append(g.wrong, fmt.Errorf("--var must be NAME=value, got %q", name))
			continue
		case g.typed[name]:
			g.wrong = append(g.wrong, fmt.Errorf("--var %s is given twice", name))
			continue
		}
		g.typed[name] = true
		value, err := declared[name].Read(typed)
		if g.vars[name] = runbook.Literal(value); err != nil {
			g.wrong = append(g.wrong, fmt.Errorf("--var %s: %w", name, err))
		}
	}
	return g
}

// bind gives a document's variables the values of the flags. The error has everything that is wrong with them.
func (f *varFlags) bind(doc *runbook.Document) error {
	g := f.read(doc)
	var faults runbook.Faults
	if g.inFile != nil {
		errors.As(doc.Bind(g.vars), &faults)
	}
	if len(g.wrong)+len(faults) > 0 {
		return errors.Join(append(g.wrong, g.attributed(faults))...)
	}
	program, err := doc.Compile()
	if err == nil {
		_, err = program.Vars()
	}
	return err
}

// attributed says of each fault of Bind where the value comes from. What is wrong with how it is written is said already.
func (g givenVars) attributed(faults runbook.Faults) error {
	var wrong []error
	var inFile runbook.Faults
	for _, fault := range faults {
		name := strings.TrimPrefix(fault.Path, "vars.")
		_, isInFile := g.inFile.Vars[name]
		switch {
		case g.typed[name] && g.vars[name] == nil:
		case isInFile && !g.typed[name]:
			fault.Path = name
			inFile = append(inFile, fault)
		default:
			wrong = append(wrong, fmt.Errorf("--var %s: %s", name, fault.Problem))
		}
	}
	if len(inFile) > 0 {
		wrong = append(wrong, g.located(g.inFile.Located(inFile)))
	}
	return errors.Join(wrong...)
}

// located has a line for everything that is wrong with the file.
func (g givenVars) located(err error) error {
	var faults runbook.Faults
	if !errors.As(err, &faults) {
		return err
	}
	lines := make([]string, len(faults))
	for i, fault := range faults {
		fault.File = g.file
		lines[i] = fault.String()
	}
	return errors.New(strings.Join(lines, "\n"))
}
