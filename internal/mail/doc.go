// Package mail sends the one mail that Countersign writes: the invitation that
// carries a registration code. It owns the SMTP conversation (STARTTLS or implicit
// TLS, authentication, a time limit) and the words of the mail, in plain text and in
// HTML.
//
// Whom to invite, when a code is made and whether a mail that failed is tried again
// are left to the rooms above. Nothing is queued here: Invite returns once the mail
// server has taken the mail, or says why it did not.
package mail
