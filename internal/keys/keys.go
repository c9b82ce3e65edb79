// Package keys reads lists of secret keys, of which the first is used and all are accepted, so that keys can be rotated.
package keys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// Size of a key in bytes.
const Size = 32

var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,16}$`)

// Ring holds keys, the one to sign or encrypt with first. It prints as their ids only. The zero value has none.
type Ring struct {
	list []*key // pointers, so that printing a struct around a Ring shows addresses and not secrets
}

type key struct {
	id     string
	secret []byte
}

// Parse reads "id:base64key[,id:base64key…]": keys of 32 bytes in standard base64; ids are unique and match
// [A-Za-z0-9_-]{1,16}. To rotate, put the new key behind the old one everywhere, then before it, and remove the old one
// when nothing that it was used for is left. The error names every finding and never shows what might be key material.
func Parse(s string) (Ring, error) {
	var ring Ring
	var findings []string
	for i, entry := range strings.Split(s, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(entry), ":")
		if !found || !validID.MatchString(id) {
			// Not even the id is shown: it may be a key in the wrong place.
			findings = append(findings, fmt.Sprintf("key %d is not id:base64key with an id of 1 to 16 letters, digits, _ or -", i+1))
			continue
		}
		secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(secret) != Size {
			findings = append(findings, fmt.Sprintf("key %d (%q) is not %d bytes in base64 (openssl rand -base64 %d makes one)", i+1, id, Size, Size))
			continue
		}
		for _, other := range ring.list {
			if other.id == id {
				findings = append(findings, fmt.Sprintf("key %d: the id %q is given twice", i+1, id))
			} else if slices.Equal(other.secret, secret) {
				findings = append(findings, fmt.Sprintf("key %d (%q) is the same as %q: give each id a key of its own", i+1, id, other.id))
			}
		}
		ring.list = append(ring.list, &key{id, secret})
	}
	if len(findings) > 0 {
		return Ring{}, errors.New(strings.Join(findings, "; "))
	}
	return ring, nil
}

// None tells whether there are no keys at all.
func (r Ring) None() bool { return len(r.list) == 0 }

// All yields every id with its secret bytes, the first key first.
func (r Ring) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range r.list {
			if !yield(key.id, key.secret) {
				return
			}
		}
	}
}

// String lists the ids, the first key's first.
func (r Ring) String() string {
	ids := make([]string, len(r.list))
	for i, key := range r.list {
		ids[i] = key.id
	}
	return "keys[" + strings.Join(ids, " ") + "]"
}

// Format prints the ids, whatever the verb.
func (r Ring) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, r.String())
}

// LogValue logs the ids.
func (r Ring) LogValue() slog.Value {
	return slog.StringValue(r.String())
}
