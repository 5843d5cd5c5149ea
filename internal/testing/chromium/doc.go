// Package chromium drives a real Chromium for tests: a fresh profile, virtual
// authenticators, and the console watched. It owns starting and ending the browser and
// the few gestures that several test packages share. What a page should show is left to
// the tests.
package chromium
