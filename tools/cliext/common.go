package cliext

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"
)

// CommonOptions are the flags of every command.
type CommonOptions struct {
	Env                     string
	EnvFile                 string
	ConfigFile              string
	Profile                 string
	DisableConfigFile       bool
	DisableConfigEnv        bool
	LogLevel                FlagStringEnum
	LogFormat               FlagStringEnum
	Output                  FlagStringEnum
	TimeFormat              FlagStringEnum
	Color                   FlagStringEnum
	NoJsonShorthandPayloads bool
	CommandTimeout          FlagDuration
	ClientConnectTimeout    FlagDuration
}

// Description is the heading of these flags in a command's help.
func (*CommonOptions) Description() string { return "Flags of every command.\n" }

// BuildFlags adds the flags to f.
func (o *CommonOptions) BuildFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Env, "env", "default", "Name of the environment whose settings apply.")
	f.StringVar(&o.EnvFile, "env-file", "", "File of the environments' settings. Default: .config/temporalio/temporal.yaml in the home folder.")
	f.StringVar(&o.ConfigFile, "config-file", "", "TOML file to read profiles from. Default: temporalio/temporal.toml in the folder for configuration. Env: TEMPORAL_CONFIG_FILE.")
	f.StringVar(&o.Profile, "profile", "", "Profile of the configuration file to use. Env: TEMPORAL_PROFILE.")
	f.BoolVar(&o.DisableConfigFile, "disable-config-file", false, "Do not read the configuration file.")
	f.BoolVar(&o.DisableConfigEnv, "disable-config-env", false, "Do not take settings from the environment.")
	o.LogLevel = NewFlagStringEnum([]string{"debug", "info", "warn", "error", "never"}, "never")
	f.Var(&o.LogLevel, "log-level", "Least level to log: debug, info, warn, error or never. For `server start-dev` the default is warn.")
	o.LogFormat = NewFlagStringEnum([]string{"text", "json", "pretty"}, "text")
	f.Var(&o.LogFormat, "log-format", "Form of the log: text or json.")
	o.Output = NewFlagStringEnum([]string{"text", "json", "jsonl", "none"}, "text")
	f.VarP(&o.Output, "output", "o", "Form of the output: text, json, jsonl or none.")
	o.TimeFormat = NewFlagStringEnum([]string{"relative", "iso", "raw"}, "relative")
	f.Var(&o.TimeFormat, "time-format", "Form of times: relative, iso or raw.")
	o.Color = NewFlagStringEnum([]string{"always", "never", "auto"}, "auto")
	f.Var(&o.Color, "color", "Colour the output: always, never or auto.")
	f.BoolVar(&o.NoJsonShorthandPayloads, "no-json-shorthand-payloads", false, "Show payloads raw, in JSON too.")
	f.Var(&o.CommandTimeout, "command-timeout", "Time that the command may take. 0s: any.")
	f.Var(&o.ClientConnectTimeout, "client-connect-timeout", "Time that connecting may take. 0s: any.")
}

// NewLogger makes the logger that --log-level and --log-format ask for.
func NewLogger(o CommonOptions, w io.Writer) (*slog.Logger, error) {
	if o.LogLevel.Value == "never" {
		return slog.New(slog.DiscardHandler), nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel.Value)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	if o.LogFormat.Value == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}
