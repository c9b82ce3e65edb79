package encryption

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

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
