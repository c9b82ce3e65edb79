package encryption

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// ForWorker returns the codec of a worker. An error would make the SDK drop a
// callback, or fail a run, for a key that is only missing here and now: while
// a new key is brought out, some programs have it before others. So it panics,
// which makes Temporal try the workflow task again until the key is there.
func (c *Codec) ForWorker() converter.PayloadCodec { return worker{c} }

type worker struct{ *Codec }

func (w worker) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded, err := w.Codec.Decode(payloads)
	if errors.Is(err, ErrUnknownKey) {
		panic(err)
	}
	return decoded, err
}

// ForPeople returns the codec of a codec server, which shows histories and
// acts on nothing: what is not encrypted it shows as it is.
func (c *Codec) ForPeople() converter.PayloadCodec { return people{c} }

type people struct{ *Codec }

func (p people) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, func(payload *commonpb.Payload) (*commonpb.Payload, error) {
		if !encrypted(payload) {
			return payload, nil
		}
		return p.decrypt(payload)
	})
}
