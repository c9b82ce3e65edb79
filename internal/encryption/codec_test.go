package encryption

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(wait.Run(m)) }

// codec has a key for each id, made of the id.
func codec(t *testing.T, ids ...string) *Codec {
	t.Helper()
	var entries []string
	for _, id := range ids {
		secret := []byte(strings.Repeat(id+"-secret-of-32-bytes.............", 2)[:32])
		entries = append(entries, id+":"+base64.StdEncoding.EncodeToString(secret))
	}
	ring, err := keys.Parse(strings.Join(entries, ","))
	require.NoError(t, err)
	c, err := New(ring, noop.NewMeterProvider())
	require.NoError(t, err)
	return c
}

func plaintext(text string) *commonpb.Payload {
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte("json/plain"), "note": []byte("beside " + text)},
		Data:     []byte(text),
	}
}

func encode(t *testing.T, c converter.PayloadCodec, text string) *commonpb.Payload {
	t.Helper()
	encoded, err := c.Encode([]*commonpb.Payload{plaintext(text)})
	require.NoError(t, err)
	require.Len(t, encoded, 1)
	return encoded[0]
}

func decode(c converter.PayloadCodec, payloads ...*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.Decode(payloads)
}

func TestAPayloadComesBackWithItsMetadataAndShowsNothingOnTheWay(t *testing.T) {
	t.Parallel()
	c := codec(t, "k1")
	for _, text := range []string{"", `"planted"`, strings.Repeat("planted ", 1<<16)} {
		encoded := encode(t, c, text)
		require.Equal(t, "binary/encrypted", string(encoded.GetMetadata()[converter.MetadataEncoding]))
		raw, err := proto.Marshal(encoded)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "planted")
		require.NotContains(t, string(raw), "beside")
		decoded, err := decode(c, encoded)
		require.NoError(t, err)
		require.True(t, proto.Equal(plaintext(text), decoded[0]))
	}
}

func TestTheSamePayloadIsNeverEncryptedAlikeTwice(t *testing.T) {
	t.Parallel()
	c := codec(t, "k1")
	require.NotEqual(t, encode(t, c, "same").GetData(), encode(t, c, "same").GetData())
}

func TestTheFirstKeyEncryptsAndAllDecrypt(t *testing.T) {
	t.Parallel()
	old, both, next := codec(t, "old"), codec(t, "new", "old"), codec(t, "new")
	decoded, err := decode(both, encode(t, old, "a"), encode(t, both, "b"), encode(t, next, "c"))
	require.NoError(t, err)
	for i, text := range []string{"a", "b", "c"} {
		require.Equal(t, text, string(decoded[i].GetData()))
	}
	_, err = decode(next, encode(t, both, "b"))
	require.NoError(t, err)
	_, err = decode(next, encode(t, old, "a"))
	require.ErrorIs(t, err, ErrUnknownKey)
	require.ErrorContains(t, err, `"old"`)
	require.ErrorContains(t, err, "DPA_ENCRYPTION_KEYS")
}

func TestWhatAKeyEncryptsIsCounted(t *testing.T) {
	t.Parallel()
	ring, err := keys.Parse("new:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("n"), 32)) +
		",old:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("o"), 32)))
	require.NoError(t, err)
	reader := sdkmetric.NewManualReader()
	c, err := New(ring, sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	require.NoError(t, err)
	_, err = c.Encode([]*commonpb.Payload{plaintext("a"), plaintext("b")})
	require.NoError(t, err)
	_, err = decode(c, encode(t, c, "c"))
	require.NoError(t, err)
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	points := all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	require.Len(t, points, 1)
	require.EqualValues(t, 3, points[0].Value)
	id, _ := points[0].Attributes.Value("key")
	require.Equal(t, "new", id.AsString())
}

func TestOnlyPeopleAreShownWhatIsNotEncrypted(t *testing.T) {
	t.Parallel()
	c := codec(t, "k1")
	_, err := decode(c, encode(t, c, "a"), plaintext("planted"))
	require.ErrorIs(t, err, ErrPlaintext)
	require.ErrorContains(t, err, "DPA_ENCRYPTION_KEYS")
	require.NotContains(t, err.Error(), "planted")
	decoded, err := decode(c.ForPeople(), plaintext("foreign"), encode(t, c, "ours"))
	require.NoError(t, err)
	require.Equal(t, "foreign", string(decoded[0].GetData()))
	require.Equal(t, "ours", string(decoded[1].GetData()))
	_, err = decode(c.ForPeople(), encode(t, codec(t, "other"), "a"))
	require.ErrorIs(t, err, ErrUnknownKey)
}

func TestAWorkerWaitsForAMissingKeyAndForNothingElse(t *testing.T) {
	t.Parallel()
	c := codec(t, "k1")
	var waits *converter.WorkflowTaskFailureError
	_, err := decode(c, encode(t, codec(t, "k2"), "news"))
	require.ErrorAs(t, err, &waits)
	require.EqualError(t, err, ErrUnknownKey.Error()+`: its id is "k2"`)
	damaged := encode(t, c, "news")
	damaged.Data[0] ^= 1
	for _, payload := range []*commonpb.Payload{plaintext("news"), damaged} {
		_, err := decode(c, payload)
		require.Error(t, err)
		require.False(t, errors.As(err, &waits), "%v", err)
	}
}

func TestNothingOfAnEncryptedPayloadCanBeChanged(t *testing.T) {
	t.Parallel()
	c := codec(t, "k1", "k2")
	whole := encode(t, c, "run the plan")
	for i := range whole.GetData() {
		changed := proto.CloneOf(whole)
		changed.Data[i] ^= 1
		_, err := decode(c, changed)
		require.ErrorIs(t, err, ErrDamaged, "byte %d", i)
	}
	for n := range whole.GetData() {
		short := proto.CloneOf(whole)
		short.Data = short.Data[:n]
		_, err := decode(c, short)
		require.ErrorIs(t, err, ErrDamaged, "%d bytes", n)
	}
	renamed := proto.CloneOf(whole)
	renamed.Metadata[keyID] = []byte("k2")
	_, err := decode(c, renamed)
	require.ErrorIs(t, err, ErrDamaged)
}

func TestTheKeysIDIsBoundToTheCiphertext(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	codecs := map[string]*Codec{}
	for _, id := range []string{"a", "b"} {
		ring, err := keys.Parse(id + ":" + secret)
		require.NoError(t, err)
		codecs[id], err = New(ring, noop.NewMeterProvider())
		require.NoError(t, err)
	}
	encoded := encode(t, codecs["a"], "text")
	encoded.Metadata[keyID] = []byte("b")
	_, err := decode(codecs["b"], encoded)
	require.ErrorIs(t, err, ErrDamaged)
}

func TestACodecNeedsKeys(t *testing.T) {
	t.Parallel()
	_, err := New(keys.Ring{}, noop.NewMeterProvider())
	require.ErrorContains(t, err, "there are no keys")
}

func FuzzDecode(f *testing.F) {
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	ring, err := keys.Parse("k1:" + secret)
	require.NoError(f, err)
	c, err := New(ring, noop.NewMeterProvider())
	require.NoError(f, err)
	f.Add([]byte("binary/encrypted"), []byte("k1"), []byte("data"))
	f.Add([]byte("json/plain"), []byte(""), []byte("{}"))
	f.Fuzz(func(t *testing.T, encoding, id, data []byte) {
		_, err := c.Decode([]*commonpb.Payload{{
			Metadata: map[string][]byte{converter.MetadataEncoding: encoding, keyID: id}, Data: data,
		}})
		require.Error(t, err, "only a key's holder can write a payload")
		require.Less(t, len(err.Error()), 1000)
	})
}
