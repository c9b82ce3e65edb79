package signals

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"strings"
)

// ErrToken is the answer to every token that was not signed by one of the keys for this kind and namespace.
// It does not say why: whoever forges tokens learns nothing.
var ErrToken = errors.New("no such callback address")

const (
	tokenVersion  = 1
	tracedVersion = 2 // of a token with a trace
	tokenDomain   = "dpaflow callback token v1"
	// version, kind, key id, trigger key, workflow id, trace, MAC; the texts behind a length of two bytes
	maxTokenSize = 1 + 1 + 2 + 16 + 2 + maxKey + 2 + maxWorkflowID + len(Trace{}) + sha256.Size
)

// kindCode is a kind's byte in a token, 0 for what is no kind.
func kindCode(k Kind) byte {
	switch k {
	case KindPlan:
		return 'P'
	case KindModel:
		return 'M'
	}
	return 0
}

// Token makes the token of a callback address: unguessable, URL-safe, one path segment of at most 1842 characters.
// It is a capability: keep it out of logs and histories. It panics where there is no key to sign with or
// the target is out of its limits, because such an address would lose its callbacks.
func (k Keys) Token(t Target) string {
	if len(k.list) == 0 {
		panic("signals: no key to sign a token with")
	}
	if !t.valid() {
		panic("signals: the target of a token needs a kind, a workflow id of 1 to 1000 bytes and a key of 1 to 300 bytes of UTF-8, and a valid trace or none")
	}
	signer := k.list[0]
	b := make([]byte, 0, maxTokenSize)
	version := byte(tokenVersion)
	if !t.Trace.isNone() {
		version = tracedVersion
	}
	b = append(b, version, kindCode(t.Kind))
	b = appendText(b, signer.id)
	b = appendText(b, t.Key)
	b = appendText(b, t.WorkflowID)
	if version == tracedVersion {
		b = append(b, t.Trace[:]...)
	}
	b = append(b, signer.mac(t.Namespace, b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Verify returns the target that a token was made for, or ErrToken. Of all spellings of a token exactly one verifies.
func (k Keys) Verify(kind Kind, namespace, token string) (Target, error) {
	if len(token) > base64.RawURLEncoding.EncodedLen(maxTokenSize) {
		return Target{}, ErrToken
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	// The decoder skips line breaks and drops spare bits, so only what encodes back to itself counts.
	if err != nil || len(raw) < 2+sha256.Size || base64.RawURLEncoding.EncodeToString(raw) != token {
		return Target{}, ErrToken
	}
	body, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	version := body[0]
	if version != tokenVersion && version != tracedVersion || body[1] != kindCode(kind) {
		return Target{}, ErrToken
	}
	t := Target{Kind: kind, Namespace: namespace}
	id, rest, ok1 := cutText(body[2:])
	triggerKey, rest, ok2 := cutText(rest)
	workflowID, rest, ok3 := cutText(rest)
	t.Key, t.WorkflowID = triggerKey, workflowID
	if version == tracedVersion && len(rest) == len(t.Trace) {
		t.Trace, rest = Trace(rest), nil
	}
	if !ok1 || !ok2 || !ok3 || len(rest) > 0 || !t.valid() || t.Trace.isNone() != (version == tokenVersion) {
		return Target{}, ErrToken
	}
	signer := k.find(id)
	if signer == nil || !hmac.Equal(mac, signer.mac(namespace, body)) {
		return Target{}, ErrToken
	}
	return t, nil
}

// CallbackURL is the address to hand to the platform: base, the bridge's address as the platform sees it,
// followed by /callbacks/{kind}/{token}.
func CallbackURL(base, token string, kind Kind) string {
	return strings.TrimRight(base, "/") + "/callbacks/" + string(kind) + "/" + token
}

func (k *key) mac(namespace string, body []byte) []byte {
	h, _ := k.macs.Get().(hash.Hash)
	if h == nil {
		h = hmac.New(sha256.New, k.secret)
	}
	prefix := appendText(appendText(nil, tokenDomain), namespace)
	h.Write(prefix)
	h.Write(body)
	sum := h.Sum(nil)
	h.Reset()
	k.macs.Put(h)
	return sum
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func cutText(b []byte) (text string, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < n {
		return "", nil, false
	}
	return string(b[2:n]), b[n:], true
}
