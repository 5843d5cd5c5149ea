// Package code owns the codes that are sent to people: how they are made, typed, mailed,
// recognised, counted and revoked, alike for every kind of code. The store knows a code by
// its MAC alone, so looking one up takes the same time however much of it was guessed. What
// a code admits to is up to the services.
package code
