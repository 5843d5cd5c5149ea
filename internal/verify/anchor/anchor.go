// Package anchor says whether a certificate chain ends in a certificate that somebody trusts: a root of the
// FIDO metadata, or of an organisation. It does no I/O.
//
// A chain is leaf first and in order, as attestation statements hold it. It may leave out the anchor, end
// in it, or go on beyond it. An anchor may be a root, an intermediate authority or the attestation
// certificate itself (FIDO Metadata Statement §4, attestationRootCertificates).
//
// Signatures are verified by crypto/x509, path rules included, where it can read all certificates of the
// path. Where it cannot, the rules of RFC 5280 §6.1 that can matter below a given anchor are checked here.
// What this leaves out, by refusing it: name constraints that are marked critical, encodings that are not
// DER, EC keys on curves without a name, and signatures with SHA-1.
package anchor

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Reason says in a word why a chain does not end in an anchor.
type Reason string

// The reasons.
const (
	Malformed  Reason = "malformed"   // the chain is empty or too long, or a certificate cannot be read
	OutOfOrder Reason = "order"       // a certificate is not followed by its issuer
	Unknown    Reason = "unknown"     // no anchor has the name of an issuer in the chain
	Forged     Reason = "signature"   // a certificate is not signed by who it says, as with a borrowed name
	NotCurrent Reason = "expired"     // a certificate is not valid at the time
	NotCA      Reason = "not_ca"      // a certificate was issued by one that may issue none
	TooLong    Reason = "path_length" // more certificates follow an authority than it allows
	Unfit      Reason = "unfit"       // another rule of RFC 5280 is broken, such as a critical extension nobody knows
)

// Error says why a chain does not end in an anchor.
type Error struct {
	Reason   Reason
	Position int // in the chain, from the leaf, which is 0; as long as the chain for an anchor outside of it
	Cause    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("certificate %d of the chain: %s", e.Position, e.Reason)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Currency says which certificates of a chain must be valid at the time.
type Currency int

// WholeChain is the rule. LeafOnly is for Android, where batch and intermediate certificates have expired in
// devices that are in use.
const (
	WholeChain Currency = iota
	LeafOnly
)

// maxChain is how many certificates a chain has at most. Android's, the longest, have five or six.
const maxChain = 8

// Set is the anchors of one authenticator model or organisation, parsed once. It does not change.
type Set struct {
	all       []*Certificate
	bySubject map[string][]*Certificate
}

// NewSet returns the set of these certificates in DER. One that cannot be read at all anchors only a chain
// whose leaf it is.
func NewSet(ders [][]byte) *Set {
	s := &Set{bySubject: map[string][]*Certificate{}}
	for _, der := range ders {
		c, err := Parse(der)
		if err != nil {
			s.all = append(s.all, &Certificate{DER: der, Unread: err})
			continue
		}
		s.all = append(s.all, c)
		s.bySubject[string(c.subject)] = append(s.bySubject[string(c.subject)], c)
	}
	return s
}

// Certificates returns the anchors. The caller must not change them.
func (s *Set) Certificates() []*Certificate { return s.all }

// Verify returns the anchor in which a chain ends, or an *Error.
func (s *Set) Verify(chain [][]byte, now time.Time, c Currency) (*Certificate, error) {
	if len(chain) == 0 || len(chain) > maxChain {
		return nil, &Error{Malformed, 0, fmt.Errorf("%d certificates, from 1 to %d are accepted", len(chain), maxChain)}
	}
	certs := make([]*Certificate, len(chain))
	for i, der := range chain {
		var err error
		if certs[i], err = Parse(der); err != nil {
			return nil, &Error{Malformed, i, err}
		}
	}
	if err := inOrder(certs); err != nil {
		return nil, err
	}
	return s.walk(certs, now, c)
}

func inOrder(chain []*Certificate) *Error {
	for i := range len(chain) - 1 {
		if !bytes.Equal(chain[i].issuer, chain[i+1].subject) {
			return &Error{OutOfOrder, i, errors.New("the next certificate has another name than its issuer")}
		}
	}
	return nil
}

// CheckLinks returns nil if every certificate of a chain was issued by the next, which may do so, and could be
// used at the time. It asks nobody whether the last one is trusted. Otherwise it returns an *Error.
func CheckLinks(chain []*Certificate, now time.Time, c Currency) error {
	if err := inOrder(chain); err != nil {
		return err
	}
	for i, cert := range chain {
		last := i == len(chain)-1
		if err := cert.check(i, last, now, c); err != nil { // the last one may be the anchor
			return err
		}
		if last {
			break
		}
		if err := cert.checkSignature(chain[i+1]); err != nil {
			return &Error{Forged, i, err}
		}
	}
	return nil
}

// walk goes up from the leaf until it meets an anchor that proves what is below it.
func (s *Set) walk(chain []*Certificate, now time.Time, c Currency) (*Certificate, error) {
	refusal := &Error{Unknown, len(chain) - 1, nil}
	for i, cert := range chain {
		// An anchor that is in the chain itself.
		if a := s.find(cert); a != nil {
			if err := prove(chain[:i], a, now, c); err != nil {
				return nil, err
			}
			return a, nil
		}
		if err := cert.check(i, false, now, c); err != nil {
			return nil, err
		}
		// An anchor that issued it. Several may have the name.
		for _, a := range s.bySubject[string(cert.issuer)] {
			err := prove(chain[:i+1], a, now, c)
			if err == nil {
				return a, nil
			}
			refusal = err
		}
	}
	return nil, refusal
}

// find returns the anchor with the bytes of a certificate, nil if there is none.
func (s *Set) find(c *Certificate) *Certificate {
	i := slices.IndexFunc(s.all, func(a *Certificate) bool { return bytes.Equal(a.DER, c.DER) })
	if i < 0 {
		return nil
	}
	if !s.all[i].Usable() {
		return c
	}
	return s.all[i]
}

// check checks the certificate at position i by itself: with so many certificates below it.
func (c *Certificate) check(i int, anchor bool, now time.Time, when Currency) *Error {
	if (i == 0 || when == WholeChain) && (now.Before(c.notBefore) || now.After(c.notAfter)) {
		return &Error{NotCurrent, i, fmt.Errorf("valid from %s to %s", c.notBefore.UTC().Format(time.DateOnly), c.notAfter.UTC().Format(time.DateOnly))}
	}
	if c.critical != nil {
		return &Error{Unfit, i, fmt.Errorf("the critical extension %v is unknown", c.critical)}
	}
	// Before version 3 a certificate could not say whether it is an authority. Who trusts it as an anchor
	// says so instead.
	old := anchor && c.version < 2 && !c.constrained
	switch {
	case i == 0:
	case !c.ca && !old, c.noCertSign:
		return &Error{NotCA, i, nil}
	case c.maxPath >= 0 && int64(i-1) > c.maxPath:
		return &Error{TooLong, i, fmt.Errorf("%d authorities below it, at most %d are allowed", i-1, c.maxPath)}
	}
	return nil
}

// prove checks the anchor by itself and that path, whose certificates were checked, is signed by it, each
// certificate by the next. An empty path is that of an attestation certificate which is the anchor.
func prove(path []*Certificate, a *Certificate, now time.Time, c Currency) *Error {
	if err := a.check(len(path), true, now, c); err != nil || len(path) == 0 {
		return err
	}
	whole := append(slices.Clip(path), a)
	if c == WholeChain && !slices.ContainsFunc(whole, func(c *Certificate) bool { return c.Parsed == nil }) {
		return proveParsed(path, a, now)
	}
	for i, cert := range path {
		if err := cert.checkSignature(whole[i+1]); err != nil {
			return &Error{Forged, i, err}
		}
	}
	return nil
}

// proveParsed is prove by crypto/x509.
func proveParsed(path []*Certificate, a *Certificate, now time.Time) *Error {
	leaf := *path[0].Parsed
	// crypto/x509 does not understand a subject alternative name without a DNS name or the like. That of a
	// TPM names its model (WebAuthn L3 §8.3.1).
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), isUnderstood)
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Parsed)
	if err := checkSize(a.Parsed.PublicKey); err != nil {
		return &Error{Unfit, len(path), err}
	}
	for i, cert := range path[1:] {
		if err := checkSize(cert.Parsed.PublicKey); err != nil {
			return &Error{Unfit, i + 1, err}
		}
		between.AddCert(cert.Parsed)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err == nil {
		return nil
	}
	// The names fit, so who is unknown has another key.
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return &Error{Forged, len(path) - 1, err}
	}
	return &Error{Unfit, 0, err}
}
