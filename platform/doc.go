// Package platform is the typed client of the DPA platform's HTTP API, and the
// only place that talks to it. Its endpoints are named as in the platform's
// documents: P1…P7 for plans, W1…W7 for models.
//
// Reads are repeated over blips. A trigger runs something that nobody can take
// back, so it is sent once, over a connection of its own, and OutcomeOf says
// what is known of it when it failed. Its caller records the intent to send it in
// a hook, Intend, when nothing but writing it is left, and says until when.
//
// What is sent is exactly what the documents show; what is read may wobble:
// numbers as text, a missing list, one object in place of a list and the other
// way round, fields that nobody documented.
package platform
