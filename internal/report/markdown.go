package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/workflows"
)

// Section is a table of a report.
type Section struct {
	Title   string // empty for the first, which is about the run as a whole
	Columns []string
	Rows    [][]string
}

// Title is what a report is called.
func (r Report) Title() string {
	if r.Result.Runbook != nil {
		return r.Result.Runbook.Name
	}
	return r.WorkflowID
}

// Markdown is the report for people and for records.
func (r Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Report: %s\n\n", markdownText(r.Title()))
	for _, section := range r.Sections() {
		section.write(&b)
	}
	return b.String()
}

// Sections are the report's tables. Those that would be empty are left out.
func (r Report) Sections() []Section {
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
	book := r.Result.Runbook
	if book != nil {
		held := ""
		if book.Lock != nil {
			held = fmt.Sprintf("%s, %s since %s", book.Lock.Name, book.Lock.Status, atZone(&book.Lock.Since))
		}
		rows = append(rows, [][2]string{{"Started by", book.StartedBy}, {"Status", book.Status}, {"Reason", book.Reason}, {"Lock", held}}...)
	}
	sections := []Section{pairs("", rows), pairs("Result", r.Result.Rows())}
	if book != nil {
		sections = append(sections, bookSections(*book, r.Timeline)...)
	}
	return slices.DeleteFunc(sections, func(s Section) bool { return len(s.Rows) == 0 })
}

// pairs is a section of names and values, without those that are empty.
func pairs(title string, rows [][2]string) Section {
	s := Section{Title: title, Columns: []string{"", ""}}
	for _, row := range rows {
		if row[1] != "" {
			s.Rows = append(s.Rows, row[:])
		}
	}
	return s
}

func bookSections(r workflows.RunbookResult, events []Event) []Section {
	var steps, outputs, failures, earlier, rollbacks, questions, left, actions, happened, vars [][]string
	EachStep(r.Steps, func(step Step, label string) {
		attempts := ""
		if step.Attempts > 0 {
			attempts = strconv.Itoa(step.Attempts)
		}
		steps = append(steps, []string{
			label, step.Status, Joined(" ", step.PlanID, step.ModelID), step.InstanceID, attempts, At(step.StartedAt), Lasted(&step.Execution),
			step.ObservedBy, remark(step.StepResult),
		})
		if step.Status == workflows.StatusFailed || step.Status == workflows.StatusAborted {
			failures = append(failures, []string{label, step.Status, step.InstanceID, step.Reason})
		}
		for what, x := range EarlierOf(step.StepResult) {
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
	return []Section{
		{"Still running on the platform", []string{"Step", "Instance", "What"}, left},
		{"Failures", []string{"Step", "Status", "Instance", "Reason"}, failures},
		{"Variables", []string{"Name", "Value"}, vars},
		{"Steps", []string{"Step", "Status", "Plan or model", "Instance", "Attempts", "Started", "Took", "Observed by", "Remark"}, steps},
		{"Questions", []string{"Step", "Question", "Who may answer", "Quorum", "Answered by", "Status"}, questions},
		{"Rollbacks", []string{"Step", "Status", "Plan or model", "Instance", "Started", "Took", "Reason"}, rollbacks},
		{"Earlier attempts", []string{"Step", "What", "Status", "Instance", "Started", "Took", "Reason"}, earlier},
		{"Timeline", []string{"When", "Step", "What"}, happened},
		{"Operators' actions", []string{"When", "Who", "Proved to be", "What", "Step", "Why"}, actions},
		{"Outputs", []string{"Step", "Model", "Node", "Result"}, outputs},
	}
}

// remark is what the other columns of a step do not have.
func remark(step workflows.StepResult) string {
	step.Attempts, step.Items, step.Question, step.Rollback = 0, nil, nil, nil
	return Step{StepResult: step}.Note()
}

// write writes the section as Markdown.
func (s Section) write(b *strings.Builder) {
	t := table.NewWriter()
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(escaped(s.Columns))
	for _, row := range s.Rows {
		t.AppendRow(escaped(row))
	}
	if s.Title != "" {
		b.WriteString("## " + s.Title + "\n\n")
	}
	b.WriteString(t.RenderMarkdown() + "\n\n")
}

func escaped(values []string) (row table.Row) {
	for _, value := range values {
		row = append(row, markdownText(value))
	}
	return row
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
