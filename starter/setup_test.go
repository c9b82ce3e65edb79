package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/workflows"
)

// namespace is the part of an operator service that setup talks to.
type namespace struct {
	operatorservice.OperatorServiceClient
	attributes      map[string]enumspb.IndexedValueType
	listing, adding error
	added           int
}

func (n *namespace) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	if n.listing != nil {
		return nil, n.listing
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: n.attributes}, nil
}

func (n *namespace) AddSearchAttributes(_ context.Context, in *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	n.added += len(in.SearchAttributes)
	return &operatorservice.AddSearchAttributesResponse{}, n.adding
}

func TestSetupAddsWhatIsMissingOrSaysHow(t *testing.T) {
	t.Parallel()
	var names []string
	some, all := map[string]enumspb.IndexedValueType{}, map[string]enumspb.IndexedValueType{}
	for i, key := range workflows.Attributes() {
		names = append(names, key.Name)
		all[key.Name] = key.Type
		if i > 0 {
			some[key.Name] = key.Type
		}
	}
	first, others := names[:1], names[1:]
	for name, test := range map[string]struct {
		namespace namespace
		address   string
		want      setup
	}{
		"what is missing is added": {namespace{attributes: some}, "temporal:7233",
			setup{Present: others, Added: first}},
		"nothing is missing": {namespace{attributes: all}, "ns.acc.tmprl.cloud:7233",
			setup{Present: names}},
		"the cloud": {namespace{attributes: some}, "ns.acc.tmprl.cloud:7233",
			setup{Present: others, Missing: first}},
		"a server that lists and does not add": {namespace{attributes: some, adding: serviceerror.NewUnimplemented("")}, "temporal:7233",
			setup{Present: others, Missing: first}},
		"a server that does not list": {namespace{listing: serviceerror.NewPermissionDenied("", "")}, "temporal:7233",
			setup{Missing: names}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, err := register(t.Context(), &test.namespace, test.address, "ns.acc")
			require.NoError(t, err)
			require.ElementsMatch(t, test.want.Present, done.Present)
			require.ElementsMatch(t, test.want.Added, done.Added)
			require.ElementsMatch(t, test.want.Missing, done.Missing)
			require.Equal(t, len(test.want.Missing) > 0, len(done.Commands) > 0)
			if strings.Contains(test.address, "cloud") {
				require.Zero(t, test.namespace.added, "the cloud is not asked")
			}
		})
	}
}

func TestSetupFailsWhereItCannotHelp(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]*namespace{
		"DpaPlanId of namespace \"ns\" is of type Text": {attributes: map[string]enumspb.IndexedValueType{"DpaPlanId": enumspb.INDEXED_VALUE_TYPE_TEXT}},
		"list the search attributes":                    {listing: errors.New("broken")},
		"add search attributes":                         {adding: errors.New("no more than 10")},
	} {
		_, err := register(t.Context(), n, "temporal:7233", "ns")
		require.ErrorContains(t, err, want)
	}
}

func TestSetupPrintsTheCommandsForTheCloud(t *testing.T) {
	t.Parallel()
	done, err := register(t.Context(), &namespace{}, "us-east-1.aws.api.temporal.io:7233", "ns.acc")
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, (&app{out: &out}).showSetup(done))
	require.Contains(t, out.String(), "tcld namespace search-attributes add --namespace ns.acc --search-attribute DpaPlanId=KeywordList --search-attribute Dpa")
	require.Contains(t, out.String(), "temporal cloud namespace search-attribute create --namespace ns.acc --name DpaStatus --type Keyword\n")
}

func TestTheCloudIsKnownByItsAddress(t *testing.T) {
	t.Parallel()
	for address, cloud := range map[string]bool{
		"ns.acc.tmprl.cloud:7233":            true,
		"NS.ACC.TMPRL.CLOUD.:7233":           true,
		"us-east-1.aws.api.temporal.io:7233": true,
		"ns.acc.tmprl.cloud":                 true,
		"tmprl.cloud.example:7233":           false,
		"127.0.0.1:7233":                     false,
		"eviltmprl.cloud:7233":               false,
	} {
		require.Equal(t, cloud, isCloud(address), address)
	}
}
