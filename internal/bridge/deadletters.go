package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/dpaflow/dpaflow/internal/config"
	"github.com/dpaflow/dpaflow/internal/connect"
	"github.com/dpaflow/dpaflow/signals"
)

// SendDeadLetters lists what Temporal refused for good of the callbacks in a bridge's spool, and sends it again. The bridge
// itself must not run meanwhile.
func SendDeadLetters(ctx context.Context, cfg config.Bridge, out io.Writer, logger *slog.Logger) (err error) {
	if cfg.SpoolDir == "" {
		return errors.New("there are dead letters only in a spool: set DPA_SPOOL_DIR to that of the bridge")
	}
	temporal, err := connect.Dial(ctx, connect.Options{
		Logger: logger, EncryptionKeys: cfg.EncryptionKeys, Lazy: true,
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(signals.RequestIDInterceptor)},
	})
	if err != nil {
		return err
	}
	defer temporal.Close()
	spool, err := signals.OpenSpool(signals.SpoolConfig{
		Dir: cfg.SpoolDir, Namespace: temporal.Namespace, Next: signals.NewTemporalDeliverer(temporal, cfg.TaskQueue), Logger: logger,
	})
	if err != nil {
		return fmt.Errorf("%w; stop the bridge for as long as its dead letters are sent", err)
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	return spool.SendDeadLetters(ctx, out)
}
