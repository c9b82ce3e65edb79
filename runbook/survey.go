package runbook

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep values may be nested in a text: more than any document needs.
const maxDepth = 64

// tags are the kinds of values that JSON has too; a date without quotes is a text.
var tags = []string{"!!map", "!!seq", "!!str", "!!timestamp", "!!int", "!!float", "!!bool", "!!null"}

// surveyor goes through a tree before it is decoded. It notes where everything stands, puts what aliases, merge keys and
// files stand for in their place, and finds what no document may have.
type surveyor struct {
	places  map[string]place
	faults  Faults
	files   *files // nil where none are read
	from    place  // the file that it is in, without line and column
	way     []*yaml.Node
	aliases int // it is inside so many of them
	weight  int // of what aliases stand for
}

func newSurveyor() *surveyor { return &surveyor{places: map[string]place{}} }

func (s *surveyor) place(node *yaml.Node) place {
	at := s.from
	at.line, at.column = node.Line, node.Column
	return at
}

func (s *surveyor) refuse(path string, node *yaml.Node, problem string) bool {
	s.faults = append(s.faults, Fault{Path: path, Problem: problem, File: s.from.file, Line: node.Line, Column: node.Column})
	return false
}

// slot surveys what stands in a place of a tree. It reports whether that can be decoded.
func (s *surveyor) slot(slot **yaml.Node, path string) bool {
	node := *slot
	if node.Kind == yaml.AliasNode {
		if slices.Contains(s.way, node.Alias) {
			return s.refuse(path, node, "the alias "+clip(node.Value)+" stands for something that it is a part of")
		}
		*slot = node.Alias
		s.aliases++
		defer func() { s.aliases-- }()
	}
	return s.node(*slot, path)
}

func (s *surveyor) node(node *yaml.Node, path string) bool {
	if file, inlined := s.files.of(node); inlined {
		defer func(from place) { s.from = from }(s.from)
		s.from = place{file: file, prefix: path}
		s.places[path] = s.place(node)
		defer s.files.enter(file)()
	}
	if _, known := s.places[path]; !known { // of a field the name's place is known by now
		s.places[path] = s.place(node)
	}
	if s.tooHeavy(node, path) {
		return false
	}
	if len(s.way) > maxDepth {
		return s.refuse(path, node, "is nested too deeply")
	}
	if !slices.Contains(tags, node.ShortTag()) {
		return s.refuse(path, node, "the tag "+clip(node.Tag)+" is not taken")
	}
	s.way = append(s.way, node)
	defer func() { s.way = s.way[:len(s.way)-1] }()
	sound := true
	switch node.Kind {
	case yaml.SequenceNode:
		for i := range node.Content {
			sound = s.slot(&node.Content[i], index(path, i)) && sound
		}
	case yaml.MappingNode:
		sound = s.mapping(node, path)
	}
	return sound
}

// tooHeavy weighs a node, if an alias stands for it.
func (s *surveyor) tooHeavy(node *yaml.Node, path string) bool {
	const each = 16
	if before := s.weight; s.aliases > 0 {
		if s.weight += each + len(node.Value); before <= maxSize && s.weight > maxSize {
			s.refuse(path, node, "the aliases stand for more than "+strconv.Itoa(maxSize)+" bytes in all")
		}
	}
	return s.weight > maxSize
}

func (s *surveyor) mapping(node *yaml.Node, path string) bool {
	own, sound := s.merge(node, path)
	seen := make(map[string]bool, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
			sound = s.refuse(path, key, "the name of a field must be a string")
			continue
		}
		below := join(path, key.Value)
		if seen[key.Value] {
			s.refuse(below, key, "is given twice")
			continue
		}
		seen[key.Value] = true
		s.places[below] = s.place(key)
		if s.files.inline(s, node, i, path); i >= len(node.Content) || node.Content[i] != key {
			i, own = i-2, own-2 // it could not be read, and is gone
			continue
		}
		if i >= own {
			s.aliases++
		}
		sound = !s.tooHeavy(key, below) && s.slot(&node.Content[i+1], below) && sound
		if i >= own {
			s.aliases--
		}
	}
	return sound
}

// merge puts the fields of merge keys behind those of a mapping itself, and returns how many nodes these are. What is
// given in several places is taken from the first.
func (s *surveyor) merge(node *yaml.Node, path string) (own int, sound bool) {
	s.way = append(s.way, node)
	defer func() { s.way = s.way[:len(s.way)-1] }()
	isMerge := func(i int) bool { return node.Content[i].ShortTag() == "!!merge" }
	var fields, from []*yaml.Node
	there, sound := map[string]bool{}, true
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !isMerge(i) {
			there[node.Content[i].Value] = true
			fields = append(fields, node.Content[i], node.Content[i+1])
			continue
		}
		sources := []*yaml.Node{node.Content[i+1]}
		if sources[0].Kind == yaml.SequenceNode {
			sources = sources[0].Content
		}
		for _, source := range sources {
			if source.Kind == yaml.AliasNode {
				source = source.Alias
			}
			if source.Kind != yaml.MappingNode || slices.Contains(s.way, source) || len(s.way) > maxDepth {
				sound = s.refuse(path, node.Content[i], "<< must be an object, or a list of objects, that it is not a part of")
				continue
			}
			_, merged := s.merge(source, path)
			sound = sound && merged
			from = append(from, source.Content...)
		}
	}
	own = len(fields)
	for i := 0; i+1 < len(from); i += 2 {
		if name := from[i].Value; !there[name] {
			there[name] = true
			fields = append(fields, from[i], from[i+1])
		}
	}
	node.Content = fields
	return own, sound
}
