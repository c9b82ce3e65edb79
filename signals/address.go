package signals

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// longAddress is what platforms often keep of an address: what is longer may come back cut short.
const longAddress = 255

// Address makes the URL that the platform calls back when the instance of one trigger has news. It can be the Callback of
// activities.Config. The context is that of the trigger's activity.
type Address = func(ctx context.Context, kind, namespace, workflowID, key string) string

// NewAddress makes signed addresses: base, the bridge's address as the platform sees it, and a token. The keys are those
// of the bridge, as in DPA_CALLBACK_KEYS.
func NewAddress(base, callbackKeys string) (Address, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("make callback addresses: the bridge's address must be http(s)://host[:port][/path]")
	}
	ring, err := keys.Parse(callbackKeys)
	if err != nil {
		return nil, fmt.Errorf("make callback addresses: %w", err)
	}
	return SignedAddress(base, ring, slog.Default()), nil
}

// SignedAddress is NewAddress with what the programs of this project have read already.
func SignedAddress(base string, ring keys.Ring, logger *slog.Logger) Address {
	return func(ctx context.Context, kind, namespace, workflowID, key string) string {
		t := Target{Kind: Kind(kind), Namespace: namespace, WorkflowID: workflowID, Key: key, Trace: TraceOf(ctx)}
		address := CallbackURL(base, Token(ring, t), t.Kind)
		if len(address) > longAddress {
			logger.WarnContext(ctx, "the callback address is long, and some platforms keep 255 characters only: "+
				"use shorter workflow ids or a shorter DPA_CALLBACK_URL", "characters", len(address), "workflowId", workflowID)
		}
		return address
	}
}

// CallbackURL is the address to hand to the platform: base, the bridge's address as the platform sees it,
// followed by /callbacks/{kind}/{token}.
func CallbackURL(base, token string, kind Kind) string {
	return UnsignedURL(base, kind, "") + "/" + token
}

// UnsignedURL is the fixed address for a platform that can only call such: base, the bridge's address as the platform
// sees it, followed by /callbacks/{kind}, with the shared secret if there is one.
func UnsignedURL(base string, kind Kind, secret string) string {
	address := strings.TrimRight(base, "/") + "/callbacks/" + string(kind)
	if secret == "" {
		return address
	}
	return address + "?" + url.Values{"secret": {secret}}.Encode()
}
