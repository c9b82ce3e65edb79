package signals

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// ErrToken is the answer to every token that was not signed by one of the keys for this kind and namespace.
// It does not say why: whoever forges tokens learns nothing.
var ErrToken = errors.New("no such callback address")

// A token is what it holds, in the order below, and a MAC. Platforms often keep 255 characters of an address, so ids that
// are UUIDs and hashes stand in it raw, and no length is given of what is last. The first byte says which they are.
const (
	tokenShort  = 1 << 7 // set in every token of this form
	hasTrace    = 1 << 0
	ofScene     = 1 << 1 // the trigger's key begins with SceneKeyPrefix
	uuidKey     = 1 << 2 // it goes on with a UUID and a dot
	hashKey     = 1 << 3 // what is left of it is a hash in hex; otherwise, text behind its length
	uuidRun     = 1 << 4 // the workflow's id is a UUID; otherwise, text
	isSampled   = 1 << 5 // the trace
	tokenDomain = "dpaflow callback token v3"

	macSize  = 16
	hashSize = 8
)

// Token makes the token of a callback address: unguessable, URL-safe, one path segment. It is a capability: keep it out of
// logs and histories. It panics where there is no key to sign with or the target is out of its limits, because such an
// address would lose its callbacks.
func Token(ring keys.Ring, t Target) string {
	if !t.valid() {
		panic("signals: the target of a token needs a kind, a workflow id of 1 to 1000 bytes and a key of 1 to 300 bytes of UTF-8, and a valid trace or none")
	}
	for _, secret := range ring.All() { // the first signs
		b := encode(t)
		return base64.RawURLEncoding.EncodeToString(append(b, mac(secret, t, b)...))
	}
	panic("signals: no key to sign a token with")
}

// Verify returns the target that a token was made for, or ErrToken. Of all spellings of a token exactly one verifies.
func Verify(ring keys.Ring, kind Kind, namespace, token string) (Target, error) {
	if len(token) > base64.RawURLEncoding.EncodedLen(maxOldTokenSize) {
		return Target{}, ErrToken
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	// The decoder skips line breaks and drops spare bits, so only what encodes back to itself counts.
	if err != nil || len(raw) <= macSize || base64.RawURLEncoding.EncodeToString(raw) != token {
		return Target{}, ErrToken
	}
	if raw[0]&tokenShort == 0 {
		return verifyOld(ring, kind, namespace, raw)
	}
	t := Target{Kind: kind, Namespace: namespace}
	body, given := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	for _, secret := range ring.All() {
		if hmac.Equal(given, mac(secret, t, body)) {
			if !t.decode(body) || !t.valid() {
				return Target{}, ErrToken
			}
			return t, nil
		}
	}
	return Target{}, ErrToken
}

func encode(t Target) []byte {
	flags, key := byte(tokenShort), t.Key
	var b []byte
	if !t.Trace.isNone() {
		flags, b = flags|hasTrace|t.Trace[24]*isSampled, append(b, t.Trace[:24]...)
	}
	if rest, ok := strings.CutPrefix(key, SceneKeyPrefix); ok {
		flags, key = flags|ofScene, rest
	}
	if origin, rest, ok := strings.Cut(key, "."); ok && isUUID(origin) {
		id := uuid.MustParse(origin)
		flags, b, key = flags|uuidKey, append(b, id[:]...), rest
	}
	if hash, err := hex.DecodeString(key); err == nil && len(hash) == hashSize && hex.EncodeToString(hash) == key {
		flags, b = flags|hashKey, append(b, hash...)
	} else {
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	}
	if isUUID(t.WorkflowID) {
		id := uuid.MustParse(t.WorkflowID)
		flags, b = flags|uuidRun, append(b, id[:]...)
	} else {
		b = append(b, t.WorkflowID...)
	}
	return append([]byte{flags}, b...)
}

// decode reads what encode made. There is nothing else whose MAC is right.
func (t *Target) decode(body []byte) (ok bool) {
	flags, rest := body[0], body[1:]
	take := func(n int) (part []byte) {
		if len(rest) < n {
			return nil
		}
		part, rest = rest[:n], rest[n:]
		return part
	}
	var key strings.Builder
	if flags&hasTrace != 0 {
		copy(t.Trace[:], take(24))
		t.Trace[24] = flags & isSampled / isSampled
	}
	if flags&ofScene != 0 {
		key.WriteString(SceneKeyPrefix)
	}
	if flags&uuidKey != 0 {
		id, _ := uuid.FromBytes(take(len(uuid.UUID{})))
		key.WriteString(id.String() + ".")
	}
	if flags&hashKey != 0 {
		key.WriteString(hex.EncodeToString(take(hashSize)))
	} else {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > maxKey {
			return false
		}
		take(size)
		key.Write(take(int(n)))
	}
	t.Key, t.WorkflowID = key.String(), string(rest)
	if flags&uuidRun != 0 {
		id, _ := uuid.FromBytes(rest)
		t.WorkflowID = id.String()
	}
	return true
}

// isUUID tells whether a text is a UUID as Temporal spells it, the only way that is read back.
func isUUID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}

// mac covers the target's kind and namespace, which are not in the body.
func mac(secret []byte, t Target, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(appendText(appendText(appendText(nil, tokenDomain), t.Namespace), string(t.Kind)))
	h.Write(body)
	return h.Sum(nil)[:macSize]
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
