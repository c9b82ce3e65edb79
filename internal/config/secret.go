package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/dpaflow/dpaflow/signals"
)

const redacted = "[redacted]"

// maxFile bounds files of secrets and certificates.
const maxFile = 1 << 20

// Secret is text that prints as [redacted], whatever prints it. The zero
// value is an empty secret.
type Secret struct{ text string }

// Reveal returns the text itself.
func (s Secret) Reveal() string { return s.text }

// Format implements [fmt.Formatter] for every verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], and by that JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// clientSecret reads the secret given directly, or a file that is read again
// at every call, so that a rotated secret needs no restart.
func (r *reader) clientSecret() func() (string, error) {
	value, file := r.optional("DPA_CLIENT_SECRET"), r.optional("DPA_CLIENT_SECRET_FILE")
	switch {
	case value == "" && file == "":
		r.fault("DPA_CLIENT_SECRET is not set, nor is DPA_CLIENT_SECRET_FILE")
		return nil
	case value != "" && file != "":
		r.fault("DPA_CLIENT_SECRET and DPA_CLIENT_SECRET_FILE are both set: keep one")
		return nil
	case value != "":
		return func() (string, error) { return value, nil }
	}
	read := func() (string, error) {
		text, err := readFile(file)
		if err != nil {
			return "", fmt.Errorf("read DPA_CLIENT_SECRET_FILE %q: %w", file, err)
		}
		return text, nil
	}
	if _, err := readFile(file); err != nil {
		r.unreadable("DPA_CLIENT_SECRET_FILE", file, err)
	}
	return read
}

// keys reads name or name_FILE; where they are optional, none are no fault.
func (r *reader) keys(name string, required bool) signals.Keys {
	source, text := r.valueOrFile(name)
	if text == "" {
		if required && source != "" {
			r.fault("%[1]s is not set, nor is %[1]s_FILE", name)
		}
		return signals.Keys{}
	}
	keys, err := signals.ParseKeys(text)
	if err != nil {
		r.fault("%s: %v", source, err)
	}
	return keys
}

// shared reads a secret that strangers may try out as fast as they can call, so it must not be short.
func (r *reader) shared(name string) Secret {
	const least = 16
	source, text := r.valueOrFile(name)
	if text != "" && len(text) < least {
		r.fault("%s: wants at least %d characters (openssl rand -hex 32 makes some)", source, least)
	}
	return Secret{text}
}

// valueOrFile reads name or name_FILE, and says which of them the text is from. It
// returns no text when neither is set, and no name when it reported a fault.
func (r *reader) valueOrFile(name string) (source, text string) {
	value, file := r.optional(name), r.optional(name+"_FILE")
	switch {
	case value != "" && file != "":
		r.fault("%[1]s and %[1]s_FILE are both set: keep one", name)
		return "", ""
	case file == "":
		return name, value
	}
	text, err := readFile(file)
	if err != nil {
		r.unreadable(name+"_FILE", file, err)
		return "", ""
	}
	return name + "_FILE", text
}

func (r *reader) roots(name string) *x509.CertPool {
	file := r.optional(name)
	if file == "" {
		return nil
	}
	pem, err := readFile(file)
	if err != nil {
		r.unreadable(name, file, err)
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		r.wants(name, "a file of certificates in PEM", file)
	}
	return pool
}

func (r *reader) unreadable(name, file string, err error) {
	r.fault("%s: wants a file that can be read, got %q (%v)", name, file, err)
}

// readFile returns the file's text without the white space around it. Its
// errors do not repeat the file's name.
func readFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", cause(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return "", cause(err)
	case len(data) > maxFile:
		return "", fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}

func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
