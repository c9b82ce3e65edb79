package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/dpaflow/dpaflow/workflows"
)

func (a *app) setup() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Register the search attributes that runs are found by",
		Long: "Register the search attributes that runs are found by, where the namespace does not have them yet. Workers notice\n" +
			"within a minute. Temporal Cloud lets only its own tools do it: there this prints the commands.",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			temporal, _, err := a.temporal(cmd.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			done, err := register(cmd.Context(), temporal.OperatorService(), temporal.Address, temporal.Namespace)
			if err != nil {
				return err
			}
			return a.showSetup(done)
		},
	}
}

// setup is what was done for a namespace, or what is left to do by hand.
type setup struct {
	Namespace string   `json:"namespace"`
	Present   []string `json:"present"`
	Added     []string `json:"added"`
	Missing   []string `json:"missing"`
	// Commands register what is missing, by one of Temporal Cloud's tools or the other.
	Commands []string `json:"commands,omitempty"`
}

// register adds the search attributes that are missing. Where the server lets nobody do so through
// this service, they are returned as missing, with the commands that add them.
func register(ctx context.Context, operator operatorservice.OperatorServiceClient, address, namespace string) (setup, error) {
	done := setup{Namespace: namespace, Present: []string{}, Added: []string{}, Missing: []string{}}
	listed, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil && !notAllowed(err) {
		return setup{}, fmt.Errorf("list the search attributes of namespace %q: %w", namespace, err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, key := range workflows.Attributes() {
		name := key.Name
		switch listed.GetCustomAttributes()[name] {
		case key.Type:
			done.Present = append(done.Present, name)
		case enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED:
			done.Missing = append(done.Missing, name)
			missing[name] = key.Type
		default:
			return setup{}, fmt.Errorf("search attribute %s of namespace %q is of type %s, and dpaflow needs %s; remove or rename it first",
				name, namespace, listed.GetCustomAttributes()[name], key.Type)
		}
	}
	if len(missing) == 0 {
		return done, nil
	}
	byHand := err != nil || isCloud(address)
	if !byHand {
		_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
		byHand = notAllowed(err)
	}
	switch {
	case byHand:
		done.Commands = cloudCommands(namespace, done.Missing)
	case err != nil:
		return setup{}, fmt.Errorf("add search attributes to namespace %q: %w", namespace, err)
	default:
		done.Added, done.Missing = done.Missing, []string{}
	}
	return done, nil
}

func notAllowed(err error) bool {
	var unimplemented *serviceerror.Unimplemented
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &unimplemented) || errors.As(err, &denied)
}

// isCloud tells Temporal Cloud by its address.
func isCloud(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return strings.HasSuffix(host, ".tmprl.cloud") || strings.HasSuffix(host, ".api.temporal.io")
}

func cloudCommands(namespace string, names []string) (commands []string) {
	tcld := "tcld namespace search-attributes add --namespace " + namespace
	for _, name := range names {
		tcld += " --search-attribute " + name + "=" + typeOf(name)
		commands = append(commands, "temporal cloud namespace search-attribute create --namespace "+namespace+" --name "+name+" --type "+typeOf(name))
	}
	return append([]string{tcld}, commands...)
}

// typeOf is the type of one of dpaflow's search attributes.
func typeOf(name string) string {
	for _, attribute := range workflows.Attributes() {
		if attribute.Name == name {
			return attribute.Type.String()
		}
	}
	return ""
}

func (a *app) showSetup(done setup) error {
	err := a.print(done, func(t table.Writer) {
		t.AppendHeader(table.Row{"Search attribute", "Type", "State"})
		for _, group := range []struct {
			names []string
			state string
		}{{done.Present, "was there"}, {done.Added, "added"}, {done.Missing, "missing"}} {
			for _, name := range group.names {
				t.AppendRow(table.Row{name, typeOf(name), group.state})
			}
		}
	})
	if err != nil || a.json || len(done.Commands) == 0 {
		return err
	}
	_, err = fmt.Fprintf(a.out, "This server does not let them be added from here. With Temporal Cloud, somebody who may change the namespace runs\n\n  %s\n\nor\n\n  %s\n",
		done.Commands[0], strings.Join(done.Commands[1:], "\n  "))
	return err
}
