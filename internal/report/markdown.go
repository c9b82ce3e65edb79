package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// Markdown is the report for people and for records. Sections that would be empty are left out.
func (r Report) Markdown() string {
	var b strings.Builder
	r.write(&b, "#")
	return b.String()
}

// write writes the report with headings of a level.
func (r Report) write(b *strings.Builder, level string) {
	name := r.WorkflowID
	if r.Result.Book != nil {
		name = r.Result.Book.Name
	}
	fmt.Fprintf(b, "%s Report: %s\n\n", level, markdownText(name))
	target := ""
	if r.Target > 0 {
		target = r.Target.String() + ", kept"
		if over := time.Duration(r.Elapsed - r.Target); over > 0 {
			target = fmt.Sprintf("%s, exceeded by %s", r.Target, Span(over))
		} else if r.ClosedAt == nil {
			target = fmt.Sprintf("%s, %s left", r.Target, Span(-over))
		}
	}
	rows := [][2]string{
		{"Workflow", r.WorkflowID}, {"Run", r.RunID}, {"State", r.State}, {"Started", atZone(&r.StartedAt)}, {"Ended", atZone(r.ClosedAt)},
		{"Took", r.Elapsed.String()}, {"Target", target}, {"Error", r.Error},
	}
	if book := r.Result.Book; book != nil {
		held := ""
		if book.Lock != nil {
			held = fmt.Sprintf("%s, %s since %s", book.Lock.Name, book.Lock.Status, atZone(&book.Lock.Since))
		}
		rows = append(rows, [][2]string{{"Started by", book.StartedBy}, {"Status", book.Status}, {"Reason", book.Reason}, {"Lock", held}}...)
	}
	section(b, "", []string{"", ""}, func(t table.Writer) { FillRows(t, rows) })
	if book := r.Result.Book; book != nil {
		writeBook(b, level+"# ", *book, r.Timeline)
	} else if r.Result.Known() {
		section(b, level+"# Result", []string{"", ""}, r.Result.Fill)
	}
}

func writeBook(b *strings.Builder, heading string, r workflows.RunbookResult, events []Event) {
	var steps, outputs, failures, earlier, rollbacks, questions, left, actions, happened, vars [][]string
	EachStep(r.Steps, func(step workflows.StepResult, label string) {
		attempts := ""
		if step.Attempts > 0 {
			attempts = strconv.Itoa(step.Attempts)
		}
		steps = append(steps, []string{
			label, step.Status, Joined(" ", step.PlanID, step.ModelID), step.InstanceID, attempts, At(step.StartedAt), Lasted(&step.Execution),
			step.ObservedBy, remark(step),
		})
		if step.Status == workflows.StatusFailed || step.Status == workflows.StatusAborted {
			failures = append(failures, []string{label, step.Status, step.InstanceID, step.Reason})
		}
		for what, x := range EarlierOf(step) {
			earlier = append(earlier, []string{label, what, x.Status, x.InstanceID, At(x.StartedAt), Lasted(x), x.Reason})
		}
		if x := step.Rollback; x != nil {
			rollbacks = append(rollbacks, []string{label, x.Status, Joined(" ", x.PlanID, x.ModelID), x.InstanceID, At(x.StartedAt), Lasted(x), x.Reason})
		}
		if q := step.Question; q != nil {
			questions = append(questions, []string{label, q.Message, strings.Join(q.Approvers, ", "), strconv.Itoa(q.Quorum), Joined(", ", strings.Join(step.Approvals, ", "), step.AnsweredBy), step.Status})
		}
		for _, model := range step.Outputs {
			for _, node := range model.Nodes {
				outputs = append(outputs, []string{label, cmp.Or(model.ModelName, model.ModelID), node.Name, node.Result})
			}
		}
	})
	for _, action := range r.Actions {
		actions = append(actions, []string{At(&action.At), action.By, cmp.Or(action.Subject, "name not checked"), action.Name, action.Step, action.Comment})
	}
	for _, running := range r.StillRunning {
		what := ""
		if running.Rollback {
			what = "its rollback"
		}
		left = append(left, []string{running.Step, running.InstanceID, what})
	}
	for _, event := range events {
		happened = append(happened, []string{At(&event.At), event.Step, event.What})
	}
	for name := range runbook.Sorted(r.Vars) {
		vars = append(vars, []string{name, Written(r.Vars[name])})
	}
	section(b, heading+"Still running on the platform", []string{"Step", "Instance", "What"}, fillAll(left))
	section(b, heading+"Failures", []string{"Step", "Status", "Instance", "Reason"}, fillAll(failures))
	section(b, heading+"Variables", []string{"Name", "Value"}, fillAll(vars))
	section(b, heading+"Steps", []string{"Step", "Status", "Plan or model", "Instance", "Attempts", "Started", "Took", "Observed by", "Remark"}, fillAll(steps))
	section(b, heading+"Questions", []string{"Step", "Question", "Who may answer", "Quorum", "Answered by", "Status"}, fillAll(questions))
	section(b, heading+"Rollbacks", []string{"Step", "Status", "Plan or model", "Instance", "Started", "Took", "Reason"}, fillAll(rollbacks))
	section(b, heading+"Earlier attempts", []string{"Step", "What", "Status", "Instance", "Started", "Took", "Reason"}, fillAll(earlier))
	section(b, heading+"Timeline", []string{"When", "Step", "What"}, fillAll(happened))
	section(b, heading+"Operators' actions", []string{"When", "Who", "Proved to be", "What", "Step", "Why"}, fillAll(actions))
	section(b, heading+"Outputs", []string{"Step", "Model", "Node", "Result"}, fillAll(outputs))
}

// remark is what the other columns of a step do not tell.
func remark(step workflows.StepResult) string {
	step.Attempts, step.Items, step.Question, step.Rollback = 0, nil, nil, nil
	return Step{StepResult: step}.Note()
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
func markdownText(what string) string { return Clean(escapeMarkdown.Replace(what)) }

// atZone writes a time for people with its zone.
func atZone(t *time.Time) string {
	if t == nil {
		return ""
	}
	return At(t) + t.Local().Format(" MST")
}
