// Package encryption keeps what runs take, give and say from whoever can read
// Temporal's database: payloads and the messages of failures leave a program
// encrypted, and nothing that is not encrypted is believed.
//
// What Temporal itself has to read stays clear: ids, names of types, signals
// and updates, search attributes, times.
package encryption

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/dpaflow/dpaflow/signals"
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
	first string // id of the key that encrypts
	keys  map[string]cipher.AEAD
}

// New returns a codec of which the first key encrypts and all decrypt. An
// error says that there are no keys.
func New(keys signals.Keys) (*Codec, error) {
	c := &Codec{keys: map[string]cipher.AEAD{}}
	for id, secret := range keys.All() {
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
	return c, nil
}

// Encode encrypts payloads, their metadata included.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
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
// [ErrDamaged], and shows nothing of the payload.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.decrypt)
}

func (c *Codec) decrypt(p *commonpb.Payload) (*commonpb.Payload, error) {
	if !encrypted(p) {
		return nil, ErrPlaintext
	}
	id := string(p.GetMetadata()[keyID])
	key, known := c.keys[id]
	if !known {
		return nil, fmt.Errorf("%w: its id is %.40q", ErrUnknownKey, id)
	}
	plain, err := key.Open(nil, nil, p.GetData(), bound(id))
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrDamaged, id)
	}
	decrypted := new(commonpb.Payload)
	if err := proto.Unmarshal(plain, decrypted); err != nil {
		return nil, fmt.Errorf("%w: %q", ErrDamaged, id)
	}
	return decrypted, nil
}

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
