// Package mail writes and sends the mails that carry codes: the invitation with a
// registration code, in plain text and in HTML, and the mail with a login code. A Sender
// speaks SMTP (STARTTLS or implicit TLS, authentication, a time limit) and returns once
// the mail server has taken the mail, or says why it did not. An Outbox sends in the
// background.
//
// Whom to write to, when a code is made and whether a mail that failed is tried again is
// left to callers.
package mail
