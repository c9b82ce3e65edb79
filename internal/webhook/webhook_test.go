package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

func secret(fill string) string {
	return prefix + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 32)))
}

// The example of the specification, so that a wrong library would not agree with itself.
func TestTheExampleOfTheSpecificationIsSignedAsItSays(t *testing.T) {
	t.Parallel()
	signer, err := Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	header := http.Header{}
	require.NoError(t, signer.Sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)))
	require.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", header.Get("webhook-id"))
	require.Equal(t, "1614265330", header.Get("webhook-timestamp"))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("webhook-signature"))
}

func TestWhileSecretsAreRotatedReceiversMayKnowEither(t *testing.T) {
	t.Parallel()
	signer, err := Parse(secret("a") + ", " + secret("b"))
	require.NoError(t, err)
	header := http.Header{}
	body := []byte(`{"id":"1"}`)
	require.NoError(t, signer.Sign(header, "1", time.Now(), body))
	for fill, known := range map[string]bool{"a": true, "b": true, "c": false} {
		receiver, err := standardwebhooks.NewWebhook(secret(fill))
		require.NoError(t, err)
		require.Equal(t, known, receiver.Verify(body, header) == nil, fill)
	}
}

func TestSecretsOfAnotherFormAreRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "planted", "whsec_planted!", "whsec_cGxhbnRlZA==", secret("a") + ",", strings.TrimPrefix(secret("a"), prefix)} {
		_, err := Parse(wrong)
		require.ErrorContains(t, err, "must be whsec_", wrong)
		require.NotContains(t, err.Error(), "planted")
	}
}
