package telemetry

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"golang.org/x/time/rate"

	"github.com/dpaflow/dpaflow/internal/version"
)

// flushTimeout bounds how long a program that ends waits for a collector.
const flushTimeout = 2 * time.Second

const (
	protocolHTTP = "http/protobuf"
	protocolGRPC = "grpc"
)

// exports tells by which protocol OpenTelemetry's standard variables ask to send "TRACES" or "METRICS" to a
// collector; empty where they do not. Unknown words are ignored with a warning, as its specification demands.
// Everything else, such as where the collector is, its exporters read by themselves.
func exports(signal string, logger *slog.Logger) (protocol string) {
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := strings.TrimSpace(os.Getenv(name)); value != "" {
				return name, value
			}
		}
		return "", ""
	}
	if _, disabled := first("OTEL_SDK_DISABLED"); strings.EqualFold(disabled, "true") {
		return ""
	}
	_, endpoint := first("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	wanted := endpoint != ""
	if name, exporters := first("OTEL_" + signal + "_EXPORTER"); exporters != "" {
		wanted = false
		for exporter := range strings.SplitSeq(exporters, ",") {
			switch exporter = strings.TrimSpace(exporter); {
			case exporter == "otlp":
				wanted = true
			case exporter != "none" && (exporter != "prometheus" || signal != "METRICS"): // which there always is
				logger.Warn(name+" has an exporter that there is not: it is ignored", "exporter", exporter)
			}
		}
	}
	if !wanted {
		return ""
	}
	name, protocol := first("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if protocol = cmp.Or(protocol, protocolHTTP); protocol != protocolHTTP && protocol != protocolGRPC {
		logger.Warn(name+" is neither "+protocolHTTP+", which is used, nor "+protocolGRPC, "protocol", protocol)
		protocol = protocolHTTP
	}
	return protocol
}

// describe says who sends: OTEL_SERVICE_NAME or dpaflow-NAME, and OTEL_RESOURCE_ATTRIBUTES.
func describe(ctx context.Context, name string, logger *slog.Logger) *resource.Resource {
	described, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "dpaflow-"+name), attribute.String("service.version", version.Get().Version),
			attribute.String("service.instance.id", uuid.NewString())),
		resource.WithFromEnv())
	if err != nil {
		logger.Warn("OTEL_RESOURCE_ATTRIBUTES is read in part", "error", err)
	}
	return described
}

// report has the errors of OpenTelemetry, which keeps one log for the whole process, logged at most once a minute,
// and without the collector's address, which may hold a key.
func report(logger *slog.Logger) {
	seldom := rate.Sometimes{Interval: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		seldom.Do(func() {
			if address := (*url.Error)(nil); errors.As(err, &address) {
				err = address.Err
			}
			logger.Warn("traces or metrics are lost; check the OTEL_ variables and the collector", "error", err)
		})
	}))
	otel.SetLogger(logr.FromSlogHandler(errorsOnly{logger.Handler()}))
}

// errorsOnly spares the log of debugging what OpenTelemetry says of itself.
type errorsOnly struct{ slog.Handler }

func (errorsOnly) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
