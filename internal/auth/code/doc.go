// Package code makes, mails, recognises and revokes the codes that are sent to people, and limits
// how often they are tried and asked for: alike for every kind of code. The store knows only the
// MAC of a code, so looking one up takes the same time however much of it was guessed. The
// services decide what a code allows.
package code
