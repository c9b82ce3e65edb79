// Command selectors reads PromQL expressions, a JSON array of texts, and prints what they select, with
// Prometheus's own parser: a JSON array of {"name", "labels"}. The labels are those that the expression
// matches or groups by.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

type selector struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "selectors:", err)
		os.Exit(1)
	}
}

func run() error {
	var expressions []string
	if err := json.NewDecoder(os.Stdin).Decode(&expressions); err != nil {
		return fmt.Errorf("read the expressions: %w", err)
	}
	found := []selector{}
	for _, text := range expressions {
		expression, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			return fmt.Errorf("parse %s: %w", text, err)
		}
		parser.Inspect(expression, func(node parser.Node, path []parser.Node) error {
			if vector, ok := node.(*parser.VectorSelector); ok {
				found = append(found, selector{vector.Name, labels(vector, path)})
			}
			return nil
		})
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// labels are those of a selector's matchers, and of the aggregations around it.
func labels(vector *parser.VectorSelector, around []parser.Node) []string {
	names := []string{}
	for _, matcher := range vector.LabelMatchers {
		if matcher.Name != "__name__" {
			names = append(names, matcher.Name)
		}
	}
	for _, node := range around {
		if aggregation, ok := node.(*parser.AggregateExpr); ok {
			names = append(names, aggregation.Grouping...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
