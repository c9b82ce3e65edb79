package engine

import "github.com/dpaflow/dpaflow/runbook"

// Question is what people are asked, as rendered.
type Question struct {
	Message   string   `json:"message"`
	Approvers []string `json:"approvers,omitempty"`
	Quorum    int      `json:"quorum"`
	// Fields are what they fill in, where it is a task and not an approval.
	Fields map[string]runbook.Var `json:"fields,omitempty"`
}

// question is what a step asks, with its expressions replaced.
func (n *node) question(i int, scope runbook.Scope) (*Question, error) {
	if written := n.doc.Step(i); written.Ask != nil {
		task, err := n.program.Task(i, scope)
		return &Question{Message: task.Message, Approvers: task.Who, Quorum: 1, Fields: task.Fields}, err
	}
	approval, err := n.program.Approval(i, scope)
	return &Question{Message: approval.Message, Approvers: approval.Approvers, Quorum: max(1, approval.Quorum)}, err
}

// digest is the same for questions that ask the same of the same people.
func (q *Question) digest() string {
	if q.Fields != nil {
		return sum(q.Message, q.Approvers, q.Fields)
	}
	return sum(q.Message, q.Approvers, q.Quorum)
}

// ask puts a question to people.
func (e *Engine) ask(p part) {
	question, err := p.question(p.i, e.knows(p))
	if err != nil {
		e.failPart(p, err.Error())
		return
	}
	p.of.Question, p.of.Until, p.of.Inputs = question, e.in(p.written().AnswerWithin()), question.digest()
}

// answer ends a task with the values that somebody filled in.
func (e *Engine) answer(p part, a Action) {
	nodes, _ := p.written().Ask.Answer(a.Values) // which check has found right
	e.keep(p, &p.of.Execution, []runbook.ModelOutputs{{Nodes: nodes}})
	p.of.AnsweredBy = by(a.By)
	e.end(p, runbook.StatusSuccess, "")
}
