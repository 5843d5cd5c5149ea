// Package action has users sign what they are about to do, and spends the signature once: for this
// server's own operations, for other services, or for services behind a reverse proxy.
package action
