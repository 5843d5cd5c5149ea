// Package action is where users sign what they are about to do, and where the signature is
// spent: by this server's own operations, by other services, or on behalf of services
// behind a reverse proxy.
package action
