package runbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParseFile reads a document and the runbooks that its steps name by their files, each relative to the file that it stands
// in, and checks all of it as Parse does. It reads every file with load, the first one too. The error is Faults, each
// with its file, and its place there.
func ParseFile(file string, load func(file string) ([]byte, error)) (*Document, error) {
	data, err := load(file)
	if err != nil {
		return nil, err
	}
	var document Document
	s := newSurveyor()
	s.files = &files{load: load, roots: map[*yaml.Node]string{}, way: []string{filepath.Clean(file)}, size: len(data)}
	s.from.file = file
	if err := s.decode(data, &document, document.check); err != nil {
		return nil, err
	}
	if written, err := json.Marshal(document); err == nil && len(written) > maxSize {
		return nil, Faults{{File: file, Problem: tooLargeInAll(len(written))}}
	}
	return &document, nil
}

// YAML is the document as people write it.
func (d *Document) YAML() ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	root, err := readJSON(data)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// files are the runbooks that steps name.
type files struct {
	load  func(file string) ([]byte, error)
	roots map[*yaml.Node]string // where an inlined one begins
	way   []string              // the one that is looked at, and those that it stands in
	size  int                   // of all
}

// of returns the file that begins with a node.
func (f *files) of(node *yaml.Node) (file string, inlined bool) {
	if f == nil {
		return "", false
	}
	file, inlined = f.roots[node]
	return file, inlined
}

func (f *files) enter(file string) (leave func()) {
	f.way = append(f.way, file)
	return func() { f.way = f.way[:len(f.way)-1] }
}

// aStep is the path of a step.
var aStep = regexp.MustCompile(`^(?:(?:steps|finally)\[\d+\]\.runbook\.)*(?:steps|finally)\[\d+\]$`)

// inline puts a runbook in the place of its file's name, if the field i of an object is one. Such a runbook knows only
// what it is given. If it cannot be read the field is taken out.
func (f *files) inline(s *surveyor, step *yaml.Node, i int, path string) {
	if f == nil || step.Content[i].Value != kindRunbook || !aStep.MatchString(path) {
		return
	}
	key, named := step.Content[i], step.Content[i+1]
	if named.Kind == yaml.AliasNode {
		named = named.Alias
	}
	if named.Kind != yaml.ScalarNode || named.ShortTag() != "!!str" {
		return
	}
	root, problem := f.read(s, named.Value, join(path, kindRunbook))
	if root == nil {
		if step.Content = slices.Delete(step.Content, i, i+2); problem != "" {
			s.refuse(join(path, kindRunbook), named, problem)
		}
		return
	}
	step.Content[i+1] = root
	for k := 0; k < len(step.Content); k += 2 {
		if step.Content[k].Value == "with" {
			return
		}
	}
	with, nothing := *key, yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: key.Line, Column: key.Column}
	with.Value = "with"
	step.Content = append(step.Content, &with, &nothing)
}

// read reads a runbook that a step names. What is wrong is the problem, or among the faults where it is in the file.
func (f *files) read(s *surveyor, name, path string) (root *yaml.Node, problem string) {
	file := name
	if !filepath.IsAbs(name) {
		file = filepath.Join(filepath.Dir(s.from.file), name)
	}
	switch around := slices.Index(f.way, file); {
	case strings.Contains(name, opening):
		return nil, "takes no expressions: the file is read before the run begins"
	case around >= 0:
		return nil, "the runbooks stand inside each other in a circle: " + strings.Join(append(slices.Clone(f.way[around:]), file), " → ")
	case len(f.way) >= MaxNesting:
		return nil, fmt.Sprintf("at most %d runbooks may stand inside each other", MaxNesting)
	}
	data, err := f.load(file)
	if err != nil {
		return nil, err.Error()
	}
	if f.size += len(data); f.size > maxSize {
		return nil, tooLargeInAll(f.size)
	}
	root, faults := read(data)
	if root != nil && root.Kind != yaml.MappingNode {
		faults = Faults{{Problem: "the document must be an object, got " + describe(root), Line: root.Line, Column: root.Column}}
	}
	if len(faults) > 0 {
		for i := range faults {
			faults[i].File, faults[i].Path = file, path
		}
		s.places[path] = place{file: file, prefix: path, line: 1, column: 1}
		s.faults = append(s.faults, faults...)
		return nil, ""
	}
	f.roots[root] = file
	return root, ""
}
