package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/engine"
	"github.com/dpaflow/dpaflow/runbook"
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
		rows = append(rows, [][2]string{{"Started by", book.StartedBy}, {"Status", book.Status}, {"Reason", book.Reason}}...)
	}
	section(b, "", []string{"", ""}, func(t table.Writer) { fillRows(t, rows) })
	if book := r.Result.book; book != nil {
		writeBook(b, level+"# ", *book, r.Timeline)
	} else if r.Result.known() {
		section(b, level+"# Result", []string{"", ""}, r.Result.fill)
	}
}

func writeBook(b *strings.Builder, heading string, r workflows.RunbookResult, events []event) {
	var steps, outputs, failures, earlier, rollbacks, questions, left, actions, happened, vars [][]string
	eachStep(r.Steps, func(step workflows.StepResult, label string) {
		attempts := ""
		if step.Attempts > 0 {
			attempts = strconv.Itoa(step.Attempts)
		}
		steps = append(steps, []string{
			label, step.Status, joined(" ", step.PlanID, step.ModelID), step.InstanceID, attempts, at(step.StartedAt), lasted(&step.Execution),
			step.ObservedBy, remark(step),
		})
		if step.Status == workflows.StatusFailed || step.Status == workflows.StatusAborted {
			failures = append(failures, []string{label, step.Status, step.InstanceID, step.Reason})
		}
		for what, x := range earlierOf(step) {
			earlier = append(earlier, []string{label, what, x.Status, x.InstanceID, at(x.StartedAt), lasted(x), x.Reason})
		}
		if x := step.Rollback; x != nil {
			rollbacks = append(rollbacks, []string{label, x.Status, joined(" ", x.PlanID, x.ModelID), x.InstanceID, at(x.StartedAt), lasted(x), x.Reason})
		}
		if q := step.Question; q != nil {
			questions = append(questions, []string{label, q.Message, strings.Join(q.Approvers, ", "), strconv.Itoa(q.Quorum), strings.Join(step.Approvals, ", "), step.Status})
		}
		for _, model := range step.Outputs {
			for _, node := range model.Nodes {
				outputs = append(outputs, []string{label, orElse(model.ModelName, model.ModelID), node.Name, node.Result})
			}
		}
	})
	for _, action := range r.Actions {
		actions = append(actions, []string{at(&action.At), action.By, orElse(action.Subject, "name not checked"), action.Name, action.Step, action.Comment})
	}
	for _, running := range r.StillRunning {
		what := ""
		if running.Rollback {
			what = "its rollback"
		}
		left = append(left, []string{running.Step, running.InstanceID, what})
	}
	for _, event := range events {
		happened = append(happened, []string{at(&event.At), event.Step, event.What})
	}
	for name := range runbook.Sorted(r.Vars) {
		vars = append(vars, []string{name, written(r.Vars[name])})
	}
	section(b, heading+"Still running on the platform", []string{"Step", "Instance", "What"}, fillAll(left))
	section(b, heading+"Failures", []string{"Step", "Status", "Instance", "Reason"}, fillAll(failures))
	section(b, heading+"Variables", []string{"Name", "Value"}, fillAll(vars))
	section(b, heading+"Steps", []string{"Step", "Status", "Plan or model", "Instance", "Attempts", "Started", "Took", "Observed by", "Remark"}, fillAll(steps))
	section(b, heading+"Questions", []string{"Step", "Question", "Who may answer", "Quorum", "Approved by", "Status"}, fillAll(questions))
	section(b, heading+"Rollbacks", []string{"Step", "Status", "Plan or model", "Instance", "Started", "Took", "Reason"}, fillAll(rollbacks))
	section(b, heading+"Earlier attempts", []string{"Step", "What", "Status", "Instance", "Started", "Took", "Reason"}, fillAll(earlier))
	section(b, heading+"Timeline", []string{"When", "Step", "What"}, fillAll(happened))
	section(b, heading+"Operators' actions", []string{"When", "Who", "Proved to be", "What", "Step", "Why"}, fillAll(actions))
	section(b, heading+"Outputs", []string{"Step", "Model", "Node", "Result"}, fillAll(outputs))
}

// eachStep visits all steps and items, those of runbooks inside too, each with how it is named for people.
func eachStep(steps []workflows.StepResult, visit func(step workflows.StepResult, label string)) {
	var each func(steps []workflows.StepResult, around string)
	each = func(steps []workflows.StepResult, around string) {
		for _, step := range steps {
			line := stepLine{step, around}
			label := line.label()
			if step.Item != nil {
				label += " " + value(step.Item)
			}
			visit(step, label)
			if step.Runbook != nil {
				each(step.Runbook.Steps, line.path()+"/")
			}
			each(step.Items, around)
		}
	}
	each(steps, "")
}

// earlierOf are the executions before the last attempt: attempts, and rollbacks of them.
func earlierOf(step workflows.StepResult) iter.Seq2[string, *engine.Execution] {
	return func(yield func(string, *engine.Execution) bool) {
		attempts := 0
		for i := range step.Earlier {
			what := "rollback"
			if !step.Earlier[i].Undoing {
				attempts++
				what = "attempt " + strconv.Itoa(attempts)
			}
			if !yield(what, &step.Earlier[i]) {
				return
			}
		}
	}
}

// lasted is how long an execution took; empty if it has not ended.
func lasted(x *engine.Execution) string {
	if x.FinishedAt == nil {
		return ""
	}
	return took(x.StartedAt, x.FinishedAt, time.Time{})
}

// remark is what the other columns of a step do not tell.
func remark(step workflows.StepResult) string {
	step.Attempts, step.Items, step.Question, step.Rollback = 0, nil, nil, nil
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
