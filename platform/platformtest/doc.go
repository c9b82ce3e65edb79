// Package platformtest simulates the DPA platform: its HTTP API, the executions
// behind it and their callbacks.
//
// The simulator is strict where the platform's documents are exact, and refuses
// what they do not describe: another path (the double slashes of P5 and P6
// included), an unknown or repeated field, a wrong type, an undeclared parameter.
// Its wire types are its own, so that it checks the client instead of agreeing
// with it. It remembers every request, execution and callback, and every fault
// that a network or a platform can show is injected on demand, as data. It forgets
// everything when it is closed, unless KeepIn names a file.
//
//	sim := platformtest.Start(t, platformtest.Options{})
//	sim.Inject(platformtest.Fault{Endpoint: "P5", Times: 1, AfterExecution: true, Kind: platformtest.FaultReset})
//	// … run the code under test against sim.URL …
//	require.Len(t, sim.Executions(), 1)
package platformtest
