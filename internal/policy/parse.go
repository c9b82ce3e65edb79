package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a policy from YAML. The error names everything that is wrong, each with its line.
func Parse(text []byte) (Policy, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return Policy{}, err
	case len(document.Content) == 0: // as a file is that somebody is about to write
		return Policy{}, errors.New("it is empty; a policy that allows everything is {}")
	case !errors.Is(decoder.Decode(&more), io.EOF):
		return Policy{}, errors.New("it has more than one document")
	}
	var r reader
	var p Policy
	r.mapping(document.Content[0], func(key, value *yaml.Node) {
		switch key.Value {
		case "frozen":
			p.frozen = r.reason(value)
			return
		case "plans":
			p.plans = r.patterns(value)
		case "models":
			p.models = r.patterns(value)
		case "executePaths":
			p.paths = r.patterns(value)
		case "secrets":
			r.mapping(value, func(name, users *yaml.Node) { p.secrets = append(p.secrets, r.secret(name, users)) })
		default:
			r.find(key, "%q is unknown; there are frozen, plans, models, executePaths and secrets", key.Value)
		}
		p.restricted = true
	})
	if len(r.findings) > 0 {
		return Policy{}, errors.New(strings.Join(r.findings, "; "))
	}
	return p, nil
}

// reader gathers what is wrong.
type reader struct{ findings []string }

func (r *reader) find(at *yaml.Node, format string, args ...any) {
	r.findings = append(r.findings, fmt.Sprintf("line %d: %s", at.Line, fmt.Sprintf(format, args...)))
}

func (r *reader) mapping(node *yaml.Node, each func(key, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		r.find(node, "must be a mapping")
		return
	}
	var seen []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if slices.Contains(seen, key.Value) {
			r.find(key, "%q is given twice", key.Value)
		}
		seen = append(seen, key.Value)
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		each(key, value)
	}
}

// reason reads why nothing may be sent; without a value nothing is frozen.
func (r *reader) reason(node *yaml.Node) string {
	switch node.Tag {
	case "!!null":
		return ""
	case "!!str":
		return strings.TrimSpace(node.Value)
	}
	r.find(node, "frozen must be the reason, a string; leave it out where nothing is frozen")
	return ""
}

func (r *reader) patterns(node *yaml.Node) (list patterns) {
	if node.Kind != yaml.SequenceNode {
		r.find(node, "must be a list; [\"*\"] is everything, and [] nothing")
		return nil
	}
	for _, entry := range node.Content {
		// An id such as 0123 or 1e5 that is not quoted is no number to its author.
		if entry.Kind != yaml.ScalarNode || entry.Tag == "!!null" {
			r.find(entry, "must be a string")
		} else if err := (patterns{entry.Value}).check(); err != nil {
			r.find(entry, "%v", err)
		}
		list = append(list, entry.Value)
	}
	return list
}

func (r *reader) secret(name, users *yaml.Node) secret {
	s := secret{name: name.Value}
	if err := (patterns{name.Value}).check(); err != nil {
		r.find(name, "%v", err)
	}
	r.mapping(users, func(key, value *yaml.Node) {
		switch key.Value {
		case "plans":
			s.plans = r.patterns(value)
		case "models":
			s.models = r.patterns(value)
		default:
			r.find(key, "%q is unknown; a secret has plans and models that may be given it", key.Value)
		}
	})
	return s
}
