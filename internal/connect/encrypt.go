package connect

import (
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/dpaflow/dpaflow/internal/encryption"
	"github.com/dpaflow/dpaflow/signals"
)

// encrypt has a client encrypt what it sends and decrypt what it gets: payloads, and with them the
// messages and stacks of failures, which are clear texts otherwise. Its log shows no such messages either.
func encrypt(options *client.Options, keys signals.Keys, worker bool) error {
	codec, err := encryption.New(keys)
	if err != nil {
		return fmt.Errorf("%w; check DPA_ENCRYPTION_KEYS", err)
	}
	options.Logger = discreet{options.Logger}
	var payloads converter.PayloadCodec = codec
	if worker {
		payloads = codec.ForWorker()
	}
	options.DataConverter = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), payloads)
	options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: options.DataConverter, EncodeCommonAttributes: true,
	})
	return nil
}
