// Package mail writes and sends the mails that carry codes: the invitation with a
// registration code, in plain text and in HTML, and the mail with a login code. A Sender
// speaks SMTP (STARTTLS or implicit TLS, authentication, a time limit) and returns once
// the mail server has accepted the mail, or says why it did not. An Outbox sends in the
// background.
//
// Callers decide whom to write to, when to issue a code and whether to try again.
package mail
