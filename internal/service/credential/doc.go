// Package credential lets people keep, add and remove credentials of their own. A change takes the
// signature of a credential that is at least as strong as the one it touches: a weaker one, if stolen,
// must not become a stronger one, or get rid of it. The last credential that logs its user in stays.
package credential
