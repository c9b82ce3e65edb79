package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/dpaflow/dpaflow/internal/keys"
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
	read, found := r.current("DPA_CLIENT_SECRET")
	if read == nil && !found {
		r.fault("DPA_CLIENT_SECRET is not set, nor is DPA_CLIENT_SECRET_FILE")
	}
	return read
}

// current reads name, or at every call the file name_FILE; it returns nothing to call where neither is set, or what is
// set cannot be read.
func (r *reader) current(name string) (read func() (string, error), set bool) {
	value, file := r.optional(name), r.optional(name+"_FILE")
	switch {
	case value == "" && file == "":
		return nil, false
	case value != "" && file != "":
		r.fault("%[1]s and %[1]s_FILE are both set: keep one", name)
		return nil, true
	case value != "":
		r.distinct(name, value)
		return func() (string, error) { return value, nil }, true
	}
	text, err := readFile(file)
	if err != nil {
		r.unreadable(name+"_FILE", err)
	}
	r.distinct(name+"_FILE", text)
	return func() (string, error) {
		text, err := readFile(file)
		if err != nil {
			return "", fmt.Errorf("read %s_FILE %q: %w", name, file, err)
		}
		return text, nil
	}, true
}

// keys reads name or name_FILE; where they are optional, none are no fault.
func (r *reader) ring(name string, required bool) keys.Ring {
	source, text := r.valueOrFile(name)
	if text == "" {
		if required && source != "" {
			r.fault("%[1]s is not set, nor is %[1]s_FILE", name)
		}
		return keys.Ring{}
	}
	ring, err := keys.Parse(text)
	if err != nil {
		r.fault("%s: %v", source, err)
	}
	for _, secret := range ring.All() {
		r.distinct(source, string(secret))
	}
	return ring
}

// shared reads a secret that strangers may try out as fast as they can call, so it must not be short.
func (r *reader) shared(name string) Secret {
	const least = 16
	source, text := r.valueOrFile(name)
	if text != "" && len(text) < least {
		r.fault("%s: must have at least %d characters (openssl rand -hex 32 makes some)", source, least)
	}
	r.distinct(source, text)
	return Secret{text}
}

// distinct refuses a secret that another variable has too: who is given one of them should not have the other.
func (r *reader) distinct(source, secret string) {
	if key, err := base64.StdEncoding.DecodeString(secret); err == nil && len(key) == keys.Size {
		secret = string(key) // a key is a secret however it is written
	}
	switch other, known := r.secrets[secret]; {
	case secret == "":
	case known && other != source:
		r.fault("%s and %s hold the same secret: make one for each (openssl rand -base64 %d)", other, source, keys.Size)
	case !known && r.secrets == nil:
		r.secrets = map[string]string{secret: source}
	case !known:
		r.secrets[secret] = source
	}
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
		r.unreadable(name+"_FILE", err)
		return "", ""
	}
	return name + "_FILE", text
}

func (r *reader) unreadable(name string, err error) {
	// Not even the name is shown: it may be the secret in the wrong place.
	r.fault("%s: must be the name of a file that can be read, and is not (%v)", name, err)
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
