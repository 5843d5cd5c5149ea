// Package pages serves what people see in a browser: the registration page, the login page, one's own
// account, the pages where administrators manage people, roles, service accounts and the audit log,
// a front page and an API reference, with their styles and scripts. There is no build step, and
// nothing is loaded from elsewhere; a strict content security policy enforces that. The pages have no
// data: their scripts ask the server's JSON endpoints, as any client would.
package pages
