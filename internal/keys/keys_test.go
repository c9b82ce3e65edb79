package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ringOf makes keys with the given ids.
func ringOf(t testing.TB, ids ...string) Ring {
	entries := make([]string, len(ids))
	for i, id := range ids {
		secret := strings.Repeat(id, Size)[:Size]
		entries[i] = id + ":" + base64.StdEncoding.EncodeToString([]byte(secret))
	}
	ring, err := Parse(strings.Join(entries, ","))
	require.NoError(t, err)
	return ring
}

func TestParseNamesEveryFaultAndShowsNoKey(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s3cret!!", 4)))
	tests := map[string]struct {
		in     string
		faults []string
	}{
		"nothing at all":           {"", []string{"key 1 is not id:base64key"}},
		"a key without an id":      {secret, []string{"key 1 is not id:base64key"}},
		"id and key swapped":       {secret + ":a", []string{"key 1 is not id:base64key"}},
		"an id too long":           {strings.Repeat("a", 17) + ":" + secret, []string{"key 1 is not id:base64key"}},
		"a trailing comma":         {"a:" + secret + ",", []string{"key 2 is not id:base64key"}},
		"an id given twice":        {"a:" + secret + ",a:" + secret, []string{`key 2: the id "a" is given twice`}},
		"one key under two ids":    {"a:" + secret + ",b:" + secret, []string{`key 2 ("b") is the same as "a"`}},
		"a key too short":          {"a:" + secret[:40], []string{`key 1 ("a") is not 32 bytes`}},
		"not base64":               {"a:" + strings.Repeat("~", 44), []string{`key 1 ("a") is not 32 bytes`}},
		"several faults in one go": {"a:x,?:y,b:" + secret, []string{`key 1 ("a")`, "key 2 is not"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(test.in)
			require.Error(t, err)
			for _, fault := range test.faults {
				require.ErrorContains(t, err, fault)
			}
			require.NotContains(t, err.Error(), secret[:8])
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestParseForgivesSpaceAroundEntries(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString(make([]byte, Size))
	other := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", Size)))
	keys, err := Parse(" new:" + secret + ",\n old:" + other + "\n")
	require.NoError(t, err)
	require.Equal(t, "keys[new old]", keys.String())
}

func TestAllYieldsTheSigningKeyFirst(t *testing.T) {
	t.Parallel()
	var ids []string
	for id, secret := range ringOf(t, "alpha", "beta", "gamma").All() {
		require.Len(t, secret, Size)
		if ids = append(ids, id); id == "beta" {
			break
		}
	}
	require.Equal(t, []string{"alpha", "beta"}, ids)
}

func TestKeysPrintAsIDsOnly(t *testing.T) {
	t.Parallel()
	keys := ringOf(t, "alpha", "beta")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.Equal(t, "keys[alpha beta]", fmt.Sprintf(verb, keys), verb)
	}
	var out bytes.Buffer
	wrapped := struct{ inner Ring }{keys}
	fmt.Fprintf(&out, "%v %+v %#v", wrapped, wrapped, wrapped)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "keys", keys, "config", struct{ Keys Ring }{keys})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "keys", keys, "config", wrapped)
	require.NoError(t, json.NewEncoder(&out).Encode(struct{ K Ring }{keys}))
	for _, key := range keys.list {
		require.NotContains(t, out.String(), string(key.secret))
		require.NotContains(t, out.String(), base64.StdEncoding.EncodeToString(key.secret))
		require.NotContains(t, out.String(), fmt.Sprintf("%d", key.secret[0])+" "+fmt.Sprintf("%d", key.secret[1]))
		require.NotContains(t, out.String(), fmt.Sprintf("%x", key.secret[:8]))
	}
	require.Contains(t, out.String(), "keys[alpha beta]")
}
