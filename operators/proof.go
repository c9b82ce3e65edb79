// Package operators proves who acts on a run. A proof is part of an update's argument, as its field "proof". Whoever
// holds the keys makes it: the console for those who signed in to it, and the command line for its user. Workers with
// the interceptor of this package take operators' updates only with one.
package operators

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// Validity is how old a proof may be when an update is first sent. A reset, which applies updates again, takes older ones.
const Validity = 10 * time.Minute

// ByKeyHolder begins the subject of a proof that somebody made who holds the keys, instead of signing in.
const ByKeyHolder = "key-holder:"

// Update is what a proof is bound to, together with the update's whole argument.
type Update struct {
	WorkflowID string
	// FirstRunID is that of the first run of the workflow: the same after a reset, and where a run continues as new, but
	// another where the workflow id is used again.
	FirstRunID string
	Name       string
	ID         string
}

// claim is what a proof says by itself.
type claim struct {
	Subject string    `json:"sub"`
	At      time.Time `json:"at"`
}

const domain = "dpaflow operator's proof v1"

// Sign returns the argument of an update with a proof that its "by" is the subject: the identity provider's id of a
// person, or ByKeyHolder and a name. The error says what is missing.
func Sign(ring keys.Ring, u Update, subject string, now time.Time, argument any) (map[string]any, error) {
	data, err := json.Marshal(argument)
	if err != nil {
		return nil, fmt.Errorf("write the argument of %s: %w", u.Name, err)
	}
	fields, _, err := split(data)
	if err != nil {
		return nil, err
	}
	if by, _ := fields["by"].(string); by == "" || subject == "" || u.WorkflowID == "" || u.FirstRunID == "" || u.ID == "" {
		return nil, fmt.Errorf("sign %s: who acts, and on which run, must be known", u.Name)
	}
	said, err := json.Marshal(claim{subject, now.UTC().Truncate(time.Second)})
	if err != nil {
		return nil, fmt.Errorf("write the proof of %s: %w", u.Name, err)
	}
	for id, secret := range ring.All() { // the first signs
		sum, err := mac(secret, id, u, said, fields)
		if err != nil {
			return nil, err
		}
		encode := base64.RawURLEncoding.EncodeToString
		fields["proof"] = id + "." + encode(said) + "." + encode(sum)
		return fields, nil
	}
	return nil, errors.New("there is no key to sign with; check DPA_OPERATOR_KEYS")
}

// Subject returns who the proof in an update's argument is of; empty where there is none. It verifies nothing: an update
// that a worker took has been.
func Subject(proof string) string {
	said, _, err := read(proof)
	if err != nil {
		return ""
	}
	return said.Subject
}

// Errors of an argument's proof.
var (
	errNone   = errors.New("this worker takes operators' actions only with a proof of who acts: use the console, or the command line with DPA_OPERATOR_KEYS set")
	errForged = errors.New("the proof of who acts was made for another run, action or person, or with a key that this worker does not have: act again in the console; if that fails too, check DPA_OPERATOR_KEYS")
)

// verify returns the claim of the proof in an argument that was signed for this update by one of the keys.
func verify(ring keys.Ring, u Update, argument []byte) (claim, error) {
	fields, proof, err := split(argument)
	if err != nil {
		return claim{}, err
	}
	if proof == "" {
		return claim{}, errNone
	}
	said, parts, err := read(proof)
	if err != nil {
		return claim{}, errForged
	}
	for id, secret := range ring.All() {
		if id != parts.key {
			continue
		}
		want, err := mac(secret, id, u, parts.said, fields)
		if err == nil && hmac.Equal(want, parts.mac) {
			return said, nil
		}
	}
	return claim{}, errForged
}

type parts struct {
	key       string
	said, mac []byte
}

func read(proof string) (said claim, p parts, err error) {
	pieces := strings.Split(proof, ".")
	if len(pieces) != 3 {
		return said, p, errForged
	}
	p.key = pieces[0]
	if p.said, err = base64.RawURLEncoding.DecodeString(pieces[1]); err != nil {
		return said, p, errForged
	}
	if p.mac, err = base64.RawURLEncoding.DecodeString(pieces[2]); err != nil {
		return said, p, errForged
	}
	return said, p, json.Unmarshal(p.said, &said)
}

// split returns the fields of an argument without the proof, and the proof.
func split(argument []byte) (fields map[string]any, proof string, err error) {
	decoder := json.NewDecoder(bytes.NewReader(argument))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return nil, "", fmt.Errorf("the argument must be a JSON object: %w", err)
	}
	proof, _ = fields["proof"].(string)
	delete(fields, "proof")
	return fields, proof, nil
}

// mac binds a proof to everything that it is for. Each part is preceded by its length, so that no two lists of parts look
// the same; the argument is written by the order of its fields' names.
func mac(secret []byte, keyID string, u Update, said []byte, fields map[string]any) ([]byte, error) {
	argument, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("write the argument of %s: %w", u.Name, err)
	}
	sum := hmac.New(sha256.New, secret)
	for _, part := range []string{domain, keyID, u.WorkflowID, u.FirstRunID, u.Name, u.ID, string(said), string(argument)} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		sum.Write(length[:])
		sum.Write([]byte(part))
	}
	return sum.Sum(nil), nil
}
