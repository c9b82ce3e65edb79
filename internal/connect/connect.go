// Package connect makes the connection to Temporal that every program here
// needs, from the variables and profiles that Temporal's own tools read.
package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/signals"
)

// Options of a connection; the zero value is usable.
type Options struct {
	Env          envconfig.EnvLookup             // where TEMPORAL_… is looked up; nil: the process's environment
	Logger       *slog.Logger                    // nil: slog's default
	Metrics      client.MetricsHandler           // receives the SDK's metrics; nil: nobody does
	Interceptors []interceptor.ClientInterceptor // of the client, and of workers that are made with it
	DialOptions  []grpc.DialOption               // such as gRPC's own interceptors
	Lazy         bool                            // connect at the first call, so that a program starts without Temporal

	EncryptionKeys signals.Keys // encrypt what is sent, and refuse what is not encrypted; none: nothing is encrypted
	Worker         bool         // wait for an encryption key that is missing, where other programs fail
}

// Client is a Temporal client that knows where it is connected to.
type Client struct {
	client.Client
	Address   string // host:port
	Namespace string
	Converter converter.DataConverter // reads payloads that the server gives as they are
}

// Dial connects to the server and the namespace that the environment names.
// Unless it is lazy, it returns only once both are there; its error says what
// was tried and which variables to check.
func Dial(ctx context.Context, o Options) (*Client, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: o.Env})
	if err != nil {
		return nil, fmt.Errorf("read Temporal's configuration (TEMPORAL_… variables, or the profile in its file): %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	options.Logger = log.NewStructuredLogger(logger)
	options.MetricsHandler = o.Metrics
	options.Interceptors = o.Interceptors
	options.DataConverter = converter.GetDefaultDataConverter()
	if !o.EncryptionKeys.None() {
		if err := encrypt(&options, o.EncryptionKeys, o.Worker); err != nil {
			return nil, err
		}
	}
	// What is sent is small: to compress it takes more time than it saves.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(plainResourceHeader))
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, o.DialOptions...)

	c, err := open(ctx, options, o.Lazy)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s, namespace %q: %w; check that it runs, and TEMPORAL_ADDRESS, "+
			"TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS", options.HostPort, options.Namespace, err)
	}
	return &Client{Client: c, Address: options.HostPort, Namespace: options.Namespace, Converter: options.DataConverter}, nil
}

func open(ctx context.Context, options client.Options, lazy bool) (client.Client, error) {
	if lazy {
		return client.NewLazyClient(options)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, err
	}
	// A client may not be allowed to describe its namespace, and works all the
	// same: only a namespace that is certainly missing is an error.
	_, err = c.WorkflowService().DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: options.Namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Ready says whether the server answers: a check for readiness.
func (c *Client) Ready(ctx context.Context) error {
	if _, err := c.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("reach Temporal at %s: %w", c.Address, err)
	}
	return nil
}
