// Package connect makes the connection to Temporal that every program here
// needs, from the variables and profiles that Temporal's own tools read.
package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// Options of a connection; the zero value is usable.
type Options struct {
	Env          envconfig.EnvLookup             // where TEMPORAL_… is looked up; nil: the process's environment
	Logger       *slog.Logger                    // nil: slog's default
	Metrics      client.MetricsHandler           // receives the SDK's metrics; nil: nobody does
	Interceptors []interceptor.ClientInterceptor // of the client, and of workers that are made with it
	DialOptions  []grpc.DialOption               // such as gRPC's own interceptors
	Lazy         bool                            // connect at the first call, so that a program starts without Temporal
	RPCTimeout   time.Duration                   // of one call, the first included; 0: the SDK's own, seconds

	EncryptionKeys keys.Ring            // encrypt what is sent, and refuse what is not encrypted; none: nothing is encrypted
	MeterProvider  metric.MeterProvider // counts what is encrypted; nil: nobody does
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
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	options, err := load(o.Env, logger)
	if err != nil {
		return nil, fmt.Errorf("read Temporal's configuration (TEMPORAL_… variables, or the profile in its file): %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	options.Logger = log.NewStructuredLogger(logger)
	options.MetricsHandler = o.Metrics
	options.Interceptors = o.Interceptors
	options.DataConverter = converter.GetDefaultDataConverter()
	if !o.EncryptionKeys.None() {
		if o.MeterProvider == nil {
			o.MeterProvider = noop.NewMeterProvider()
		}
		if err := encrypt(&options, o.EncryptionKeys, o.MeterProvider); err != nil {
			return nil, err
		}
	}
	options.RPCTimeout, options.ConnectionOptions.GetSystemInfoTimeout = o.RPCTimeout, o.RPCTimeout
	// What is sent is small: to compress it takes more time than it saves.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(plainResourceHeader))
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, o.DialOptions...)

	c := &Client{Address: options.HostPort, Namespace: options.Namespace, Converter: options.DataConverter}
	if err := c.open(ctx, options, o.Lazy); err != nil {
		return nil, c.unreachable(err)
	}
	return c, nil
}

func (c *Client) open(ctx context.Context, options client.Options, lazy bool) (err error) {
	if lazy {
		c.Client, err = client.NewLazyClient(options)
		return err
	}
	if c.Client, err = client.DialContext(ctx, options); err != nil {
		return err
	}
	// Who works with runs may not be allowed to describe their namespace: only one that is certainly missing is an error.
	var missing *serviceerror.NamespaceNotFound
	if err := c.describe(ctx); errors.As(err, &missing) {
		c.Close()
		return err
	}
	return nil
}

// Ready says whether the server answers, and lets this client into its namespace: a check for readiness.
func (c *Client) Ready(ctx context.Context) error {
	if err := c.describe(ctx); err != nil {
		return c.unreachable(err)
	}
	return nil
}

func (c *Client) describe(ctx context.Context) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: c.Namespace})
	return err
}

func (c *Client) unreachable(err error) error {
	return fmt.Errorf("use Temporal at %s, namespace %q: %w; check that it runs, and TEMPORAL_ADDRESS, "+
		"TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS", c.Address, c.Namespace, err)
}
