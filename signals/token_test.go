package signals

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
		"longest of all": {Kind: KindPlan, Namespace: namespace, WorkflowID: strings.Repeat("w", 1000), Key: strings.Repeat("k", 300), Trace: sampled},
	}
	keys := keysOf(t, "key-id_of_16_chr")
	for name, target := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := keys.Token(target)
			require.Regexp(t, `^[A-Za-z0-9_-]+$`, token)
			require.LessOrEqual(t, len(token), 1842)
			got, err := keys.Verify(target.Kind, target.Namespace, token)
			require.NoError(t, err)
			require.Equal(t, target, got)
		})
	}
}

func TestTheSameTargetAlwaysHasTheSameToken(t *testing.T) {
	t.Parallel()
	require.Equal(t, keysOf(t, "a").Token(planTarget()), keysOf(t, "a", "b").Token(planTarget()))
}

func TestATokenFromBeforeThereWereTracesIsStillGood(t *testing.T) {
	t.Parallel()
	keys, err := ParseKeys("k1:" + strings.Repeat("A", 43) + "=")
	require.NoError(t, err)
	const token = "AVAAAmsxAAVydW4uMQAM5py65oi_5YiH5o2i07U74NkuJ5IW5T53B9lF7XN4gUY5nZlDHbTR2gkTTsU"
	target, err := keys.Verify(KindPlan, "ops", token)
	require.NoError(t, err)
	require.Equal(t, Target{Kind: KindPlan, Namespace: "ops", WorkflowID: "机房切换", Key: "run.1"}, target)
	require.Equal(t, token, keys.Token(target), "and without a trace tokens are made as they were")
}

func TestATraceIsInTheTokenOnlyIfItIsOne(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "a")
	target := tracedTarget()
	clear(target.Trace[:16])
	require.Panics(t, func() { keys.Token(target) }, "no trace has the id 0")

	body := func(version byte, trace []byte) string {
		b := []byte{version, 'P'}
		for _, text := range []string{"a", "k", "w"} {
			b = appendText(b, text)
		}
		b = append(b, trace...)
		return base64.RawURLEncoding.EncodeToString(append(b, keys.list[0].mac(namespace, b)...))
	}
	_, err := keys.Verify(KindPlan, namespace, body(tracedVersion, sampled[:]))
	require.NoError(t, err)
	for name, token := range map[string]string{
		"no trace":               body(tracedVersion, nil),
		"an empty trace":         body(tracedVersion, make([]byte, len(sampled))),
		"an invalid trace":       body(tracedVersion, append(make([]byte, 16), sampled[16:]...)),
		"a cut trace":            body(tracedVersion, sampled[:24]),
		"too much":               body(tracedVersion, append(sampled[:], 0)),
		"of the version without": body(tokenVersion, sampled[:]),
		"of no version":          body(3, sampled[:]),
	} {
		_, err := keys.Verify(KindPlan, namespace, token)
		require.ErrorIs(t, err, ErrToken, name)
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "a")
	for _, target := range []Target{planTarget(), tracedTarget()} {
		requireEveryFlippedBitRefused(t, keys, keys.Token(target))
	}
}

func requireEveryFlippedBitRefused(t *testing.T, keys Keys, token string) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			_, err := keys.Verify(KindPlan, namespace, base64.RawURLEncoding.EncodeToString(raw))
			require.ErrorIs(t, err, ErrToken, "byte %d bit %d", i, bit)
			raw[i] ^= 1 << bit
		}
	}
	for i := range token { // the bits of the text too, some of which base64 would not miss
		for bit := range 8 {
			b := []byte(token)
			b[i] ^= 1 << bit
			_, err := keys.Verify(KindPlan, namespace, string(b))
			require.ErrorIs(t, err, ErrToken, "character %d bit %d", i, bit)
		}
	}
}

func TestOnlyOneSpellingOfATokenVerifies(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "a")
	for _, workflowID := range []string{"w", "ww", "www"} { // every remainder of three
		token := keys.Token(Target{Kind: KindPlan, Namespace: namespace, WorkflowID: workflowID, Key: "k"})
		spellings := []string{"", token + "=", token + "==", token + "\n", "\r" + token, token[:5] + "\n" + token[5:],
			token + "A", token[:len(token)-1], " " + token, token + token}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		for _, c := range alphabet { // spare bits of the last character
			if s := token[:len(token)-1] + string(c); s != token {
				spellings = append(spellings, s)
			}
		}
		for _, s := range spellings {
			_, err := keys.Verify(KindPlan, namespace, s)
			require.ErrorIs(t, err, ErrToken, "%q", s)
		}
	}
}

func TestATokenIsBoundToItsKindAndNamespace(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "a")
	token := keys.Token(planTarget())
	for _, other := range []struct {
		kind      Kind
		namespace string
	}{{KindModel, namespace}, {"", namespace}, {"job", namespace}, {KindPlan, "other"}, {KindPlan, ""}, {KindPlan, namespace + "\x00"}} {
		_, err := keys.Verify(other.kind, other.namespace, token)
		require.ErrorIs(t, err, ErrToken, "%v", other)
	}
}

func TestTextsCannotMoveBetweenFields(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "a")
	require.NotEqual(t,
		keys.Token(Target{Kind: KindPlan, Namespace: "n", WorkflowID: "ab", Key: "c"}),
		keys.Token(Target{Kind: KindPlan, Namespace: "n", WorkflowID: "a", Key: "bc"}))
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	token := keysOf(t, "old").Token(planTarget())

	_, err := keysOf(t, "new", "old").Verify(KindPlan, namespace, token)
	require.NoError(t, err, "an old key still verifies")
	_, err = keysOf(t, "new").Verify(KindPlan, namespace, token)
	require.ErrorIs(t, err, ErrToken, "a removed key does not")
	_, err = Keys{}.Verify(KindPlan, namespace, token)
	require.ErrorIs(t, err, ErrToken, "no keys verify nothing")
	_, err = keysOf(t, "new").Verify(KindPlan, namespace, keysOf(t, "new", "old").Token(planTarget()))
	require.NoError(t, err, "the first key signs")

	impostor := keysOf(t, "other")
	impostor.list[0].id = "old"
	_, err = impostor.Verify(KindPlan, namespace, token)
	require.ErrorIs(t, err, ErrToken, "another key under the same id does not")
}

func TestATokenThatWouldLoseItsCallbacksIsNotMade(t *testing.T) {
	t.Parallel()
	keys := keysOf(t, "a")
	for name, target := range map[string]Target{
		"no kind":          {WorkflowID: "w", Key: "k"},
		"no workflow":      {Kind: KindPlan, Key: "k"},
		"no key":           {Kind: KindPlan, WorkflowID: "w"},
		"workflow 1001":    {Kind: KindPlan, WorkflowID: strings.Repeat("w", 1001), Key: "k"},
		"key 301":          {Kind: KindPlan, WorkflowID: "w", Key: strings.Repeat("k", 301)},
		"not UTF-8 at all": {Kind: KindPlan, WorkflowID: "\xff", Key: "k"},
	} {
		require.Panics(t, func() { keys.Token(target) }, name)
	}
	require.Panics(t, func() { Keys{}.Token(planTarget()) }, "no keys")
}

func TestCallbackURL(t *testing.T) {
	t.Parallel()
	require.Equal(t, "https://gw:8443/callbacks/plan/TOKEN", CallbackURL("https://gw:8443", "TOKEN", KindPlan))
	require.Equal(t, "https://gw/dpa/callbacks/model/TOKEN", CallbackURL("https://gw/dpa/", "TOKEN", KindModel))
	u, err := url.Parse(CallbackURL("http://127.0.0.1:8088", keysOf(t, "a").Token(planTarget()), KindPlan))
	require.NoError(t, err)
	require.Equal(t, u.Path, u.EscapedPath())
}

// FuzzToken: what verifies was signed, for exactly this target, and is spelled exactly so.
func FuzzToken(f *testing.F) {
	keys := keysOf(f, "a")
	f.Add("workflow", "key", keys.Token(planTarget()))
	f.Add("workflow", "key", keys.Token(tracedTarget()))
	f.Add("预案", "step/1", "AVAAAWEAAWs")
	f.Add("w", "k", "")
	f.Fuzz(func(t *testing.T, workflowID, key, token string) {
		for _, kind := range []Kind{KindPlan, KindModel} {
			if target, err := keys.Verify(kind, namespace, token); err == nil {
				require.Equal(t, token, keys.Token(target))
			} else {
				require.Equal(t, ErrToken, err)
			}
		}
		target := Target{Kind: KindModel, Namespace: namespace, WorkflowID: workflowID, Key: key}
		copy(target.Trace[:], token) // some trace, mostly a valid one
		if !target.valid() {
			return
		}
		got, err := keys.Verify(KindModel, namespace, keys.Token(target))
		require.NoError(t, err)
		require.Equal(t, target, got)
	})
}
