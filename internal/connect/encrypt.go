package connect

import (
	"fmt"

	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/internal/encryption"
	"github.com/dpaflow/dpaflow/internal/keys"
)

// encrypt has a client encrypt what it sends and decrypt what it gets: payloads, and with them the
// messages and stacks of failures, which are clear texts otherwise. Its log shows no such messages either.
func encrypt(options *client.Options, ring keys.Ring, meters metric.MeterProvider) error {
	codec, err := encryption.New(ring, meters)
	if err != nil {
		return fmt.Errorf("%w; check DPA_ENCRYPTION_KEYS", err)
	}
	options.Logger = discreet{options.Logger}
	options.Interceptors = append(options.Interceptors, codec.Signals())
	options.DataConverter = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec)
	options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: options.DataConverter, EncodeCommonAttributes: true,
	})
	return nil
}
