package platform

import "time"

// The platform's documents leave these open. Whatever turns out to be wrong is
// changed here and nowhere else.
const (
	// tokenLife is how long a token is used that does not tell its own end.
	tokenLife = 30 * time.Minute
	// modelPlaceholder stands for the model's id in the unpublished path of W3.
	modelPlaceholder = "{modelId}"
)

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
