package signals

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	bolt "go.etcd.io/bbolt"
)

// SendDeadLetters writes a line for every callback that Temporal refused for good, and sends it again. What is taken now, or
// whose run has ended, is a dead letter no longer.
func (s *Spool) SendDeadLetters(ctx context.Context, out io.Writer) error {
	var letters []item
	if err := s.store.view(func(tx *bolt.Tx) error {
		letters = nil
		return tx.Bucket(bucketDead).ForEach(func(key, data []byte) error {
			letters = append(letters, readItem(key, data))
			return nil
		})
	}); err != nil {
		return fmt.Errorf("read the dead letters: %w", err)
	}
	var failed error
	for _, letter := range letters {
		e := letter.entry
		fmt.Fprintf(out, "%s %s of workflow %q: instance %q is %s; it was refused: %s\n",
			e.Came.Format(time.RFC3339), e.Kind, e.WorkflowID, e.Callback.InstanceID, e.Callback.Status, e.Reason)
		if e.WorkflowID == "" {
			fmt.Fprintln(out, "  cannot be read, and is kept")
			continue
		}
		outcome, err := s.Next.Deliver(ctx, e.arrival(s.Namespace))
		if isMissing(outcome, err) {
			err = errors.New("there is no such run")
		}
		if err != nil {
			fmt.Fprintf(out, "  not sent, and kept: %v\n", err)
			failed = errors.New("some dead letters could not be sent, and are kept")
			continue
		}
		if err := s.store.update(ctx, func(c *changes) error { return c.Bucket(bucketDead).Delete(letter.key) }); err != nil {
			return fmt.Errorf("take a dead letter away: %w", err)
		}
		fmt.Fprintf(out, "  sent again: %s\n", outcome)
	}
	fmt.Fprintf(out, "dead letters: %d\n", len(letters))
	return failed
}
