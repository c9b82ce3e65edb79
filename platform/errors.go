package platform

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
)

// maxPiece bounds, in bytes, what an error keeps of the platform's own words.
const maxPiece = 256

// ErrInput is wrapped by errors about arguments that cannot be sent. Nothing was sent.
var ErrInput = errors.New("invalid input")

// Error is the error of one call. It shows no secret, token or callback URL.
type Error struct {
	// Endpoint names what was called, such as "P5 trigger plan".
	Endpoint string
	// HTTPStatus is the answer's status; 0 where there was no answer.
	HTTPStatus int
	// Code is the envelope's code; 0 where there was no envelope.
	Code int
	// Message is the envelope's message, in one line of at most 256 bytes.
	Message string
	// Body is the beginning of an answer that was no envelope, likewise.
	Body string
	// Sent is false where the request provably never left.
	Sent bool
	// Auth is true where the platform refused the token or the credentials.
	Auth bool
	// Err is the cause where there is another than the answer itself.
	Err error

	// contradicts is set where the answer refuses a trigger and yet names an instance.
	contradicts bool
}

// Error says in one line what was called, what came back and why that is wrong.
func (e *Error) Error() string {
	parts := []string{e.Endpoint}
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusOK {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.HTTPStatus, http.StatusText(e.HTTPStatus))))
	}
	if e.HTTPStatus >= 300 && e.HTTPStatus < 400 {
		parts = append(parts, "redirects are not followed, check the base URL")
	}
	if name, known := codeNames[e.Code]; known {
		parts = append(parts, fmt.Sprintf("code %d (%s)", e.Code, name))
	} else if e.Code != 0 && e.Code != http.StatusOK {
		parts = append(parts, fmt.Sprintf("code %d", e.Code))
	}
	if e.Message != "" && e.Code != http.StatusOK {
		parts = append(parts, e.Message)
	}
	if e.contradicts {
		parts = append(parts, "and yet it names an instance")
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if e.Body != "" {
		parts = append(parts, fmt.Sprintf("it begins %q", e.Body))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsAuth reports whether the platform refused the credentials, or the token: a
// new one too where the call is a read. A trigger is never sent again in here,
// so there it may have been the first token, which is not used any more.
func IsAuth(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Auth
}

func inputError(endpoint string, faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return &Error{Endpoint: endpoint, Err: fmt.Errorf("%w: %s", ErrInput, strings.Join(faults, "; "))}
}

// Redactor returns a function that takes values which must not be shown out of what others wrote, however they are
// written there: the platform may well repeat what it was sent.
func Redactor(values ...string) func(text string) string {
	return redactorOf(func() []string { return values })
}

// redactorOf asks for the values only when there is a text.
func redactorOf(values func() []string) func(text string) string {
	replacer := sync.OnceValue(func() *strings.Replacer {
		var written []string
		for _, value := range values() {
			if value != "" {
				written = append(written, ways(value)...)
			}
		}
		slices.SortFunc(written, func(a, b string) int { return len(b) - len(a) }) // one may begin with another
		var pairs []string
		for _, form := range written {
			pairs = append(pairs, form, "[redacted]")
		}
		return strings.NewReplacer(pairs...)
	})
	return func(text string) string { return replacer().Replace(text) }
}

// redactor takes values out of errors.
type redactor struct{ replace func(string) string }

func newRedactor(private ...string) redactor { return redactor{Redactor(private...)} }

// redactor takes out of errors what a call was given, and what the configuration keeps private.
func (c *Client) redactor(private ...string) redactor {
	return redactor{redactorOf(func() []string {
		if c.config.Private != nil {
			private = append(private, c.config.Private()...)
		}
		return private
	})}
}

// ways are the ways to write s. JSON may hold the JSON that was sent, as a text.
func ways(s string) []string {
	written := []string{s}
	for range 2 {
		for _, form := range written {
			written = append(written, inJSON(form, true), inJSON(form, false))
			for _, escaped := range []string{inJSON(form, true), inJSON(form, false)} {
				for _, more := range []string{"", "='", "<>&='"} { // as Gson does
					written = append(written, inASCII(escaped, "%04x", more), inASCII(escaped, "%04X", more))
				}
			}
		}
		slices.Sort(written)
		written = slices.Compact(written) // most are the same
	}
	for _, form := range written {
		written = append(written, strings.ReplaceAll(form, "/", `\/`))
	}
	for _, line := range []string{s, s + "\n"} { // echo ends its line before base64 sees it
		written = append(written, base64.RawStdEncoding.EncodeToString([]byte(line)), base64.RawURLEncoding.EncodeToString([]byte(line)))
	}
	page := html.EscapeString(s)
	for _, form := range []string{url.QueryEscape(s), strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), url.PathEscape(s)} {
		written = append(written, form, inSmall.ReplaceAllStringFunc(form, strings.ToLower))
	}
	return append(written, page, strings.ReplaceAll(page, "&#34;", "&quot;"))
}

var inSmall = regexp.MustCompile("%[0-9A-F]{2}")

// inASCII writes what is beyond ASCII, and some characters more, as JSON's \u with the format of its digits.
func inASCII(s, digits, more string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		if unit > unicode.MaxASCII || strings.ContainsRune(more, rune(unit)) {
			fmt.Fprintf(&b, `\u`+digits, unit)
		} else {
			b.WriteByte(byte(unit))
		}
	}
	return b.String()
}

func inJSON(s string, escapeHTML bool) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	_ = encoder.Encode(s) // a text can always be written
	return strings.TrimSuffix(b.String()[1:], "\"\n")
}

// text makes one line of valid UTF-8 of at most maxPiece bytes.
func (r redactor) text(s string) string {
	s = r.replace(s)
	s = strings.ToValidUTF8(s[:min(len(s), 16*maxPiece)], "\uFFFD")
	words := strings.FieldsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) })
	s = strings.Join(words, " ")
	if len(s) > maxPiece {
		const more = "…"
		s = strings.ToValidUTF8(s[:maxPiece-len(more)], "") + more
	}
	return s
}

// err takes away the URL that net/http puts into its errors.
func (r redactor) err(err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	if shown := err.Error(); r.replace(shown) != shown {
		return errors.New(r.text(shown))
	}
	return err
}
