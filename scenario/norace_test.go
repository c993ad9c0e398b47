//go:build !race

package scenario

// raceDetector says that the tests run under it.
const raceDetector = false
