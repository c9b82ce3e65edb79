package runbook

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// jsonReader makes from JSON the tree that the YAML library makes from YAML, so that everything after
// it is written once.
type jsonReader struct {
	data    []byte
	decoder *json.Decoder
	offset  int // where line and column are
	line    int
	column  int
}

func readJSON(data []byte) (*yaml.Node, error) {
	r := &jsonReader{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1, column: 1}
	r.decoder.UseNumber()
	return r.value()
}

// value reads the next value; encoding/json bounds the depth.
func (r *jsonReader) value() (*yaml.Node, error) {
	node := r.start()
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		if token == '{' {
			node.Kind, node.Tag = yaml.MappingNode, "!!map"
		}
		for r.decoder.More() {
			item, err := r.value() // in an object keys and values alternate
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, item)
		}
		_, err = r.decoder.Token()
	case string:
		node.Tag, node.Value = "!!str", token
	case json.Number:
		node.Tag, node.Value = "!!int", token.String()
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(token)
	default:
		node.Tag, node.Value = "!!null", "null"
	}
	return node, err
}

// start makes a node at the place of the next token.
func (r *jsonReader) start() *yaml.Node {
	next := int(r.decoder.InputOffset())
	for next < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[next]) >= 0 {
		next++
	}
	passed := r.data[r.offset:next]
	if end := bytes.LastIndexByte(passed, '\n'); end >= 0 {
		r.line += bytes.Count(passed, []byte{'\n'})
		r.column = 1
		passed = passed[end+1:]
	}
	r.column += utf8.RuneCount(passed)
	r.offset = next
	return &yaml.Node{Kind: yaml.ScalarNode, Line: r.line, Column: r.column}
}

// toJSON writes a tree as JSON. Numbers and truth values stay as they were written where JSON has that form, else they
// become texts.
func toJSON(node *yaml.Node) []byte {
	switch node.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		brackets, object := "[]", node.Kind == yaml.MappingNode
		if object {
			brackets = "{}"
		}
		out := []byte{brackets[0]}
		for i, item := range node.Content {
			switch {
			case object && i%2 == 1:
				out = append(append(out, ':'), toJSON(item)...)
				continue
			case i > 0:
				out = append(out, ',')
			}
			if object {
				out = append(out, quote(item.Value)...)
			} else {
				out = append(out, toJSON(item)...)
			}
		}
		return append(out, brackets[1])
	}
	switch tag := node.ShortTag(); {
	case tag == "!!null":
		return []byte("null")
	case tag == "!!bool" && json.Valid([]byte(node.Value)):
		return []byte(node.Value)
	case (tag == "!!int" || tag == "!!float") && json.Valid([]byte(node.Value)):
		return []byte(node.Value)
	}
	return quote(node.Value)
}

func quote(text string) []byte {
	quoted, _ := json.Marshal(text) // a text always encodes
	return quoted
}
