package policy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/dpaflow/dpaflow/activities"
	"github.com/dpaflow/dpaflow/internal/reread"
	"github.com/dpaflow/dpaflow/runbook"
)

// maxFile bounds the file.
const maxFile = 1 << 20

// File is the policy in a file, which is read again at every question. Where it cannot be read, everything is frozen:
// nobody knows whether it should be. It is for any number of goroutines.
type File struct {
	name  string
	log   *slog.Logger
	value *reread.Value[version]
}

// version is what the file says, and its text.
type version struct {
	text   string
	policy Policy
}

// Open reads the file, and measures dpaflow_policy. The error names everything that is wrong with it.
func Open(name string, logger *slog.Logger, meters metric.MeterProvider) (*File, error) {
	f := &File{name: name, log: logger}
	f.value = &reread.Value[version]{Read: f.read}
	if _, err := f.value.Get(); err != nil {
		return nil, err
	}
	f.value.Failed = func(err error) {
		logger.Error("nothing is triggered, because the policy cannot be read; mend the file", "error", err)
	}
	return f, f.measure(meters)
}

// Check returns everything of a trigger that is not allowed.
func (f *File) Check(t activities.PolicyTrigger) runbook.Faults {
	now, _ := f.value.Get() // an error freezes
	return now.policy.Check(t)
}

// Frozen is the reason why no trigger may be sent for now, but those that undo or finish what has begun. It is empty
// where they may.
func (f *File) Frozen() string {
	now, err := f.value.Get()
	if err != nil {
		return fmt.Sprintf("%v; mend the file", err)
	}
	return now.policy.Frozen()
}

func (f *File) read(last version) (version, error) {
	text, err := readFile(f.name)
	if err != nil {
		return version{}, fmt.Errorf("read DPA_POLICY_FILE: %w", err)
	}
	if text == last.text {
		return last, nil
	}
	policy, err := Parse([]byte(text))
	if err != nil {
		return version{}, fmt.Errorf("read DPA_POLICY_FILE %q: %w", f.name, err)
	}
	f.log.Info("the policy of this worker", "file", f.name, "frozen", policy.frozen, "restricted", policy.restricted)
	return version{text, policy}, nil
}

func readFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%q is larger than %d bytes", name, maxFile)
	}
	return string(text), err
}

func (f *File) measure(meters metric.MeterProvider) error {
	_, err := meters.Meter("github.com/dpaflow/dpaflow/internal/policy").Int64ObservableGauge("dpaflow_policy",
		metric.WithDescription("1 where the policy of this worker freezes its triggers (frozen), or cannot be read and freezes them for that (unreadable)."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			now, err := f.value.Get()
			observe := func(state string, is bool) {
				var n int64
				if is {
					n = 1
				}
				o.Observe(n, metric.WithAttributes(attribute.String("state", state)))
			}
			observe("frozen", err == nil && now.policy.Frozen() != "")
			observe("unreadable", err != nil)
			return nil
		}))
	if err != nil {
		return fmt.Errorf("measure the policy: %w", err)
	}
	return nil
}
