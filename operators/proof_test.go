package operators

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/keys"
)

func ring(t testing.TB, ids ...string) keys.Ring {
	t.Helper()
	var entries []string
	for _, id := range ids {
		entries = append(entries, id+":"+base64.StdEncoding.EncodeToString([]byte(strings.Repeat(id, keys.Size)[:keys.Size])))
	}
	all, err := keys.Parse(strings.Join(entries, ","))
	require.NoError(t, err)
	return all
}

var (
	made = time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)
	on   = Update{WorkflowID: "switch-over-1", FirstRunID: "r1", Name: "approve", ID: "u1"}
)

func argument() map[string]any {
	return map[string]any{"step": "确认", "by": "zhang", "comment": "<seen> & heard", "values": map[string]any{"b": 2, "a": json.Number("1.10")}}
}

func signed(t testing.TB, by keys.Ring) map[string]any {
	t.Helper()
	fields, err := Sign(by, on, "sub-1", made, argument())
	require.NoError(t, err)
	return fields
}

func text(t testing.TB, fields any) []byte {
	t.Helper()
	data, err := json.Marshal(fields)
	require.NoError(t, err)
	return data
}

func TestAProofHoldsForTheUpdateThatItWasMadeFor(t *testing.T) {
	t.Parallel()
	fields := signed(t, ring(t, "new", "old"))
	said, err := verify(ring(t, "old", "new"), on, text(t, fields))
	require.NoError(t, err)
	require.Equal(t, claim{"sub-1", made}, said)
	require.Equal(t, "sub-1", Subject(fields["proof"].(string)))
	indented, err := json.MarshalIndent(fields, "", "  ")
	require.NoError(t, err)
	_, err = verify(ring(t, "new"), on, indented)
	require.NoError(t, err, "how the argument is spaced, and the order of its fields, mean nothing")
}

func TestAProofHoldsForNothingElse(t *testing.T) {
	t.Parallel()
	all := ring(t, "k")
	for name, change := range map[string]func(map[string]any, *Update){
		"another workflow":           func(_ map[string]any, u *Update) { u.WorkflowID = "switch-over-2" },
		"the workflow id used again": func(_ map[string]any, u *Update) { u.FirstRunID = "r2" },
		"another update":             func(_ map[string]any, u *Update) { u.ID = "u2" },
		"another action":             func(_ map[string]any, u *Update) { u.Name = "reject" },
		"ids that meet elsewhere":    func(_ map[string]any, u *Update) { u.WorkflowID, u.FirstRunID = "switch-over-", "1r1" },
		"another name":               func(f map[string]any, _ *Update) { f["by"] = "li" },
		"another step":               func(f map[string]any, _ *Update) { f["step"] = "other" },
		"another value":              func(f map[string]any, _ *Update) { f["values"].(map[string]any)["a"] = json.Number("1.1") },
		"a field more":               func(f map[string]any, _ *Update) { f["mayRunTwice"] = true },
		"a field less":               func(f map[string]any, _ *Update) { delete(f, "comment") },
		"another subject": func(f map[string]any, _ *Update) {
			f["proof"] = piece(f, 1, `{"sub":"sub-2","at":"2026-05-01T03:00:00Z"}`)
		},
		"another time": func(f map[string]any, _ *Update) {
			f["proof"] = piece(f, 1, `{"sub":"sub-1","at":"2026-05-01T04:00:00Z"}`)
		},
		"a MAC of nothing":               func(f map[string]any, _ *Update) { f["proof"] = piece(f, 2, "") },
		"another key":                    func(f map[string]any, _ *Update) { f["proof"] = "x" + f["proof"].(string) },
		"a proof that is none":           func(f map[string]any, _ *Update) { f["proof"] = "k.e30" },
		"a proof that is not a string":   func(f map[string]any, _ *Update) { f["proof"] = 1 },
		"no proof":                       func(f map[string]any, _ *Update) { delete(f, "proof") },
		"a proof under a name like it":   func(f map[string]any, _ *Update) { f["Proof"] = f["proof"]; delete(f, "proof") },
		"a second proof under that name": func(f map[string]any, _ *Update) { f["Proof"] = f["proof"] },
	} {
		fields, update := signed(t, all), on
		change(fields, &update)
		_, err := verify(all, update, text(t, fields))
		require.Error(t, err, name)
	}
	_, err := verify(ring(t, "other"), on, text(t, signed(t, all)))
	require.ErrorIs(t, err, errForged)
	_, err = verify(all, on, []byte("[]"))
	require.Error(t, err)
}

// piece is a proof with one of its parts replaced.
func piece(fields map[string]any, at int, with string) string {
	pieces := strings.Split(fields["proof"].(string), ".")
	pieces[at] = base64.RawURLEncoding.EncodeToString([]byte(with))
	return strings.Join(pieces, ".")
}

func TestAProofIsForAFewMinutesAndForResets(t *testing.T) {
	t.Parallel()
	said := claim{"sub-1", made}
	for _, age := range []time.Duration{0, Validity, -Validity} {
		require.NoError(t, said.fresh(made.Add(age), false))
	}
	for _, age := range []time.Duration{Validity + time.Second, -Validity - time.Second, 24 * time.Hour} {
		require.ErrorContains(t, said.fresh(made.Add(age), false), "act again")
		require.NoError(t, said.fresh(made.Add(age), true))
	}
}

func TestWithoutAllThatAProofBindsThereIsNone(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]struct {
		ring     keys.Ring
		on       Update
		subject  string
		argument map[string]any
	}{
		"no key":           {keys.Ring{}, on, "s", argument()},
		"no subject":       {ring(t, "k"), on, "", argument()},
		"no name":          {ring(t, "k"), on, "s", map[string]any{"step": "a"}},
		"an empty name":    {ring(t, "k"), on, "s", map[string]any{"by": ""}},
		"no workflow":      {ring(t, "k"), Update{"", "r", "approve", "u"}, "s", argument()},
		"no first run":     {ring(t, "k"), Update{"w", "", "approve", "u"}, "s", argument()},
		"no id of its own": {ring(t, "k"), Update{"w", "r", "approve", ""}, "s", argument()},
	} {
		_, err := Sign(with.ring, with.on, with.subject, made, maps.Clone(with.argument))
		require.Error(t, err, name)
	}
}

func FuzzVerifyTakesNothingThatWasNotSigned(f *testing.F) {
	all := ring(f, "k")
	good := text(f, signed(f, all))
	f.Add(good)
	f.Add([]byte(`{"proof":"k.e30.AA"}`))
	want, _, err := split(good)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, argument []byte) {
		said, err := verify(all, on, argument)
		Subject(string(argument))
		if err == nil {
			fields, _, err := split(argument)
			require.NoError(t, err)
			require.Equal(t, want, fields)
			require.Equal(t, "sub-1", said.Subject)
		}
	})
}
