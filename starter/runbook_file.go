package main

import (
	"encoding/json"
	"errors"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/dpaflow/dpaflow/runbook"
	"github.com/dpaflow/dpaflow/starter/graph"
)

func (a *app) runbook() *cobra.Command {
	cmd := group("runbook", "Check, draw and rehearse runbook files, without Temporal or the platform")
	cmd.AddCommand(a.runbookValidate(), a.runbookResolve(), a.runbookGraph(), a.runbookSchema(), a.runbookRehearse())
	return cmd
}

func (a *app) runbookValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "Say everything that is wrong with a runbook, each fault at its place",
		Long: "Say everything that is wrong with a runbook (YAML or JSON; - is standard input), each fault at its place. What only the\n" +
			"platform knows, such as whether a plan exists, is checked by starter run runbook --dry-run.",
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := readDocument(args[0], a.in)
			var wrong fileFaults
			if errors.As(err, &wrong) && a.json {
				err = errors.Join(a.print(map[string]any{"faults": wrong.faults}, nil), err)
			}
			if err != nil {
				return exit{exitUsage, err}
			}
			found := map[string]any{"name": doc.Name, "steps": len(doc.Steps), "faults": runbook.Faults{}}
			return a.print(found, func(t table.Writer) {
				t.AppendRow(table.Row{"Runbook", doc.Name})
				t.AppendRow(table.Row{"Steps", len(doc.Steps)})
				t.AppendRow(table.Row{"Faults", "none"})
			})
		},
	}
}

func (a *app) runbookResolve() *cobra.Command {
	return &cobra.Command{
		Use:   "resolve FILE",
		Short: "Print a runbook with those that it names by their files in their place, for programs that start it",
		Args:  exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := readDocument(args[0], a.in)
			if err != nil {
				return exit{exitUsage, err}
			}
			if a.json {
				return a.print(doc, nil)
			}
			written, err := doc.YAML()
			if err != nil {
				return err
			}
			_, err = a.out.Write(written)
			return err
		},
	}
}

func (a *app) runbookGraph() *cobra.Command {
	format := choice{"mermaid", []string{"mermaid", "svg"}}
	cmd := &cobra.Command{
		Use:     "graph FILE",
		Short:   "Draw a runbook: as Mermaid text for Markdown, or as an SVG image",
		Example: "  starter runbook graph switch-over.yaml --format svg > switch-over.svg",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := readDocument(args[0], a.in)
			if err != nil {
				return exit{exitUsage, err}
			}
			drawn := []byte(graph.Mermaid(doc))
			if format.value == "svg" {
				drawn = graph.SVG(doc, nil)
			}
			if a.json {
				return a.print(map[string]string{format.value: string(drawn)}, nil)
			}
			_, err = a.out.Write(drawn)
			return err
		},
	}
	cmd.Flags().Var(&format, "format", "mermaid or svg")
	return cmd
}

func (a *app) runbookSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of runbooks, for editors and forms",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.print(json.RawMessage(runbook.Schema()), nil)
			}
			_, err := a.out.Write(runbook.Schema())
			return err
		},
	}
}
