package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// The plan that is run: it takes one input and gives one output.
const (
	planID    = "bench"
	modelID   = "md1"
	inputName = "HOST"
)

// plan is a plan that ends and calls back so long after its trigger; it never does if that is negative.
func plan(id string, after time.Duration) platformtest.Plan {
	script := platformtest.Ends(platformtest.Success, after, platformtest.ModelOutputs{
		ModelID: modelID, ModelName: modelID, Nodes: []platformtest.Node{{Name: "host", Result: "{{" + inputName + "}}"}},
	})
	if after < 0 {
		script.Steps = nil
	}
	return platformtest.Plan{
		ID: id, Title: id, Script: script,
		Inputs: []platformtest.ModelInputs{{
			ModelID: modelID, ModelName: modelID, Inputs: []platformtest.Input{{Name: inputName, Type: "running"}},
		}},
	}
}

func catalogue(plans ...platformtest.Plan) platformtest.Catalogue {
	return platformtest.Catalogue{Plans: plans}
}

// token gets one from the platform (P1.1, P1.2), as the bare side does once.
func (s *stage) token(ctx context.Context) (string, error) {
	var code struct{ Code string }
	query := url.Values{"client_id": {platformtest.DefaultClientID}, "response_type": {"code"}, "scope": {"default"}}
	if err := s.oauth(ctx, http.MethodGet, "authorize?"+query.Encode(), nil, &code); err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{
		"code": code.Code, "client_id": platformtest.DefaultClientID, "client_secret": platformtest.DefaultClientSecret,
		"grant_type": "authorization_code",
	})
	if err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err = s.oauth(ctx, http.MethodPost, "token", body, &token)
	return token.AccessToken, err
}

func (s *stage) oauth(ctx context.Context, method, path string, body []byte, data any) error {
	request, err := http.NewRequestWithContext(ctx, method, s.platformURL+"/api/dp/auth/oauth/"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&struct{ Data any }{data}); err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	return nil
}
