// Package admission says which authenticators an organisation accepts: it reads its policies, finds what is
// known of a credential, and checks one by the other. Check is a pure function of the two.
package admission
