package runbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

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
	root, faults := read(data)
	if len(faults) > 0 {
		return faults
	}
	if root.Kind != yaml.MappingNode {
		return Faults{{Problem: "the document wants to be an object, got " + describe(root), Line: root.Line, Column: root.Column}}
	}
	places := map[string]place{}
	if survey(root, "", 0, places, &faults) {
		decode(root, reflect.ValueOf(into).Elem(), "", &faults)
		faults = append(faults, into.document().check(faults)...)
	}
	return faults.located(places).Err()
}

func (d *Document) document() *Document { return d }

// decodeJSON fills what into points to from JSON, strictly: the error is Faults without places.
func decodeJSON(data []byte, into any) error {
	root, err := readJSON(data)
	if err != nil {
		return err
	}
	var faults Faults
	if survey(root, "", 0, map[string]place{}, &faults) {
		decode(root, reflect.ValueOf(into).Elem(), "", &faults)
	}
	return faults.Err()
}

// read makes the tree of a text. JSON has a reader of its own: YAML has no surrogate pairs.
func read(data []byte) (*yaml.Node, Faults) {
	if len(data) > maxSize {
		return nil, Faults{{Problem: "the document wants at most " + strconv.Itoa(maxSize) + " bytes, got " + strconv.Itoa(len(data))}}
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
