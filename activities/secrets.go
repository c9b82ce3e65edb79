package activities

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
)

const secretLimit = 64 << 10

// Secrets reads the values that {"secretRef": name} stands for, each from the file of that name in
// one folder. Files are read at each use, so that a rotated secret needs no restart.
type Secrets struct {
	root *os.Root
	sent *lru.Cache[string, struct{}] // values that were given out; they may have been rotated since
}

// maxSent bounds how many values are remembered.
const maxSent = 1000

// OpenSecrets opens the folder. Names cannot leave it, not even by a link.
func OpenSecrets(folder string) (*Secrets, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the secrets folder: %w", err)
	}
	sent, err := lru.New[string, struct{}](maxSent)
	if err != nil {
		return nil, fmt.Errorf("remember secrets: %w", err)
	}
	return &Secrets{root: root, sent: sent}, nil
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
	value, err := s.read(name)
	if err != nil {
		return "", err
	}
	s.sent.Add(value, struct{}{})
	return value, nil
}

func (s *Secrets) read(name string) (string, error) {
	file, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no secret %q in the worker's secrets folder", name)
	}
	if err != nil {
		return "", fmt.Errorf("the secret %q cannot be opened: %w", name, errors.Unwrap(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, secretLimit+1))
	if err != nil {
		return "", fmt.Errorf("the secret %q cannot be read: %w", name, errors.Unwrap(err))
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case len(content) > secretLimit:
		return "", fmt.Errorf("the secret %q is larger than %d bytes", name, secretLimit)
	case strings.TrimSpace(value) == "":
		return "", fmt.Errorf("the file of the secret %q is empty; put its value there", name)
	case strings.HasPrefix(value, "\uFEFF"):
		return "", fmt.Errorf("the file of the secret %q begins with a byte order mark, which would be sent; save it without one", name)
	case !utf8.ValidString(value):
		return "", fmt.Errorf("the file of the secret %q is not UTF-8 text, and cannot be sent as it is; put the encoded form there that its user expects", name)
	}
	return value, nil
}
