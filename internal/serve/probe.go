package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Ready asks the program whose admin server listens on the address whether it is ready. The error of one that is not
// says why.
func Ready(ctx context.Context, address string) error {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", address, err)
	}
	return Probe(ctx, request)
}

// Probe sends a request to a program that runs beside. It is an error unless the answer comes soon, and is 2xx.
func Probe(ctx context.Context, request *http.Request) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout+time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", request.URL.Host, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("ask %s whether it is ready: %w", request.URL.Host, err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s is not ready (%s): %s", request.URL.Host, answer.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
