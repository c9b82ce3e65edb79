package deploy_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository.
const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// match is what the expression's first group finds in a file.
func match(t *testing.T, path, expression string) string {
	t.Helper()
	found := regexp.MustCompile(expression).FindStringSubmatch(read(t, path))
	require.NotNil(t, found, "%s has no %s", path, expression)
	return found[1]
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err, address)
	return port
}

// container is what a program is started with, in whichever format.
type container struct {
	name  string
	env   map[string]string
	files map[string]string // a folder or file in it → where that is during the test
}

// lookup finds a variable as the program would, with the paths of files led to where they are.
func (c container) lookup(name string) (string, bool) {
	value, set := c.env[name]
	for inside, outside := range c.files {
		if value == inside || strings.HasPrefix(value, inside+"/") {
			return outside + strings.TrimPrefix(value, inside), set
		}
	}
	return value, set
}
