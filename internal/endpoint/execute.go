package endpoint

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ModelPlaceholder stands for the model's id in the path that executes it (W3), which the platform does not publish.
const ModelPlaceholder = "{modelId}"

const maxExecutePath = 1024

// CheckExecutePath tells what is wrong with a path of W3: it is configured, or given for one run. It may contain
// {modelId} once, where the id of the model goes. Whatever is put into it, it must stay a path on the platform's own
// host, and where it is: no URL, no //host, no query or fragment, no . or .. however they are written. And it must not
// be that of another endpoint: whoever may run a model may not do anything else with the worker's credentials.
func CheckExecutePath(path string) error {
	// Of the i no percent-encoding can be made with what stands before it.
	return CheckExecution(path, "id")
}

// CheckExecution tells what is wrong with a path of W3 for one model.
func CheckExecution(template, modelID string) error {
	if strings.Count(template, ModelPlaceholder) > 1 {
		return errors.New("must not contain " + ModelPlaceholder + " more than once")
	}
	path := ExecutePath(template, modelID)
	if err := CheckPath(path); err != nil {
		return err
	}
	if known := leadsTo(path); known != "" {
		return fmt.Errorf("must not be the path of another endpoint of the platform, %s", known)
	}
	return nil
}

// PlanPath is the path that triggers a plan (P5).
func PlanPath(planID string) string { return TriggerPlan + "/" + url.PathEscape(planID) }

// CheckPlan tells what is wrong with the id of a plan: whoever decodes one that holds slashes and dots must not end up
// at another endpoint.
func CheckPlan(planID string) error {
	if err := CheckPath(PlanPath(planID)); err != nil {
		return fmt.Errorf("is no plan id: the path that triggers it %w", err)
	}
	return nil
}

// ExecutePath puts a model's id into a template, as one segment or a part of one.
func ExecutePath(template, modelID string) string {
	return strings.ReplaceAll(template, ModelPlaceholder, url.PathEscape(modelID))
}

// CheckPath refuses a path that could leave the platform. It looks at the path as it is, and as everyone sees it who
// decodes it once more on its way.
func CheckPath(path string) error {
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
	case !utf8.ValidString(path) || strings.ContainsFunc(path, func(c rune) bool { return !unicode.IsPrint(c) }):
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
