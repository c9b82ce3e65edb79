package activities

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/platform"
	"github.com/dpaflow/dpaflow/runbook"
)

// folder makes a secrets folder with files of these contents.
func folder(t *testing.T, files map[string]string) (secrets *Secrets, write func(name, content string)) {
	t.Helper()
	path := t.TempDir()
	write = func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte(content), 0o600))
	}
	for name, content := range files {
		write(name, content)
	}
	secrets, err := OpenSecrets(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, secrets.root.Close()) })
	return secrets, write
}

func TestAFileThatHoldsNoSecretIsRefusedAndNotSentAsOne(t *testing.T) {
	t.Parallel()
	secrets, _ := folder(t, map[string]string{
		"good": " päss word \r\n", "two-lines": "a\nb\n\n",
		"empty": "", "line": "\n", "crlf": "\r\n", "blank": " \t\n", "binary": "\xff\xfe\x00planted", "mark": "\ufeffplanted",
		"large": strings.Repeat("planted", secretLimit),
	})
	for name, value := range map[string]string{"good": " päss word ", "two-lines": "a\nb\n"} {
		got, err := secrets.Value(name)
		require.NoError(t, err, name)
		require.Equal(t, value, got, name)
	}
	for name, problem := range map[string]string{
		"empty": "is empty", "line": "is empty", "crlf": "is empty", "blank": "is empty", "binary": "not UTF-8", "mark": "byte order mark",
		"large": "larger", "none": "there is no secret", "../good": "plain file name", "..": "plain file name",
	} {
		_, err := secrets.Value(name)
		require.ErrorContains(t, err, problem, name)
		require.NotContains(t, err.Error(), "planted", name)
	}
}

func TestSecretsThatANodeEchoesAreTakenOutOfItsOutputs(t *testing.T) {
	t.Parallel()
	const (
		password = `pl"anted/1+<秘>`
		rotated  = "rotated-away"
		key      = "-----BEGIN KEY-----\nMIIEvplantedlineone\nplantedlinetwoAAAA\n-----END KEY-----"
	)
	secrets, write := folder(t, map[string]string{"password": password + "\n", "rotated": rotated, "key": key, "pin": "7\n"})
	_, err := secrets.Value("rotated")
	require.NoError(t, err)
	write("rotated", "its-successor")

	quoted, err := json.Marshal(password)
	require.NoError(t, err)
	encoded := base64.StdEncoding.EncodeToString([]byte(password))
	outputs := []ModelOutputs{{ModelID: "md1", ModelName: "for " + rotated, Nodes: []NodeOutput{
		{Name: "echo", Result: "it is " + password + "."},
		{Name: "json", Result: `{"p":` + string(quoted) + `}`},
		{Name: "base64", Result: encoded},
		{Name: "rotated " + rotated, Result: rotated + " its-successor"},
		{Name: "key", Result: "  MIIEvplantedlineone\r\n  plantedlinetwoAAAA\r\n"},
		{Name: "pin", Result: " 7 "},
		{Name: "number", Result: "17 of 70"},
		{Name: "plain", Result: "-----BEGIN KEY-----"},
	}}}
	secrets.redact(outputs)
	require.Equal(t, "for [redacted]", outputs[0].ModelName)
	require.Equal(t, []NodeOutput{
		{Name: "echo", Result: "it is [redacted]."},
		{Name: "json", Result: `{"p":"[redacted]"}`},
		{Name: "base64", Result: "[redacted]" + strings.TrimLeft(encoded, strings.TrimRight(encoded, "="))},
		{Name: "rotated [redacted]", Result: "[redacted] [redacted]"},
		{Name: "key", Result: "  [redacted]\r\n  [redacted]\r\n"},
		{Name: "pin", Result: "[redacted]"},
		{Name: "number", Result: "17 of 70"},
		{Name: "plain", Result: "-----BEGIN KEY-----"},
	}, outputs[0].Nodes)

	var none *Secrets
	none.redact(outputs)
}

func TestBothKindsOfOutputsAreRedactedBeforeTheyAreCut(t *testing.T) {
	t.Parallel()
	const secret = "planted-secret"
	b := newModelBench(t, "SUCCESS")
	require.NoError(t, b.activities.secrets.root.Close())
	b.activities.secrets, _ = folder(t, map[string]string{"db-password": secret})
	echo := strings.Repeat("x", 300) + secret + strings.Repeat("y", 600)
	b.outputs = []platform.ModelOutputs{{ModelID: "md1", Nodes: []platform.NodeOutput{{Name: "n", Result: echo}}}}
	b.nodes = []platform.NodeOutput{{Name: "n", Result: echo}}
	for limit := 350; limit < 500; limit += 7 { // somewhere within the secret
		value, err := b.ExecuteActivity(b.activities.PlanOutputs, PlanInstance{PlanID: "a", InstanceID: "in1", Limit: limit})
		require.NoError(t, err)
		var outputs []ModelOutputs
		require.NoError(t, value.Get(&outputs))
		require.NotContains(t, outputs[0].Nodes[0].Result, secret[:4])
		value, err = b.ExecuteActivity(b.activities.ModelOutputs, ModelInstance{ModelID: "md1", InstanceID: "in1", Limit: limit})
		require.NoError(t, err)
		var nodes []NodeOutput
		require.NoError(t, value.Get(&nodes))
		require.NotContains(t, nodes[0].Result, secret[:4])
	}
}

func TestEverythingThatATriggerIsRefusedForComesAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.inputs = []platform.ModelInputs{{ModelID: "md1", Inputs: []platform.Input{{Name: "HOST"}}}}
	_, err := b.trigger(PlanTrigger{PlanID: "p", Trigger: Trigger{Preflight: true}, Params: PlanParams{"md1": {"PASSWORD": runbook.SecretRef("none")}}})
	require.ErrorContains(t, err, "params.md1.HOST: this input is missing")
	require.ErrorContains(t, err, "there is no secret")

	b = newBench(t, nil)
	b.models = []platform.Model{{ID: "md1", Status: "RUNNING"}}
	b.modelInputs = []platform.Input{{Name: "PASSWORD"}, {Name: "HOST"}}
	_, err = b.ExecuteActivity(b.activities.DpaTriggerModel, ModelTrigger{
		ModelID: "md1", Trigger: Trigger{Preflight: true}, Params: Params{"PASSWORD": runbook.SecretRef("none")},
	})
	failed, _ := failure(t, err)
	require.Equal(t, ErrorInvalidInput, failed.Type(), "%v: though the model is busy", err)
	require.ErrorContains(t, err, "params.HOST: this input is missing")
	require.ErrorContains(t, err, "there is no secret")
}
