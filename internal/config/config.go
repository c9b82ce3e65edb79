// Package config reads what the programs need from their environment.
//
// A program loads its whole configuration before it connects to anything.
// What is missing or malformed is reported in one line that names every
// variable at fault, so that one look and one restart are enough.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/dpaflow/dpaflow/internal/keys"
	"github.com/dpaflow/dpaflow/internal/webhook"
	"github.com/dpaflow/dpaflow/platform"
)

// Variables are the names of all variables that the programs read, besides
// Temporal's own (TEMPORAL_…). No other DPA_ name has a meaning to them.
var Variables = []string{
	"DPA_ACTIVITIES_PER_SECOND",
	"DPA_ADMIN_ADDR",
	"DPA_ALLOW_HTTP",
	"DPA_BASE_URL",
	"DPA_BRIDGE_ADDR",
	"DPA_BRIDGE_FROM",
	"DPA_BRIDGE_REQUESTS_PER_SECOND",
	"DPA_BRIDGE_UNSIGNED",
	"DPA_BRIDGE_UNSIGNED_FROM",
	"DPA_BRIDGE_UNSIGNED_SECRET",
	"DPA_BRIDGE_UNSIGNED_SECRET_FILE",
	"DPA_BUILD_ID",
	"DPA_CALLBACK_KEYS",
	"DPA_CALLBACK_KEYS_FILE",
	"DPA_CALLBACK_URL",
	"DPA_CA_FILE",
	"DPA_CLIENT_CERT_FILE",
	"DPA_CLIENT_ID",
	"DPA_CLIENT_KEY_FILE",
	"DPA_CLIENT_SECRET",
	"DPA_CLIENT_SECRET_FILE",
	"DPA_CODEC_ADDR",
	"DPA_CODEC_ORIGINS",
	"DPA_CODEC_TOKEN",
	"DPA_CODEC_TOKEN_FILE",
	"DPA_CONSOLE_ADDR",
	"DPA_CONSOLE_KEYS",
	"DPA_CONSOLE_KEYS_FILE",
	"DPA_CONSOLE_URL",
	"DPA_DEPLOYMENT_NAME",
	"DPA_ENCRYPTION_KEYS",
	"DPA_ENCRYPTION_KEYS_FILE",
	"DPA_HTTP_TIMEOUT",
	"DPA_LOG_LEVEL",
	"DPA_MODEL_EXECUTE_PATH",
	"DPA_NOTIFY_SECRET",
	"DPA_NOTIFY_SECRET_FILE",
	"DPA_NOTIFY_URL",
	"DPA_OIDC_CLIENT_ID",
	"DPA_OIDC_CLIENT_SECRET",
	"DPA_OIDC_CLIENT_SECRET_FILE",
	"DPA_OIDC_ISSUER",
	"DPA_OIDC_OPERATORS",
	"DPA_OPERATOR_KEYS",
	"DPA_OPERATOR_KEYS_FILE",
	"DPA_POLICY_FILE",
	"DPA_REQUESTS_PER_SECOND",
	"DPA_RUNBOOKS_DIR",
	"DPA_SCOPE",
	"DPA_SECRETS_DIR",
	"DPA_SPOOL_DIR",
	"DPA_TASK_QUEUE",
	"DPA_TEMPORAL_UI_URL",
	"DPA_USER_ID",
}

// Lookup finds a variable, as [os.LookupEnv] does.
type Lookup = func(name string) (value string, set bool)

// Common is what every program reads.
type Common struct {
	TaskQueue      string     // Temporal task queue
	EncryptionKeys keys.Ring  // the first encrypts histories, all decrypt; none: histories are not encrypted
	LogLevel       slog.Level // what is logged at least
}

// Worker is the configuration of the Temporal worker.
type Worker struct {
	Common
	Platform       platform.Config // complete but for Logger and MeterProvider
	CallbackURL    string          // the bridge as the platform sees it, without a slash at its end
	CallbackKeys   keys.Ring       // sign the addresses that the platform calls back
	OperatorKeys   keys.Ring       // verify who operators are; none: everybody may act under any name
	Unsigned       bool            // the platform calls back on the fixed URLs, and runs register by instance id
	UnsignedSecret Secret          // that the fixed URLs carry; empty: none
	DeploymentName string          // of Temporal worker versioning; empty together with BuildID: not versioned
	BuildID        string
	SecretsDir     string // folder of the files that secretRef values are read from; empty: there are none
	PolicyFile     string // what this worker may run; empty: everything
	// ActivitiesPerSecond is how many Temporal gives out to all workers of the task queue together; 0: no ceiling
	ActivitiesPerSecond float64
	AdminAddr           string // host:port of /healthz, /readyz and /metrics
	Notify              Notify // of notifications; zero: none are sent
	Bridge              Bridge // of the bridge in the worker's own process; zero without one
}

// Bridge is the configuration of the callback bridge.
type Bridge struct {
	Common
	CallbackKeys      keys.Ring      // verify the addresses that are called
	Addr              string         // host:port where callbacks are received
	From              []netip.Prefix // peers that may call signed addresses; empty: all
	Unsigned          bool           // callbacks on the fixed addresses are accepted too
	UnsignedSecret    Secret         // that the fixed addresses have to carry; empty: none
	UnsignedFrom      []netip.Prefix // peers that may call the fixed addresses; empty: all who have the secret
	RequestsPerSecond float64        // ceiling; 0: the handler's default
	SpoolDir          string         // where callbacks are kept while Temporal cannot be reached; empty: nowhere
	AdminAddr         string         // host:port of /healthz, /readyz and /metrics
}

// Notify says where notifications go.
type Notify struct {
	URL         Secret                         // of the receiver
	Signer      func() (webhook.Signer, error) // reads the secret again
	TemporalURL string                         // Temporal's UI as browsers see it, without a slash at its end; empty: no links to it
	ConsoleURL  string                         // the console, likewise
}

// Starter is the configuration of the command line.
type Starter struct {
	Common
	OperatorKeys keys.Ring       // sign who acts on runs; none: names are sent as they are given
	Platform     platform.Config // complete but for Logger and MeterProvider; zero unless asked for
}

// Codec is the configuration of the codec server.
type Codec struct {
	EncryptionKeys keys.Ring
	Addr           string     // host:port where it listens
	Origins        []string   // pages that browsers may call it from, such as https://temporal.example
	Token          Secret     // that callers have to send; empty only on loopback
	LogLevel       slog.Level // what is logged at least
}

// maxTimeout leaves a call of the platform the time that the activities have for it.
const maxTimeout = 4 * time.Minute

// LoadWorker reads the worker's configuration, and with withBridge that of
// the bridge in the same process. Its error names every variable at fault.
func LoadWorker(lookup Lookup, withBridge bool) (Worker, error) {
	r := &reader{lookup: lookup}
	w := Worker{
		Common:         r.common(),
		Platform:       r.platform(),
		CallbackURL:    r.address("DPA_CALLBACK_URL"),
		CallbackKeys:   r.ring("DPA_CALLBACK_KEYS", true),
		OperatorKeys:   r.ring("DPA_OPERATOR_KEYS", false),
		Unsigned:       r.boolean("DPA_BRIDGE_UNSIGNED"),
		UnsignedSecret: r.shared("DPA_BRIDGE_UNSIGNED_SECRET"),
		DeploymentName: r.optional("DPA_DEPLOYMENT_NAME"),
		BuildID:        r.optional("DPA_BUILD_ID"),
		SecretsDir:     r.folder("DPA_SECRETS_DIR"),
		PolicyFile:     r.file("DPA_POLICY_FILE"),
		Notify:         r.notify(),
		AdminAddr:      r.listen("DPA_ADMIN_ADDR", "127.0.0.1:9090"),
	}
	w.ActivitiesPerSecond = r.rate("DPA_ACTIVITIES_PER_SECOND")
	if w.Platform.Timeout = r.duration("DPA_HTTP_TIMEOUT", 30*time.Second); w.Platform.Timeout > maxTimeout {
		r.fault("DPA_HTTP_TIMEOUT must be at most %s: a read is given up after five minutes, and a trigger after fifteen, of which a synchronous model may take ten", maxTimeout)
	}
	w.Platform.RequestsPerSecond = r.rate("DPA_REQUESTS_PER_SECOND")
	w.Platform.ModelExecutePath = r.modelPath("DPA_MODEL_EXECUTE_PATH")
	if w.DeploymentName != "" && w.BuildID == "" {
		r.fault("DPA_BUILD_ID is not set, and goes with DPA_DEPLOYMENT_NAME")
	}
	if w.BuildID != "" && w.DeploymentName == "" {
		r.fault("DPA_DEPLOYMENT_NAME is not set, and goes with DPA_BUILD_ID")
	}
	if withBridge {
		w.Bridge = r.bridge(w.Common, w.CallbackKeys, w.Unsigned, w.UnsignedSecret, w.AdminAddr)
	}
	if err := r.err(); err != nil {
		return Worker{}, err
	}
	return w, nil
}

// LoadBridge reads the configuration of the bridge as a program of its own.
// Its error names every variable at fault.
func LoadBridge(lookup Lookup) (Bridge, error) {
	r := &reader{lookup: lookup}
	b := r.bridge(r.common(), r.ring("DPA_CALLBACK_KEYS", true), r.boolean("DPA_BRIDGE_UNSIGNED"), r.shared("DPA_BRIDGE_UNSIGNED_SECRET"),
		r.listen("DPA_ADMIN_ADDR", "127.0.0.1:9091"))
	if err := r.err(); err != nil {
		return Bridge{}, err
	}
	return b, nil
}

// LoadStarter reads the configuration of the command line, and the platform's
// only for commands that ask it themselves. Its error names every variable at
// fault.
func LoadStarter(lookup Lookup, withPlatform bool) (Starter, error) {
	r := &reader{lookup: lookup}
	s := Starter{Common: r.common(), OperatorKeys: r.ring("DPA_OPERATOR_KEYS", false)}
	if withPlatform {
		s.Platform = r.platform()
	}
	if err := r.err(); err != nil {
		return Starter{}, err
	}
	return s, nil
}

// LoadCodec reads the configuration of the codec server. Its error names
// every variable at fault.
func LoadCodec(lookup Lookup) (Codec, error) {
	r := &reader{lookup: lookup}
	c := Codec{
		EncryptionKeys: r.ring("DPA_ENCRYPTION_KEYS", true),
		Addr:           r.listen("DPA_CODEC_ADDR", "127.0.0.1:8089"),
		Origins:        r.origins("DPA_CODEC_ORIGINS"),
		Token:          r.shared("DPA_CODEC_TOKEN"),
		LogLevel:       r.level("DPA_LOG_LEVEL", slog.LevelInfo),
	}
	host, _, _ := net.SplitHostPort(c.Addr)
	if c.Token.Reveal() == "" && !loopback(host) {
		r.fault("DPA_CODEC_TOKEN is not set, nor is DPA_CODEC_TOKEN_FILE: without it DPA_CODEC_ADDR has to be of this machine alone, such as 127.0.0.1:8089")
	}
	if err := r.err(); err != nil {
		return Codec{}, err
	}
	return c, nil
}

func (r *reader) common() Common {
	return Common{
		TaskQueue:      r.text("DPA_TASK_QUEUE", "dpa"),
		EncryptionKeys: r.ring("DPA_ENCRYPTION_KEYS", false),
		LogLevel:       r.level("DPA_LOG_LEVEL", slog.LevelInfo),
	}
}

func (r *reader) platform() platform.Config {
	return platform.Config{
		BaseURL:   r.address("DPA_BASE_URL"),
		AllowHTTP: r.boolean("DPA_ALLOW_HTTP"),
		ClientID:  r.required("DPA_CLIENT_ID"),
		Secret:    r.clientSecret(),
		Scope:     r.oneOf("DPA_SCOPE", "default", "all"),
		UserID:    r.optional("DPA_USER_ID"),
		TLS:       r.certificates(),
	}
}

func (r *reader) bridge(common Common, ring keys.Ring, unsigned bool, secret Secret, admin string) Bridge {
	b := Bridge{
		Common:            common,
		CallbackKeys:      ring,
		Addr:              r.listen("DPA_BRIDGE_ADDR", ":8088"),
		From:              r.prefixes("DPA_BRIDGE_FROM"),
		Unsigned:          unsigned,
		UnsignedSecret:    secret,
		UnsignedFrom:      r.prefixes("DPA_BRIDGE_UNSIGNED_FROM"),
		RequestsPerSecond: r.rate("DPA_BRIDGE_REQUESTS_PER_SECOND"),
		SpoolDir:          r.folder("DPA_SPOOL_DIR"),
		AdminAddr:         admin,
	}
	if unsigned && secret.Reveal() == "" && !narrows(b.UnsignedFrom) {
		r.fault("DPA_BRIDGE_UNSIGNED lets anybody end any run unless DPA_BRIDGE_UNSIGNED_SECRET or DPA_BRIDGE_UNSIGNED_FROM is set: set one of them")
	}
	return b
}
