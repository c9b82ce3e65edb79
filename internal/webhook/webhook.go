// Package webhook signs requests as Standard Webhooks says, https://www.standardwebhooks.com.
package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const prefix = "whsec_"

// Signer signs with each of its secrets, so that a receiver that knows one of them is content while they are rotated.
type Signer []*standardwebhooks.Webhook

// Parse reads secrets of 24 to 64 bytes, such as whsec_base64[,whsec_base64…]. Its errors do not repeat them.
func Parse(secrets string) (signer Signer, err error) {
	for secret := range strings.SplitSeq(secrets, ",") {
		encoded, prefixed := strings.CutPrefix(strings.TrimSpace(secret), prefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !prefixed || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errors.New(`must be whsec_ and 24 to 64 bytes in base64: echo "whsec_$(openssl rand -base64 32)" makes one`)
		}
		one, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("read a secret of webhooks: %w", err)
		}
		signer = append(signer, one)
	}
	return signer, nil
}

// Sign adds the headers that prove who sent a body, and when: the receiver refuses it minutes later.
func (s Signer) Sign(header http.Header, id string, at time.Time, body []byte) error {
	var signatures []string
	for _, one := range s {
		signature, err := one.Sign(id, at, body)
		if err != nil {
			return fmt.Errorf("sign webhook %s: %w", id, err)
		}
		signatures = append(signatures, signature)
	}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
