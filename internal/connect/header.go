package connect

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// resourceHeader is a hint for routing: the SDK copies the workflow id into it, and the server does not need it.
const resourceHeader = "temporal-resource-id"

// plainResourceHeader drops the header where gRPC would refuse the whole call for it: a workflow id may be any
// text, and a header only printable ASCII. It sees what the SDK's own interceptors, which run before it, have set.
func plainResourceHeader(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if headers, ok := metadata.FromOutgoingContext(ctx); ok && slices.ContainsFunc(headers.Get(resourceHeader), unprintable) {
		headers.Delete(resourceHeader) // FromOutgoingContext made a copy
		ctx = metadata.NewOutgoingContext(ctx, headers)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

func unprintable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
