// Package pages is what people see in a browser: the registration page, the login page,
// one's own account, the pages where administrators manage people, roles, service accounts
// and the audit log, a plain front page and a readable API reference, with their styles and
// scripts. There is no build step and nothing is loaded from elsewhere; a strict content
// security policy enforces that. The package knows no invitation and no user: the pages'
// scripts ask the server's JSON endpoints, as any client would. Errors in JSON are left to
// the server.
package pages
