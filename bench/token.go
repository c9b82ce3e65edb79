package main

import (
	"context"
	"errors"
	"time"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/platform/platformtest"
)

// TokenFigures are of many calls at the moment when the token that they share has to be replaced.
type TokenFigures struct {
	Callers int    `json:"callers"`
	Fetches Spread `json:"fetches"`   // of a token, per round
	Expired Spread `json:"expiredMs"` // until all calls were answered
	Valid   Spread `json:"validMs"`   // the same with a token that was there
}

func measureToken(ctx context.Context, size sizes, report *Report) (err error) {
	const life = 3 * time.Second // of which a tenth is left when it is replaced; the platform counts in whole seconds
	s := &stage{sim: platformtest.New(platformtest.Options{Catalogue: catalogue(plan(planID, 0)), TokenLife: life})}
	defer func() { err = errors.Join(err, s.close()) }()
	s.onClose(func() error { s.sim.Close(); return nil })
	if s.platformURL, err = s.serve(s.sim); err != nil {
		return err
	}
	c, err := platform.New(platform.Config{
		BaseURL: s.platformURL, ClientID: platformtest.DefaultClientID,
		Secret: func() (string, error) { return platformtest.DefaultClientSecret, nil },
	})
	if err != nil {
		return err
	}
	defer c.Close()

	figures := &TokenFigures{Callers: size.callers}
	report.Token = figures
	var fetches, expired, valid []float64
	callAll := func() (float64, error) {
		_, all, err := load{size.callers, size.callers}.do(ctx, func(ctx context.Context, _ int) error {
			_, err := c.Plans(ctx)
			return err
		})
		return milliseconds(all), err
	}
	for round := range size.rounds + 1 {
		select {
		case <-time.After(life):
		case <-ctx.Done():
			return ctx.Err()
		}
		before := s.sim.Tokens()
		renewing, err := callAll()
		if err != nil {
			return err
		}
		fetched := s.sim.Tokens() - before
		plain, err := callAll()
		if err != nil {
			return err
		}
		if round > 0 {
			fetches, expired, valid = append(fetches, float64(fetched)), append(expired, renewing), append(valid, plain)
		}
	}
	figures.Fetches, figures.Expired, figures.Valid = spread(fetches), spread(expired), spread(valid)
	say("token: %d callers at its end: %.0f fetched, %.0f ms; with a valid one %.0f ms",
		size.callers, figures.Fetches.Max, figures.Expired.Median, figures.Valid.Median)
	return nil
}
