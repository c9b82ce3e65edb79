package signals

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

const keySize = 32

var keyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,16}$`)

// Keys sign and verify tokens. They print as their ids only. The zero value verifies nothing and cannot sign.
type Keys struct {
	list []*key // pointers, so that printing a struct around Keys shows addresses and not secrets
}

type key struct {
	id     string
	secret []byte
	macs   sync.Pool // of hash.Hash: a new one has to work the secret in first
}

// ParseKeys reads "id:base64key[,id:base64key…]": keys of 32 bytes in standard base64, of which the first signs
// and all verify; ids are unique and match [A-Za-z0-9_-]{1,16}. To rotate, put the new key behind
// the old one everywhere, then before it, and remove the old one when no run that it signed for is left. The error names every fault and never shows what might be key material.
func ParseKeys(s string) (Keys, error) {
	var keys Keys
	var faults []string
	seen := map[string]bool{}
	for i, entry := range strings.Split(s, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(entry), ":")
		if !found || !keyID.MatchString(id) {
			// Not even the id is shown: it may be a key in the wrong place.
			faults = append(faults, fmt.Sprintf("key %d is not id:base64key with an id of 1 to 16 letters, digits, _ or -", i+1))
			continue
		}
		if seen[id] {
			faults = append(faults, fmt.Sprintf("key %d: the id %q is given twice", i+1, id))
		}
		seen[id] = true
		secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(secret) != keySize {
			faults = append(faults, fmt.Sprintf("key %d (%q) is not %d bytes in base64 (openssl rand -base64 %d makes one)", i+1, id, keySize, keySize))
			continue
		}
		keys.list = append(keys.list, &key{id: id, secret: secret})
	}
	if len(faults) > 0 {
		return Keys{}, errors.New(strings.Join(faults, "; "))
	}
	return keys, nil
}

// None tells whether there are no keys at all.
func (k Keys) None() bool { return len(k.list) == 0 }

// All yields every id with its 32 secret bytes, the key that signs first: for what else is protected by keys in this notation.
func (k Keys) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range k.list {
			if !yield(key.id, key.secret) {
				return
			}
		}
	}
}

func (k Keys) find(id string) *key {
	for _, key := range k.list {
		if key.id == id {
			return key
		}
	}
	return nil
}

// String lists the ids, the signing key first.
func (k Keys) String() string {
	ids := make([]string, len(k.list))
	for i, key := range k.list {
		ids[i] = key.id
	}
	return "keys[" + strings.Join(ids, " ") + "]"
}

// Format prints the ids, whatever the verb.
func (k Keys) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, k.String())
}

// LogValue logs the ids.
func (k Keys) LogValue() slog.Value {
	return slog.StringValue(k.String())
}
