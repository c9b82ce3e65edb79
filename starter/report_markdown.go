package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/workflows"
)

// markdown is the report for people and for records. Sections that would be empty are left out.
func (r report) markdown() string {
	var b strings.Builder
	r.write(&b, "#")
	return b.String()
}

// write writes the report with headings of a level.
func (r report) write(b *strings.Builder, level string) {
	name := r.WorkflowID
	if r.Result.book != nil {
		name = r.Result.book.Name
	}
	fmt.Fprintf(b, "%s Report: %s\n\n", level, markdownText(name))
	target := ""
	if r.Target > 0 {
		target = r.Target.String() + ", kept"
		if over := time.Duration(r.Elapsed - r.Target); over > 0 {
			target = fmt.Sprintf("%s, exceeded by %s", r.Target, span(over))
		} else if r.ClosedAt == nil {
			target = fmt.Sprintf("%s, %s left", r.Target, span(-over))
		}
	}
	rows := [][2]string{
		{"Workflow", r.WorkflowID}, {"Run", r.RunID}, {"State", r.State}, {"Started", atZone(&r.StartedAt)}, {"Ended", atZone(r.ClosedAt)},
		{"Took", r.Elapsed.String()}, {"Target", target}, {"Error", r.Error},
	}
	if book := r.Result.book; book != nil {
		rows = append(rows, [][2]string{{"Status", book.Status}, {"Reason", book.Reason}}...)
	}
	section(b, "", []string{"", ""}, func(t table.Writer) { fillRows(t, rows) })
	if book := r.Result.book; book != nil {
		writeBook(b, level+"# ", *book, r.Timeline)
	} else if r.Result.known() {
		section(b, level+"# Result", []string{"", ""}, r.Result.fill)
	}
	for _, inner := range r.Nested {
		inner.write(b, level+"#")
	}
}

func writeBook(b *strings.Builder, heading string, r workflows.RunbookResult, events []event) {
	var steps, outputs, failures, left, actions, happened [][]string
	var add func(all []workflows.StepResult, path string)
	add = func(all []workflows.StepResult, path string) {
		for _, step := range all {
			label := path + title(step)
			elapsed := ""
			if step.FinishedAt != nil {
				elapsed = took(step.StartedAt, step.FinishedAt, time.Time{})
			}
			attempts := ""
			if step.Attempts > 0 {
				attempts = strconv.Itoa(step.Attempts)
			}
			steps = append(steps, []string{
				label, step.Status, joined(" ", step.PlanID, step.ModelID), step.InstanceID, attempts, at(step.StartedAt), elapsed,
				step.ObservedBy, remark(step),
			})
			if step.Status == workflows.StatusFailed || step.Status == workflows.StatusAborted {
				failures = append(failures, []string{label, step.Status, step.InstanceID, step.Reason})
			}
			for _, model := range step.Outputs {
				for _, node := range model.Nodes {
					outputs = append(outputs, []string{label, orElse(model.ModelName, model.ModelID), node.Name, node.Result})
				}
			}
			add(step.Items, label+" / ")
		}
	}
	add(r.Steps, "")
	for _, action := range r.Actions {
		actions = append(actions, []string{at(&action.At), action.By, action.Name, action.Step, action.Comment})
	}
	for _, running := range r.StillRunning {
		left = append(left, []string{running.Step, running.InstanceID})
	}
	for _, event := range events {
		happened = append(happened, []string{at(&event.At), event.Step, event.What})
	}
	section(b, heading+"Still running on the platform", []string{"Step", "Instance"}, fillAll(left))
	section(b, heading+"Failures", []string{"Step", "Status", "Instance", "Reason"}, fillAll(failures))
	section(b, heading+"Steps", []string{"Step", "Status", "Plan or model", "Instance", "Attempts", "Started", "Took", "Observed by", "Remark"}, fillAll(steps))
	section(b, heading+"Timeline", []string{"When", "Step", "What"}, fillAll(happened))
	section(b, heading+"Operators' actions", []string{"When", "Who", "What", "Step", "Why"}, fillAll(actions))
	section(b, heading+"Outputs", []string{"Step", "Model", "Node", "Result"}, fillAll(outputs))
}

// remark is what the other columns of a step do not tell.
func remark(step workflows.StepResult) string {
	step.Attempts = 0
	return stepLine{StepResult: step}.note()
}

func fillAll(rows [][]string) func(table.Writer) {
	return func(t table.Writer) {
		for _, texts := range rows {
			var row table.Row
			for _, text := range texts {
				row = append(row, text)
			}
			t.AppendRow(row)
		}
	}
}

// section writes a table below a heading, if it has rows.
func section(b *strings.Builder, heading string, columns []string, fill func(table.Writer)) {
	t := table.NewWriter()
	t.Style().Format.Header = text.FormatDefault
	var header table.Row
	configs := make([]table.ColumnConfig, len(columns))
	for i, name := range columns {
		header = append(header, name)
		configs[i] = table.ColumnConfig{Number: i + 1, Transformer: func(value any) string { return markdownText(fmt.Sprint(value)) }}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	fill(t)
	if t.Length() == 0 {
		return
	}
	if heading != "" {
		b.WriteString(heading + "\n\n")
	}
	b.WriteString(t.RenderMarkdown() + "\n\n")
}

var escapeMarkdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "<", `\<`, "&", `\&`, "~", `\~`)

// markdownText keeps a text from being read as Markdown or HTML; the table itself sees to its |.
func markdownText(what string) string { return clean(escapeMarkdown.Replace(what)) }

// atZone writes a time for people with its zone.
func atZone(t *time.Time) string {
	if t == nil {
		return ""
	}
	return at(t) + t.Local().Format(" MST")
}
