// Package chromium drives a real Chromium for tests: one browser for a test process, a
// tab with a fresh profile for each test, virtual authenticators, and the console watched.
// It starts and ends the browser and has the gestures that several test packages share.
// What a page should show is left to the tests.
package chromium
