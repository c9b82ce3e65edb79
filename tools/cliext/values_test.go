package cliext

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADurationMayHaveDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, "1h30m": 90 * time.Minute, "-5s": -5 * time.Second,
		"2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "0d1ms": time.Millisecond,
	} {
		got, err := ParseFlagDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "7", "d", "d5s", "1.5d", "-1d", "1d-5s", "1dd", "70000d", "1d5"} {
		_, err := ParseFlagDuration(text)
		require.Error(t, err, text)
	}
	require.Panics(t, func() { MustParseFlagDuration("soon") })

	var flag FlagDuration
	require.NoError(t, flag.Set("3d"))
	require.Equal(t, 72*time.Hour, flag.Duration())
	require.Equal(t, "72h0m0s", flag.String())
	require.Error(t, flag.Set("later"))
	require.Equal(t, 72*time.Hour, flag.Duration(), "what is wrong changes nothing")
}

func TestATimestampIsByRFC3339(t *testing.T) {
	t.Parallel()
	var flag FlagTimestamp
	require.Empty(t, flag.String())
	require.NoError(t, flag.Set("2026-05-01T12:00:00+08:00"))
	require.True(t, flag.Time().Equal(time.Date(2026, 5, 1, 4, 0, 0, 0, time.UTC)))
	require.Equal(t, "2026-05-01T12:00:00+08:00", flag.String())
	require.ErrorContains(t, flag.Set("noon"), "2006-01-02T15:04:05Z")
}

func TestAnEnumTakesOneOfItsWords(t *testing.T) {
	t.Parallel()
	flag := NewFlagStringEnum([]string{"Skip", "BufferOne"}, "Skip")
	require.Equal(t, "Skip", flag.String())
	require.ErrorContains(t, flag.Set("never"), "Skip, BufferOne")
	require.False(t, flag.ChangedFromDefault)
	require.NoError(t, flag.Set("bufferone"))
	require.Equal(t, "BufferOne", flag.Value)
	require.True(t, flag.ChangedFromDefault)

	several := NewFlagStringEnumArray([]string{"Keyword", "Int"}, nil)
	require.NoError(t, several.Set("int"))
	require.NoError(t, several.Set("Keyword"))
	require.ErrorContains(t, several.Set("Number"), "Keyword, Int")
	require.Equal(t, []string{"Int", "Keyword"}, several.Values)
	require.Equal(t, "Int,Keyword", several.String())
}
