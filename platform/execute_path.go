package platform

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const maxExecutePath = 1024

// CheckExecutePath tells what is wrong with a path of W3, which the platform does
// not publish: it is configured, or given for one run. It may contain {modelId}
// once, where the id of the model goes. Whatever is put into it, it must stay a path on
// the platform's own host, and where it is: no URL, no //host, no query or
// fragment, no . or .. however they are written.
func CheckExecutePath(path string) error {
	if strings.Count(path, modelPlaceholder) > 1 {
		return errors.New("must not contain " + modelPlaceholder + " more than once")
	}
	// Of the i no percent-encoding can be made with what stands before it.
	return checkPath(executePath(path, "id"))
}

// executePath puts a model's id into a template, as one segment or a part of one.
func executePath(template, modelID string) string {
	return strings.ReplaceAll(template, modelPlaceholder, url.PathEscape(modelID))
}

// checkPath looks at the path as it is, and as everyone sees it who decodes it
// once more on its way.
func checkPath(path string) error {
	if len(path) > maxExecutePath {
		return fmt.Errorf("must not be longer than %d bytes", maxExecutePath)
	}
	if !strings.HasPrefix(path, "/") {
		return errors.New("must be a path that begins with /, on the platform's own host")
	}
	if i := strings.IndexFunc(path, func(c rune) bool { return !isPathCharacter(c) }); i >= 0 {
		return fmt.Errorf("must not contain %q", []rune(path[i:])[0])
	}
	for form := path; ; {
		if err := checkSegments(form); err != nil {
			return err
		}
		decoded, err := url.PathUnescape(form)
		switch {
		case err != nil && form == path:
			return errors.New("has a % that two hexadecimal digits do not follow")
		case err != nil || decoded == form:
			return nil
		}
		form = decoded
	}
}

// checkSegments takes ..;x for what Java servers make of it.
func checkSegments(path string) error {
	switch {
	case strings.HasPrefix(path, "//"):
		return errors.New("must begin with a single /: // would name another host")
	case strings.Contains(path, `\`):
		return errors.New(`must not contain \, encoded or not`)
	case !isPrintable(path):
		return errors.New("must not contain control characters or anything but text, encoded or not")
	}
	for segment := range strings.SplitSeq(path, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return errors.New("must not contain . or .. as a segment, encoded or not")
		}
	}
	return nil
}

// isPathCharacter: what RFC 3986 allows in a path.
func isPathCharacter(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.ContainsRune("/-._~!$&'()*+,;=:@%", c)
}
