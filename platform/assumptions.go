package platform

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// The platform's documents leave these open. Whatever turns out to be wrong is
// changed here and nowhere else.
const (
	// tokenLife is how long a token is used that does not tell its own end.
	tokenLife = 30 * time.Minute
	// modelAnswerOutputs is the field of W3's answer, which is not documented, that has the
	// outputs of a synchronous run: as in P6. Its other fields are taken to be those of W4.
	modelAnswerOutputs = "mapParam"
	// syncTimeout is what a synchronous W3 asks for by itself: how long the platform
	// would take without being told is not documented.
	syncTimeout = 30 * time.Second
)

var (
	bareInstance = regexp.MustCompile(`^[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*$`)
	shortNumber  = regexp.MustCompile(`^[0-9]{1,5}$`)
)

// isBareInstance tells whether the data of W3's answer is the id of an instance by itself, and not the word or the
// count that says that all is well.
func isBareInstance(id string) bool {
	return bareInstance.MatchString(id) && !shortNumber.MatchString(id)
}

// wireBool writes a boolean of W3 and W7 as their samples do: as a string.
func wireBool(b bool) string { return strconv.FormatBool(b) }

// wireSeconds writes a time of W3 as its sample does: whole seconds, as a string; 0 is left out.
func wireSeconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}

// formModelID and formParam are the keys of P4's nested list modelVarReq in its form.
func formModelID(i int) string { return fmt.Sprintf("modelVarReq[%d].modelId", i) }

func formParam(i int, name string) string {
	return fmt.Sprintf("modelVarReq[%d].mapParam[%s]", i, name)
}

// isInterval tells whether P4 takes a text for its intervals: a whole number from 1 up, or a time where the strategy is
// single, which the documents call a single time.
func isInterval(s string, single bool) bool {
	if _, err := time.Parse(time.DateTime, s); err == nil && single {
		return true
	}
	number, err := strconv.ParseInt(s, 10, 32)
	return err == nil && number >= 1 && s == strconv.FormatInt(number, 10)
}

// didNotRun are the envelope codes that mean, as the answer to a trigger, that
// nothing was run. All others (500, 503, 997, …) say nothing about it.
var didNotRun = map[int]bool{400: true, 403: true, 404: true, 998: true, 999: true}

// badCredentials are the envelope codes by which the OAuth endpoints refuse the
// client rather than fail to serve it.
var badCredentials = map[int]bool{400: true, 403: true, 998: true, 999: true}

// codeNames are the meanings of the envelope's codes, as documented.
var codeNames = map[int]string{
	400: "bad parameter",
	403: "authentication failed",
	404: "no such path",
	500: "server error",
	503: "service not found",
	997: "unknown error",
	998: "no such user",
	999: "business error",
}
