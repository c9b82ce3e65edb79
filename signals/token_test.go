package signals

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/keys"
)

func TestATokenComesBackAsItsTarget(t *testing.T) {
	t.Parallel()
	tests := map[string]Target{
		"a plan":         planTarget(),
		"a model":        {Kind: KindModel, Namespace: namespace, WorkflowID: "w", Key: "k"},
		"no namespace":   {Kind: KindModel, WorkflowID: "w", Key: "k"},
		"longest texts":  {Kind: KindPlan, Namespace: namespace, WorkflowID: strings.Repeat("预x", 250), Key: strings.Repeat("é", 150)},
		"awkward bytes":  {Kind: KindPlan, Namespace: namespace, WorkflowID: "a\x00b\n../%2F?#", Key: "\x00"},
		"longest key id": {Kind: KindPlan, Namespace: namespace, WorkflowID: strings.Repeat("w", 1000), Key: strings.Repeat("k", 300)},
		"with a trace":   tracedTarget(),
		"not sampled":    {Kind: KindPlan, WorkflowID: "w", Key: "k", Trace: Trace(append(sampled[:24:24], 0))},
		"longest of all": {Kind: KindPlan, Namespace: namespace, WorkflowID: strings.Repeat("w", 1000), Key: strings.Repeat("k", 300), Trace: sampled},
	}
	ring := keysOf(t, "key-id_of_16_chr")
	for name, target := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := Token(ring, target)
			require.Regexp(t, `^[A-Za-z0-9_-]+$`, token)
			require.LessOrEqual(t, len(token), 1842)
			got, err := Verify(ring, target.Kind, target.Namespace, token)
			require.NoError(t, err)
			require.Equal(t, target, got)
		})
	}
}

func TestTheSameTargetAlwaysHasTheSameToken(t *testing.T) {
	t.Parallel()
	require.Equal(t, Token(keysOf(t, "a"), planTarget()), Token(keysOf(t, "a", "b"), planTarget()))
}

func TestTokensOfTheOldFormVerifyWhileTheirKeyStands(t *testing.T) {
	t.Parallel()
	ring, err := keys.Parse("k1:" + strings.Repeat("A", 43) + "=")
	require.NoError(t, err)
	const token = "AVAAAmsxAAVydW4uMQAM5py65oi_5YiH5o2i07U74NkuJ5IW5T53B9lF7XN4gUY5nZlDHbTR2gkTTsU"
	target, err := Verify(ring, KindPlan, "ops", token)
	require.NoError(t, err)
	require.Equal(t, Target{Kind: KindPlan, Namespace: "ops", WorkflowID: "机房切换", Key: "run.1"}, target)
	for name, other := range map[string]struct {
		ring      keys.Ring
		kind      Kind
		namespace string
	}{
		"its key is gone":                 {keysOf(t, "k1"), KindPlan, "ops"},
		"its key has another id":          {renamed(t), KindPlan, "ops"},
		"a token of the other kind":       {ring, KindModel, "ops"},
		"a token of another namespace":    {ring, KindPlan, "other"},
		"a token of a kind that is not":   {ring, "job", "ops"},
		"a token where there are no keys": {keys.Ring{}, KindPlan, "ops"},
	} {
		_, err := Verify(other.ring, other.kind, other.namespace, token)
		require.ErrorIs(t, err, ErrToken, name)
	}
	requireEveryFlippedBitRefused(t, ring, token)
}

func renamed(t *testing.T) keys.Ring {
	ring, err := keys.Parse("k2:" + strings.Repeat("A", 43) + "=")
	require.NoError(t, err)
	return ring
}

func TestTracesInTokensOfTheOldForm(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	body := func(version byte, trace []byte) string {
		b := []byte{version, 'P'}
		for _, text := range []string{"a", "k", "w"} {
			b = appendText(b, text)
		}
		b = append(b, trace...)
		for _, secret := range ring.All() {
			b = append(b, oldMAC(secret, namespace, b)...)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	traced := slices.Clone(sampled[:])
	for flags, sampled := range []byte{0, 1, 0, 1} {
		traced[24] = byte(flags)
		target, err := Verify(ring, KindPlan, namespace, body(oldTracedVersion, traced))
		require.NoError(t, err)
		require.Equal(t, Trace(append(traced[:24:24], sampled)), target.Trace)
	}
	for name, token := range map[string]string{
		"no trace":               body(oldTracedVersion, nil),
		"an invalid trace":       body(oldTracedVersion, append(make([]byte, 16), traced[16:]...)),
		"a cut trace":            body(oldTracedVersion, traced[:24]),
		"too much":               body(oldTracedVersion, append(traced, 0)),
		"of the version without": body(oldVersion, traced),
		"of no version":          body(3, traced),
	} {
		_, err := Verify(ring, KindPlan, namespace, token)
		require.ErrorIs(t, err, ErrToken, name)
	}
}

// Platforms often keep 255 characters of an address.
func TestAddressesAreShort(t *testing.T) {
	t.Parallel()
	const origin, hash = "01a21354-360c-75fd-ba16-3b91e24d57e8", "0123456789abcdef"
	tests := map[string]struct {
		target Target
		most   int // characters of the path
	}{
		"a plan":                          {Target{Kind: KindPlan, WorkflowID: strings.Repeat("w", 20), Key: origin + ".5"}, 98},
		"a step of a runbook":             {Target{Kind: KindPlan, WorkflowID: strings.Repeat("w", 20), Key: origin + "." + hash}, 98},
		"a model, in a trace":             {Target{Kind: KindModel, WorkflowID: strings.Repeat("w", 20), Key: origin + ".12", Trace: sampled}, 130},
		"a step of a runbook, in a trace": {Target{Kind: KindPlan, WorkflowID: strings.Repeat("w", 20), Key: origin + "." + hash, Trace: sampled}, 130},
		"a scene":                         {Target{Kind: KindPlan, WorkflowID: strings.Repeat("w", 20), Key: SceneKeyPrefix + origin + ".5"}, 98},
		"a workflow whose id is a UUID":   {Target{Kind: KindPlan, WorkflowID: origin, Key: origin + ".5"}, 98},
	}
	ring := keysOf(t, "key-id_of_16_chr")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.target.Namespace = namespace
			token := Token(ring, test.target)
			require.LessOrEqual(t, len(CallbackURL("", token, test.target.Kind)), test.most)
			got, err := Verify(ring, test.target.Kind, namespace, token)
			require.NoError(t, err)
			require.Equal(t, test.target, got)
		})
	}
}

func TestWhatOnlyLooksLikeAnIDComesBackAsItWas(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	const id = "01A21354-360C-75FD-BA16-3B91E24D57E8" // not as Temporal spells it
	for _, text := range []string{id, id + ".5", "{" + strings.ToLower(id) + "}", "urn:uuid:" + strings.ToLower(id), "scene:", "scene:scene:x", "0123456789ABCDEF",
		"0123456789abcde", strings.ToLower(id), strings.ToLower(id) + ".", strings.ToLower(id) + "." + strings.ToLower(id) + ".x", strings.ReplaceAll(id, "-", "")} {
		target := Target{Kind: KindPlan, Namespace: namespace, WorkflowID: text, Key: text}
		got, err := Verify(ring, KindPlan, namespace, Token(ring, target))
		require.NoError(t, err, text)
		require.Equal(t, target, got)
	}
}

func TestALongAddressIsMadeAndWarnedOf(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	address := SignedAddress("https://gw.example/dpa/", keysOf(t, "a"), slog.New(slog.NewTextHandler(&log, nil)))
	made := address(t.Context(), "plan", namespace, "switch-over", "k")
	require.True(t, strings.HasPrefix(made, "https://gw.example/dpa/callbacks/plan/"))
	require.Empty(t, log.String())
	made = address(t.Context(), "plan", namespace, strings.Repeat("w", 200), "k")
	require.Greater(t, len(made), 255)
	require.Contains(t, log.String(), "255 characters")
	require.NotContains(t, log.String(), made[len(made)-40:])
}

func TestAnAddressForAWorkerOfOnesOwnIsThatOfOurs(t *testing.T) {
	t.Parallel()
	text := "a:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", keys.Size)))
	address, err := NewAddress("https://gw.example", text)
	require.NoError(t, err)
	token := path.Base(address(t.Context(), "model", namespace, "w", "k"))
	target, err := Verify(keysOf(t, "a"), KindModel, namespace, token)
	require.NoError(t, err)
	require.Equal(t, Target{Kind: KindModel, Namespace: namespace, WorkflowID: "w", Key: "k"}, target)
	for _, wrong := range []string{"gw.example", "", "https://gw.example?x", "https://gw.example#x", "https://:443", "https://user:pass@gw.example", "ftp://gw.example", "/callbacks"} {
		_, err := NewAddress(wrong, text)
		require.ErrorContains(t, err, "the bridge's address must be", wrong)
	}
	_, err = NewAddress("https://gw.example", "a:short")
	require.ErrorContains(t, err, "is not 32 bytes")
	_, err = NewAddress("https://gw.example", "")
	require.ErrorContains(t, err, "id:base64key")
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	for _, target := range []Target{planTarget(), tracedTarget()} {
		requireEveryFlippedBitRefused(t, ring, Token(ring, target))
	}
}

func requireEveryFlippedBitRefused(t *testing.T, ring keys.Ring, token string) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			_, err := Verify(ring, KindPlan, namespace, base64.RawURLEncoding.EncodeToString(raw))
			require.ErrorIs(t, err, ErrToken, "byte %d bit %d", i, bit)
			raw[i] ^= 1 << bit
		}
	}
	for i := range token { // the bits of the text too, some of which base64 would not miss
		for bit := range 8 {
			b := []byte(token)
			b[i] ^= 1 << bit
			_, err := Verify(ring, KindPlan, namespace, string(b))
			require.ErrorIs(t, err, ErrToken, "character %d bit %d", i, bit)
		}
	}
}

func TestOnlyOneSpellingOfATokenVerifies(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	for _, workflowID := range []string{"w", "ww", "www"} { // every remainder of three
		token := Token(ring, Target{Kind: KindPlan, Namespace: namespace, WorkflowID: workflowID, Key: "k"})
		spellings := []string{"", token + "=", token + "==", token + "\n", "\r" + token, token[:5] + "\n" + token[5:],
			token + "A", token[:len(token)-1], " " + token, token + token}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		for _, c := range alphabet { // spare bits of the last character
			if s := token[:len(token)-1] + string(c); s != token {
				spellings = append(spellings, s)
			}
		}
		for _, s := range spellings {
			_, err := Verify(ring, KindPlan, namespace, s)
			require.ErrorIs(t, err, ErrToken, "%q", s)
		}
	}
}

func TestATokenIsBoundToItsKindAndNamespace(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	token := Token(ring, planTarget())
	for _, other := range []struct {
		kind      Kind
		namespace string
	}{{KindModel, namespace}, {"", namespace}, {"job", namespace}, {KindPlan, "other"}, {KindPlan, ""}, {KindPlan, namespace + "\x00"}} {
		_, err := Verify(ring, other.kind, other.namespace, token)
		require.ErrorIs(t, err, ErrToken, "%v", other)
	}
}

func TestTextsCannotMoveBetweenFields(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	require.NotEqual(t,
		Token(ring, Target{Kind: KindPlan, Namespace: "n", WorkflowID: "ab", Key: "c"}),
		Token(ring, Target{Kind: KindPlan, Namespace: "n", WorkflowID: "a", Key: "bc"}))
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	token := Token(keysOf(t, "old"), planTarget())

	_, err := Verify(keysOf(t, "new", "old"), KindPlan, namespace, token)
	require.NoError(t, err, "an old key still verifies")
	_, err = Verify(keysOf(t, "new"), KindPlan, namespace, token)
	require.ErrorIs(t, err, ErrToken, "a removed key does not")
	_, err = Verify(keys.Ring{}, KindPlan, namespace, token)
	require.ErrorIs(t, err, ErrToken, "no keys verify nothing")
	_, err = Verify(keysOf(t, "new"), KindPlan, namespace, Token(keysOf(t, "new", "old"), planTarget()))
	require.NoError(t, err, "the first key signs")

	impostor, err := keys.Parse("old:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", keys.Size))))
	require.NoError(t, err)
	_, err = Verify(impostor, KindPlan, namespace, token)
	require.ErrorIs(t, err, ErrToken, "another key under the same id does not")
}

func TestATokenThatWouldLoseItsCallbacksIsNotMade(t *testing.T) {
	t.Parallel()
	ring := keysOf(t, "a")
	for name, target := range map[string]Target{
		"no kind":          {WorkflowID: "w", Key: "k"},
		"no workflow":      {Kind: KindPlan, Key: "k"},
		"no key":           {Kind: KindPlan, WorkflowID: "w"},
		"workflow 1001":    {Kind: KindPlan, WorkflowID: strings.Repeat("w", 1001), Key: "k"},
		"key 301":          {Kind: KindPlan, WorkflowID: "w", Key: strings.Repeat("k", 301)},
		"not UTF-8 at all": {Kind: KindPlan, WorkflowID: "\xff", Key: "k"},
	} {
		require.Panics(t, func() { Token(ring, target) }, name)
	}
	require.Panics(t, func() { Token(keys.Ring{}, planTarget()) }, "no keys")
}

func TestCallbackURL(t *testing.T) {
	t.Parallel()
	require.Equal(t, "https://gw:8443/callbacks/plan/TOKEN", CallbackURL("https://gw:8443", "TOKEN", KindPlan))
	require.Equal(t, "https://gw/dpa/callbacks/model/TOKEN", CallbackURL("https://gw/dpa/", "TOKEN", KindModel))
	u, err := url.Parse(CallbackURL("http://127.0.0.1:8088", Token(keysOf(t, "a"), planTarget()), KindPlan))
	require.NoError(t, err)
	require.Equal(t, u.Path, u.EscapedPath())
}

// FuzzToken: what verifies was signed, for exactly this target, and is spelled exactly so.
func FuzzToken(f *testing.F) {
	ring := keysOf(f, "a")
	f.Add("workflow", "key", Token(ring, planTarget()))
	f.Add("workflow", "key", Token(ring, tracedTarget()))
	f.Add("预案", "step/1", "AVAAAWEAAWs")
	f.Add("w", "k", "")
	f.Fuzz(func(t *testing.T, workflowID, key, token string) {
		for _, kind := range []Kind{KindPlan, KindModel} {
			if target, err := Verify(ring, kind, namespace, token); err == nil {
				if raw, _ := base64.RawURLEncoding.DecodeString(token); raw[0]&tokenShort != 0 {
					require.Equal(t, token, Token(ring, target))
				}
			} else {
				require.Equal(t, ErrToken, err)
			}
		}
		target := Target{Kind: KindModel, Namespace: namespace, WorkflowID: workflowID, Key: key}
		copy(target.Trace[:], token) // some trace, mostly a valid one
		if !target.valid() {
			return
		}
		got, err := Verify(ring, KindModel, namespace, Token(ring, target))
		require.NoError(t, err)
		require.Equal(t, target, got)
	})
}
