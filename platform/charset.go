package platform

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// ErrEncoding is wrapped by the error of a read whose answer is not in the charset that its Content-Type names, or, where
// that names none, not in UTF-8. Asking again is no use.
var ErrEncoding = errors.New("the answer's text cannot be read; have the platform send UTF-8, or name the charset that it sends")

var charsetParameter = regexp.MustCompile(`(?i)charset\s*=\s*["']?([\w.:-]+)`)

// multibyte are the encodings that hold more than a few letters beyond ASCII, by the names of the WHATWG.
var multibyte = []string{"gbk", "gb18030", "big5", "euc-kr", "euc-jp", "shift_jis", "iso-2022-jp", "utf-16le", "utf-16be"}

// inUTF8 decodes a body by the charset of its Content-Type, or by its byte order mark. Where that cannot be done it
// returns what the body probably says as well as an ErrEncoding: its ASCII can be relied on, and nothing else.
func inUTF8(contentType string, body []byte) ([]byte, error) {
	declared := "UTF-8"
	if found := charsetParameter.FindStringSubmatch(contentType); found != nil {
		declared = found[1]
	}
	text, err := decoded(decoderOf(declared), body)
	if replaced := []byte("\uFFFD"); err == nil && utf8.Valid(text) && bytes.Count(text, replaced) <= bytes.Count(body, replaced) {
		return text, nil
	}
	probably, _ := decoded(simplifiedchinese.GB18030.NewDecoder(), body)
	return probably, fmt.Errorf("%w (it is not in %s)", ErrEncoding, declared)
}

// decoderOf returns the decoder for a charset. One of a few letters beyond ASCII is not what who writes Chinese means:
// servers name it that were told none, and what they send is UTF-8 all the same, or cannot be read.
func decoderOf(label string) transform.Transformer {
	found, err := htmlindex.Get(label)
	if err != nil {
		found, err = ianaindex.IANA.Encoding(label)
	}
	name := ""
	if err == nil && found != nil {
		name, _ = htmlindex.Name(found)
	}
	switch {
	case name == "gbk":
		return simplifiedchinese.GB18030.NewDecoder() // which has all of it, and more
	case slices.Contains(multibyte, name):
		return found.NewDecoder()
	}
	return transform.Nop
}

func decoded(decoder transform.Transformer, body []byte) ([]byte, error) {
	text, _, err := transform.Bytes(utf.BOMOverride(decoder), body)
	return text, err
}

func isASCII(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return c > unicode.MaxASCII })
}
