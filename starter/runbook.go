package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/pflag"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/internal/report"
	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// runbook is the kind of run that runs the document in a file.
func (f *runFlags) runbook(stdin io.Reader) kind {
	var vars varFlags
	var resumeFrom string
	var choices engine.Choices
	var dryRun, stepByStep bool
	flags := pflag.NewFlagSet("runbook", pflag.ContinueOnError)
	vars.add(flags)
	flags.BoolVar(&dryRun, "dry-run", false, "check everything against the platform and trigger nothing")
	flags.BoolVar(&stepByStep, "step-by-step", false, "pause before every step until starter resume")
	flags.StringVar(&resumeFrom, "resume-from", "", "do not run again what ended well in an earlier run, `WORKFLOW[/RUN]`")
	flags.StringArrayVar(&choices.Keep, "keep", nil, "with --resume-from: what is done there stays done, though `STEP` would run with other inputs now; may be given again")
	flags.StringArrayVar(&choices.Rerun, "rerun", nil, "with --resume-from: run `STEP` again, though it succeeded there or may still run; may be given again")
	flags.StringArrayVar(&choices.Adopt, "adopt", nil, "with --resume-from: wait for what `STEP[=INSTANCE]` started there, which may still run; may be given again")
	flags.BoolVar(&f.preflight, "preflight", true, "check plans, models, inputs and secrets first")
	return kind{
		name:     "runbook",
		argument: "FILE",
		example:  "switch-over.yaml --var site=beijing --var 'hosts=[\"web1\", \"web2\"]'",
		flags:    flags,
		job: func(file string) (job, error) {
			doc, err := readDocument(file, stdin)
			if err != nil {
				return job{}, err
			}
			if err := vars.bind(doc); err != nil {
				return job{}, err
			}
			in := workflows.RunbookInput{Document: *doc, DryRun: dryRun, StepByStep: stepByStep, Preflight: &f.preflight, StartedBy: userName()}
			if in.ResumeFrom = earlier(resumeFrom); in.ResumeFrom != nil {
				in.ResumeFrom.Choices = choices
			} else if len(choices.Keep)+len(choices.Rerun)+len(choices.Adopt) > 0 {
				return job{}, errors.New("--keep, --rerun and --adopt are for --resume-from")
			}
			name := report.Clip(doc.Name)
			return job{name: "runbook-" + name, summary: "runbook " + name, workflow: "Runbook", input: in}, nil
		},
	}
}

// readDocument reads and checks a runbook and those that it names, of standard input where the file is "-". The error is
// fileFaults where the runbook is wrong.
func readDocument(file string, stdin io.Reader) (*runbook.Document, error) {
	doc, err := runbook.ParseFile(file, func(file string) ([]byte, error) { return readFile(file, stdin) })
	var faults runbook.Faults
	if errors.As(err, &faults) {
		return nil, fileFaults{file, faults}
	}
	return doc, err
}

// readFile reads a file, or standard input where it is "-", as far as a runbook could fill it.
func readFile(file string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		in = opened
	}
	const limit = 8 << 20 // beyond what a runbook may have, so that Parse says so
	data, err := io.ReadAll(io.LimitReader(in, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return data, nil
}

// fileFaults are what is wrong with a file.
type fileFaults struct {
	file   string
	faults runbook.Faults
}

// Error has a line for every fault, in the form of compilers: file:line:column: what.
func (f fileFaults) Error() string {
	text := fmt.Sprintf("%s cannot be run, faults: %d", f.file, len(f.faults))
	for _, fault := range f.faults {
		fault.File = cmp.Or(fault.File, f.file)
		text += "\n" + fault.String()
	}
	return text
}

// runID is the form of a run's id. A workflow's may hold slashes too.
var runID = regexp.MustCompile(`^(.+)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// earlier reads WORKFLOW or WORKFLOW/RUN; nothing is no earlier run.
func earlier(text string) *workflows.ResumeFrom {
	if text == "" {
		return nil
	}
	if parts := runID.FindStringSubmatch(text); parts != nil {
		return &workflows.ResumeFrom{WorkflowID: parts[1], RunID: parts[2]}
	}
	return &workflows.ResumeFrom{WorkflowID: text}
}
