// Package encryption keeps what runs take, give and say from whoever can read
// Temporal's database: payloads and the messages of failures leave a program
// encrypted, and nothing that is not encrypted is believed.
//
// What Temporal itself has to read stays clear: ids, names of types, signals
// and updates, search attributes, times.
package encryption

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/nexus-rpc/sdk-go/nexus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/dpaflow/dpaflow/internal/keys"
)

const (
	encoding = "binary/encrypted"
	keyID    = "encryption-key-id" // of an encrypted payload's metadata
)

// What is wrong with a payload that is not decrypted.
var (
	// ErrPlaintext: whoever wrote the payload had no keys.
	ErrPlaintext = errors.New("the payload is not encrypted, and DPA_ENCRYPTION_KEYS is set: " +
		"send it with the same keys, or through the codec server")
	// ErrUnknownKey: the key is missing here; it may be there after the next restart.
	ErrUnknownKey = errors.New("the payload is encrypted with a key that is not among DPA_ENCRYPTION_KEYS")
	// ErrDamaged: the payload is not as the key's holder wrote it.
	ErrDamaged = errors.New("the encrypted payload was changed, or the key of DPA_ENCRYPTION_KEYS with its id is another one")
)

// Codec encrypts and decrypts payloads with AES-256-GCM. It is a
// [converter.PayloadCodec], for any number of goroutines.
type Codec struct {
	first   string // id of the key that encrypts
	keys    map[string]cipher.AEAD
	counter metric.Int64Counter // of what it encrypts
	counted metric.MeasurementOption
}

// New returns a codec of which the first key encrypts and all decrypt. It counts dpaflow_encryptions: with nonces that
// are random a key is good for 2^32 payloads, of all programs together. An error says that there are no keys.
func New(ring keys.Ring, meters metric.MeterProvider) (*Codec, error) {
	c := &Codec{keys: map[string]cipher.AEAD{}}
	for id, secret := range ring.All() {
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, fmt.Errorf("use encryption key %q: %w", id, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("use encryption key %q: %w", id, err)
		}
		if c.first == "" {
			c.first = id
		}
		c.keys[id] = aead
	}
	if c.first == "" {
		return nil, errors.New("encrypt payloads: there are no keys")
	}
	c.counted = metric.WithAttributeSet(attribute.NewSet(attribute.String("key", c.first)))
	var err error
	c.counter, err = meters.Meter("github.com/dpaflow/dpaflow/internal/encryption").Int64Counter("dpaflow_encryptions",
		metric.WithDescription("Payloads encrypted by this program with a key, of which all programs together may encrypt 2^32."))
	if err != nil {
		return nil, fmt.Errorf("count what is encrypted: %w", err)
	}
	return c, nil
}

// Encode encrypts payloads, their metadata included.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	c.counter.Add(context.Background(), int64(len(payloads)), c.counted)
	return each(payloads, func(p *commonpb.Payload) (*commonpb.Payload, error) {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		return &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyID: []byte(c.first)},
			Data:     c.keys[c.first].Seal(nil, nil, plain, bound(c.first)),
		}, nil
	})
}

// Decode decrypts payloads. Its error wraps [ErrPlaintext], [ErrUnknownKey] or
// [ErrDamaged], and shows nothing of the payload. Where a key is unknown, a
// worker tries the workflow task again until it has the key.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.decrypt)
}

func (c *Codec) decrypt(p *commonpb.Payload) (*commonpb.Payload, error) {
	key, err := c.keyOf(p)
	if err != nil {
		return nil, err
	}
	plain, err := key.Open(nil, nil, p.GetData(), bound(idOf(p)))
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrDamaged, idOf(p))
	}
	decrypted := new(commonpb.Payload)
	if err := proto.Unmarshal(plain, decrypted); err != nil {
		return nil, fmt.Errorf("%w: %q", ErrDamaged, idOf(p))
	}
	return decrypted, nil
}

func (c *Codec) keyOf(p *commonpb.Payload) (cipher.AEAD, error) {
	if !encrypted(p) {
		return nil, ErrPlaintext
	}
	key, known := c.keys[idOf(p)]
	if !known {
		return nil, converter.NewWorkflowTaskFailureError(unknownKey(idOf(p)))
	}
	return key, nil
}

// unknownKey is the error of a key id that is not known here and now. A Nexus operation, too, is tried again.
type unknownKey string

func (id unknownKey) Error() string {
	return fmt.Sprintf("%v: its id is %.40q", ErrUnknownKey, string(id))
}

func (id unknownKey) Unwrap() []error {
	return []error{ErrUnknownKey, &nexus.HandlerError{Type: nexus.HandlerErrorTypeUnavailable, Message: ErrUnknownKey.Error()}}
}

func idOf(p *commonpb.Payload) string { return string(p.GetMetadata()[keyID]) }

func encrypted(p *commonpb.Payload) bool {
	return string(p.GetMetadata()[converter.MetadataEncoding]) == encoding
}

// bound is what the ciphertext holds only together with.
func bound(id string) []byte { return []byte(encoding + "\x00" + id) }

func each(payloads []*commonpb.Payload, do func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	done := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if done[i], err = do(p); err != nil {
			return nil, err
		}
	}
	return done, nil
}
