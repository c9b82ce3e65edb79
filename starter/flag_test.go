package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestAWrongCallIsRefusedBeforeAnythingIsConnectedTo(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"run plan":                               "takes 1 arguments [ID]",
		"run plan p --param HOST=a":              "--param must be model.NAME=value",
		"run plan p --secret m.A=":               "--secret m.A must give the name of a secret",
		"run plan p --param m.A=1 --param m.A=2": "m.A is given twice",
		"run plan p --timeout soon":              `"--timeout" flag: must be a duration`,
		"run plan p --timeout -1h":               `"--timeout" flag: must be at least 1s`,
		"run plan p --poll-after 10ms":           `"--poll-after" flag: must be at least 1s`,
		"run plan p --on-unknown guess":          `"--on-unknown" flag: must be one of wait, fail`,
		"run thing m":                            `there is no command "thing"`,

		"schedule create s plan":                             "takes 3 arguments [ID KIND WHAT]",
		"schedule create s plan p":                           "--cron or --every is required",
		"schedule create s scene p --every 1h":               "KIND must be one of plan",
		"schedule create s plan p --every 1h --param HOST=a": "--param must be model.NAME=value",
		"schedule create s plan p --remaining 0":             "--remaining must be 1 or more, got 0",
		"schedule create s plan p --cron nonsense":           `"--cron" flag: must be 5 fields`,
		"schedule create s plan p --every 0s":                `"--every" flag: must be whole seconds, at least one`,
		"schedule create s plan p --time-zone Mars/Base":     `"--time-zone" flag: must be the name of a time zone`,
		"schedule create s plan p --time-zone Local":         `"--time-zone" flag: must be the name of a time zone`,
		"schedule create s plan p --overlap often":           `"--overlap" flag: must be one of skip, buffer-one, buffer-all, cancel-other, terminate-other, allow-all`,
		"schedule create s plan p --catch-up 1s":             `"--catch-up" flag: must be at least 10s`,
		"schedule create s plan p --on-unknown guess":        `"--on-unknown" flag: must be one of wait, fail`,
		"schedule delete":                                    "takes 1 arguments [ID]",
		"schedule nothing":                                   `there is no command "nothing"`,

		"approve w":                    "takes 2 arguments [WORKFLOW STEP]",
		"approve w s --output a=b":     "must be one of table, json",
		"skip w":                       "takes 2 arguments [WORKFLOW STEP]",
		"skip w s --output yaml":       "must be one of table, json",
		"skip w s --output =1":         "must give every NAME=VALUE once, and a name",
		"skip w s --output a=1 -o a=2": "must give every NAME=VALUE once, and a name",
		"pause w s":                    "takes 1 arguments [WORKFLOW]",
		"rollback w s":                 "takes 1 arguments [WORKFLOW]",
		"abort":                        "takes 1 arguments [WORKFLOW]",
		"abort w s t":                  "takes 1 arguments [WORKFLOW]",
		"approve w s --may-run-twice":  "unknown flag: --may-run-twice",
		"run runbook testdata/check.yaml --var site=x --keep a": "--keep, --rerun and --adopt are for --resume-from",
		"report w -o table":                   `"-o, --output" flag: must be one of markdown, json`,
		"runbook graph f --format png":        `"--format" flag: must be one of mermaid, svg`,
		"runbook draw":                        `there is no command "draw"`,
		"resolve":                             "takes 1 arguments [WORKFLOW]",
		"resolve w":                           "exactly one of --adopt INSTANCE, --retrigger, --abort and --status is wanted, got 0",
		"resolve w --abort --retrigger":       "is wanted, got 2",
		"resolve w --adopt in1 --status FAIL": "is wanted, got 2",
		"resolve w --status FINISH":           `"--status" flag: must be one of SUCCESS, FAIL`,
		"setup now":                           "takes 0 arguments",
		"status w -o yaml":                    `"-o, --output" flag: must be one of table, json`,
	} {
		stdout, stderr, code := call(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, code, "%s: %s", args, stderr)
		require.Contains(t, stderr, want, args)
		require.Empty(t, stdout, args)
	}
}

func TestAllThatIsWrongWithAScheduleIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, stderr, code := call(t, "schedule", "create", "s", "plan", "p", "--remaining", "-1", "--param", "HOST=a", "--secret", "B")
	require.Equal(t, exitUsage, code)
	for _, want := range []string{"--cron or --every is required", "--remaining", "--param", "--secret"} {
		require.Contains(t, stderr, want)
	}
}

func TestARightCallIsAnErrorOnlyForWantOfAConnection(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"run plan p --param m.A=a=b --timeout 1h --detach",
		"schedule create --every 1h@15m --paused s plan p --param m.A=1 --overlap allow-all --remaining 3",
		"schedule create s plan p --cron @daily --time-zone Asia/Shanghai --catch-up 10s",
		"resolve w --adopt in1 --by li --comment seen",
		"approve w s --by li --comment seen -o json",
		"skip w s --output a=1=2 -o json --output b=",
		"abort w --comment enough",
		"abort w switch --by li",
		"rollback w --by li --comment back",
		"retry w s --may-run-twice",
		"run runbook testdata/check.yaml --var site=x --resume-from w --keep a --keep b --rerun c --adopt d=in1",
		"report w -o json",
		"report w -o markdown",
		"run runbook testdata/check.yaml --var site=x --resume-from w/0190d0f4-6c5e-7f5b-9a4d-0123456789ab --step-by-step --dry-run --preflight=false",
		"schedule create s runbook testdata/check.yaml --var site=x --every 1h",
		"setup",
	} {
		_, stderr, code := call(t, strings.Fields(args)...)
		require.Equal(t, exitError, code, "%s: %s", args, stderr)
		require.Contains(t, stderr, "use Temporal at 127.0.0.1:1", args)
	}
}

func TestHelpSaysWhatThePlatformCannotDo(t *testing.T) {
	t.Parallel()
	stdout, _, code := call(t, "schedule", "create", "--help")
	require.Zero(t, code)
	require.Contains(t, stdout, "the platform cannot cancel")
	require.Contains(t, stdout, "(default skip)")
	require.Contains(t, stdout, "(default 1m0s)")
}

func TestAScheduleRefusesTheFlagsOfOtherKindsOfRuns(t *testing.T) {
	t.Parallel()
	kindWith := func(name string, flags ...string) kind {
		set := pflag.NewFlagSet(name, pflag.ContinueOnError)
		for _, flag := range flags {
			set.String(flag, "", "")
		}
		return kind{name: name, flags: set}
	}
	all := []kind{kindWith("plan", "param"), kindWith("runbook", "param", "var")}
	given := pflag.NewFlagSet("schedule", pflag.ContinueOnError)
	for _, kind := range all {
		given.AddFlagSet(kind.flags)
	}
	require.NoError(t, given.Parse([]string{"--param=1", "--var=2"}))

	_, err := chosen(all, "plan", given)
	require.EqualError(t, err, "--var is not for a plan")
	found, err := chosen(all, "runbook", given)
	require.NoError(t, err)
	require.Equal(t, "runbook", found.name)
}
