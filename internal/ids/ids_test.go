package ids

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnIDReadsTheSameHoweverThePlatformWritesIt(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"in10000001"`:            "in10000001",
		`" in10000001 "`:          "in10000001",
		`"\tin10000001\u00a0"`:    "in10000001",
		`"\u3000in10000001"`:      "in10000001",
		`"10000001"`:              "10000001",
		`10000001`:                "10000001",
		" 10000001\n":             "10000001",
		`10000001.0`:              "10000001",
		`1.0000001E7`:             "10000001",
		`1.0000001e+7`:            "10000001",
		`"1.0000001E7"`:           "10000001",
		`100000010e-1`:            "10000001",
		`1606749734084`:           "1606749734084",
		`1.606749734084E12`:       "1606749734084",
		`12345678901234567890123`: "12345678901234567890123",
		`9007199254740993`:        "9007199254740993",
		`0`:                       "0",
		`"1e7"`:                   "1e7", // as an id in hexadecimal digits may be
		`"12e4"`:                  "12e4",
		`"1.5"`:                   "1.5",
		`"预案 1"`:                  "预案 1",

		`1.9007199254740993E19`:                "", // no longer exact
		`1.5`:                                  "",
		`1e400`:                                "",
		`1e-3`:                                 "",
		`-1`:                                   "",
		`""`:                                   "",
		`"  "`:                                 "",
		`null`:                                 "",
		`true`:                                 "",
		`["in1"]`:                              "",
		`{"id":"in1"}`:                         "",
		`"in\n1"`:                              "",
		`"in\u00851"`:                          "",
		`"\ud800"`:                             "",
		`"` + strings.Repeat("1", Max+1) + `"`: "",
		`1` + strings.Repeat("0", Max):         "",
		``:                                     "",
	} {
		require.Equal(t, want, Parse([]byte(value)), value)
	}
}
