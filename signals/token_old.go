package signals

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// Tokens of the first form are longer: version, kind, key id, trigger key, workflow id, trace and MAC, the texts behind a
// length of two bytes. None is made any more; those that are out verify while their key stands.
const (
	oldVersion       = 1
	oldTracedVersion = 2 // of a token with a trace
	oldTokenDomain   = "dpaflow callback token v1"
	maxOldTokenSize  = 1 + 1 + 2 + 16 + 2 + maxKey + 2 + maxWorkflowID + len(Trace{}) + sha256.Size
)

// oldKinds are the bytes that stand for the kinds.
var oldKinds = map[Kind]byte{KindPlan: 'P', KindModel: 'M'}

func verifyOld(ring keys.Ring, kind Kind, namespace string, raw []byte) (Target, error) {
	if len(raw) < 2+sha256.Size {
		return Target{}, ErrToken
	}
	body, given := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	t := Target{Kind: kind, Namespace: namespace}
	id, rest, ok1 := cutText(body[2:])
	triggerKey, rest, ok2 := cutText(rest)
	workflowID, rest, ok3 := cutText(rest)
	t.Key, t.WorkflowID = triggerKey, workflowID
	traced := body[0] == oldTracedVersion && len(rest) == len(t.Trace)
	if traced {
		t.Trace = Trace(rest)
		t.Trace[24] &= 1 // sampled
	}
	plain := body[0] == oldVersion && len(rest) == 0
	if !ok1 || !ok2 || !ok3 || !traced && !plain || !t.valid() || body[1] != oldKinds[kind] {
		return Target{}, ErrToken
	}
	for other, secret := range ring.All() {
		if other == id && hmac.Equal(given, oldMAC(secret, namespace, body)) {
			return t, nil
		}
	}
	return Target{}, ErrToken
}

func oldMAC(secret []byte, namespace string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(appendText(appendText(nil, oldTokenDomain), namespace))
	h.Write(body)
	return h.Sum(nil)
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
