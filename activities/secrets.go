package activities

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const secretLimit = 64 << 10

// Secrets reads the values that {"secretRef": name} stands for, each from the file of that name in
// one folder. Files are read at each use, so that a rotated secret needs no restart.
type Secrets struct{ root *os.Root }

// OpenSecrets opens the folder. Names cannot leave it, not even by a link.
func OpenSecrets(folder string) (*Secrets, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the secrets folder: %w", err)
	}
	return &Secrets{root: root}, nil
}

// Value returns the secret of that name, without a line break at its end. The error never holds any
// of its content.
func (s *Secrets) Value(name string) (string, error) {
	if s == nil {
		return "", errors.New("the worker has no secrets; set DPA_SECRETS_DIR on it")
	}
	if strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
		return "", errors.New("a secret's name is a plain file name")
	}
	file, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no secret %q in the worker's secrets folder", name)
	}
	if err != nil {
		return "", fmt.Errorf("the secret %q cannot be opened: %w", name, errors.Unwrap(err))
	}
	defer file.Close()
	value, err := io.ReadAll(io.LimitReader(file, secretLimit+1))
	if err != nil {
		return "", fmt.Errorf("the secret %q cannot be read: %w", name, errors.Unwrap(err))
	}
	if len(value) > secretLimit {
		return "", fmt.Errorf("the secret %q is larger than %d bytes", name, secretLimit)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(value), "\n"), "\r"), nil
}
