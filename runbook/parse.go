package runbook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSize is what a document may have in bytes: it must fit into a payload of Temporal, with room to
// spare for its outputs.
const maxSize = 1 << 20

// Parse reads a document from YAML or JSON and checks all of it. The error is Faults: everything that is
// wrong, each with its path, line and column.
func Parse(data []byte) (*Document, error) {
	var document Document
	if err := ParseInto(data, &document); err != nil {
		return nil, err
	}
	return &document, nil
}

// ParseInto is Parse for a struct that embeds Document beside fields of its own. Those are read like
// the document's: by their json tags, with unknown fields and wrong types refused.
func ParseInto(data []byte, into interface{ document() *Document }) error {
	return decodeText(data, into, func(found Faults) Faults { return into.document().check(found) })
}

// DecodeText fills the struct that into points to from YAML or JSON, as strictly as Parse. The error is Faults:
// everything that is wrong, each with its path, line and column.
func DecodeText(data []byte, into any) error {
	return decodeText(data, into, func(Faults) Faults { return nil })
}

func decodeText(data []byte, into any, check func(Faults) Faults) error {
	return newSurveyor().decode(data, into, check)
}

func (s *surveyor) decode(data []byte, into any, check func(Faults) Faults) error {
	root, faults := read(data)
	switch {
	case len(faults) > 0:
		s.faults = faults
	case root.Kind != yaml.MappingNode:
		s.refuse("", root, "the document must be an object, got "+describe(root))
	case s.slot(&root, ""):
		decode(root, reflect.ValueOf(into).Elem(), "", &s.faults)
		s.faults = append(s.faults, check(s.faults)...)
	}
	for i := range s.faults {
		s.faults[i].File = cmp.Or(s.faults[i].File, s.from.file)
	}
	return s.faults.located(s.places).Err()
}

func (d *Document) document() *Document { return d }

// Decode fills the struct that into points to from a JSON object and is as strict as Parse: it finds every unknown or
// repeated field and every value of the wrong kind. The error is Faults, without places in the text. No data at all is
// an empty object, and a field that is null is left out.
func Decode(data []byte, into any) error {
	if len(data) == 0 {
		return nil
	}
	if !json.Valid(data) {
		return Faults{{Problem: "the input is not JSON: " + json.Unmarshal(data, into).Error()}}
	}
	root, err := readJSON(data)
	if err != nil {
		return Faults{{Problem: err.Error()}}
	}
	if root.Kind != yaml.MappingNode {
		return Faults{{Problem: "the input must be one JSON object, got " + describe(root)}}
	}
	for i := len(root.Content) - 2; i >= 0; i -= 2 {
		if root.Content[i+1].ShortTag() == "!!null" {
			root.Content = slices.Delete(root.Content, i, i+2)
		}
	}
	return decodeNode(root, into)
}

// decodeJSON fills what into points to from JSON, strictly: the error is Faults without places.
func decodeJSON(data []byte, into any) error {
	root, err := readJSON(data)
	if err != nil {
		return err
	}
	return decodeNode(root, into)
}

func decodeNode(root *yaml.Node, into any) error {
	s := newSurveyor()
	if s.slot(&root, "") {
		decode(root, reflect.ValueOf(into).Elem(), "", &s.faults)
	}
	return s.faults.Err()
}

// read makes the tree of a text. JSON has a reader of its own: YAML has no surrogate pairs.
func read(data []byte) (*yaml.Node, Faults) {
	if len(data) > maxSize {
		return nil, Faults{{Problem: tooLargeInAll(len(data))}}
	}
	if !utf8.Valid(data) {
		before, _, _ := strings.Cut(strings.ToValidUTF8(string(data), "\x00"), "\x00")
		line := strings.Count(before, "\n") + 1
		return nil, Faults{{Problem: "the document is not UTF-8", Line: line, Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}}
	}
	if json.Valid(data) {
		root, err := readJSON(data)
		if err != nil {
			return nil, Faults{{Problem: err.Error()}}
		}
		return root, nil
	}
	return readYAML(data)
}

func tooLargeInAll(size int) string {
	return fmt.Sprintf("the document must have at most %d bytes in all, got %d", maxSize, size)
}

func readYAML(data []byte) (*yaml.Node, Faults) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, Faults{{Problem: "there is no document"}}
	} else if err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, Faults{{Problem: "the text goes on after its document", Line: more.Line, Column: more.Column}}
	} else if !errors.Is(err, io.EOF) {
		return nil, Faults{syntaxFault(err)}
	}
	return document.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// syntaxFault takes the line out of a message of the YAML library, which has it nowhere else.
func syntaxFault(err error) Fault {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	fault := Fault{Column: 1}
	if found := yamlLine.FindStringSubmatch(text); found != nil {
		fault.Line, _ = strconv.Atoi(found[1])
		text = text[len(found[0]):]
	}
	fault.Problem = "this is neither YAML nor JSON: " + text
	return fault
}
