package metadata

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Metadata is a verified BLOB, read. It does not change, except by CheckRevocation.
type Metadata struct {
	Number     int64     // counts up
	NextUpdate time.Time // the day by which there is a newer one
	LoadedAt   time.Time // when it was verified

	Entries []*Entry

	// Incomplete is how many of Entries lack something that could not be read. LeftOut says of each entry
	// that could not be used why, and Other is how many were about authenticators of UAF.
	Incomplete int
	LeftOut    []string
	Other      int
	// Ambiguous are key identifiers that two entries have. They find neither: nobody could say which model
	// it is.
	Ambiguous []string

	byAAGUID map[[16]byte]*Entry
	byKey    map[[20]byte]*Entry

	signers []*x509.Certificate // leaf first, up to the root
	checked []bool              // which of signers a current revocation list was seen for
}

func newMetadata() *Metadata {
	return &Metadata{byAAGUID: map[[16]byte]*Entry{}, byKey: map[[20]byte]*Entry{}}
}

// ByAAGUID returns the model of an AAGUID, nil if it is not listed. A nil Metadata lists none.
func (m *Metadata) ByAAGUID(aaguid [16]byte) *Entry {
	if m == nil {
		return nil
	}
	return m.byAAGUID[aaguid]
}

// ByKeyIdentifier returns the model of U2F whose attestation certificate has a key with that identifier, see
// anchor.Certificate.KeyIdentifier. A nil Metadata lists none.
func (m *Metadata) ByKeyIdentifier(id [20]byte) *Entry {
	if m == nil {
		return nil
	}
	return m.byKey[id]
}

// Age is how long ago it was loaded.
func (m *Metadata) Age(now time.Time) time.Duration { return now.Sub(m.LoadedAt) }

// Stale reports whether the day of the next update is over.
func (m *Metadata) Stale(now time.Time) bool { return !now.Before(m.NextUpdate.AddDate(0, 0, 1)) }

// add reads an entry. What it cannot use it notes. Two entries for one AAGUID would let the order decide what
// a model is, so it refuses them.
func (m *Metadata) add(raw jsontext.Value) error {
	e, err := readEntry(raw)
	if errors.Is(err, errOther) {
		m.Other++
		return nil
	}
	if err != nil {
		m.LeftOut = append(m.LeftOut, shorten(err.Error()))
		return nil
	}
	if e.AAGUID != ([16]byte{}) {
		if m.byAAGUID[e.AAGUID] != nil {
			return refuse("metadata_ambiguous", "The FIDO metadata has two entries for one AAGUID.", "one entry for each AAGUID", hex.EncodeToString(e.AAGUID[:]), nil)
		}
		m.byAAGUID[e.AAGUID] = e
	}
	for _, id := range e.KeyIdentifiers {
		if other := m.byKey[id]; other != nil && other != e {
			m.Ambiguous = append(m.Ambiguous, hex.EncodeToString(id[:]))
			continue
		}
		m.byKey[id] = e
	}
	if len(e.Incomplete) > 0 {
		m.Incomplete++
	}
	m.Entries = append(m.Entries, e)
	return nil
}

// forgetAmbiguous takes out the key identifiers that several entries have. FIDO's own BLOB 25 had four, so
// they do not spoil the whole.
func (m *Metadata) forgetAmbiguous() {
	slices.Sort(m.Ambiguous)
	m.Ambiguous = slices.Compact(m.Ambiguous)
	for _, text := range m.Ambiguous {
		id, _ := hex.DecodeString(text)
		delete(m.byKey, [20]byte(id))
	}
}

func shorten(text string) string {
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// CheckRevocation fails if one of the lists, in DER, says that a certificate of the signer is revoked. A list
// counts if the issuer of the certificate signed it. Those that do not count are ignored: whoever answers for
// a server of lists could otherwise stop the metadata.
func (m *Metadata) CheckRevocation(lists [][]byte, now time.Time) error {
	if m.checked == nil {
		m.checked = make([]bool, len(m.signers))
	}
	for _, der := range lists {
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			continue
		}
		for i, cert := range m.signers[:max(len(m.signers)-1, 0)] {
			issuer := m.signers[i+1]
			if !bytes.Equal(l.RawIssuer, cert.RawIssuer) || l.CheckSignatureFrom(issuer) != nil {
				continue
			}
			for _, r := range l.RevokedCertificateEntries {
				// A reason of 8 takes an entry of an earlier list back (RFC 5280 §5.3.1).
				if r.SerialNumber.Cmp(cert.SerialNumber) == 0 && r.ReasonCode != 8 {
					return refuse("metadata_revoked", "A certificate of the FIDO metadata's signer is revoked.", "MDS §3.1.8, revocation",
						fmt.Sprintf("%s, revoked on %s", shorten(cert.Subject.String()), r.RevocationTime.Format(time.DateOnly)), nil)
				}
			}
			if !now.Before(l.ThisUpdate) && (l.NextUpdate.IsZero() || now.Before(l.NextUpdate)) && covers(l, cert) {
				m.checked[i] = true
			}
		}
	}
	return nil
}

// covers reports whether a list is a whole one and, if it is one of several, the one that the certificate
// names (RFC 5280 §5.2.4 and §5.2.5).
func covers(l *x509.RevocationList, cert *x509.Certificate) bool {
	for _, e := range l.Extensions {
		switch e.Id.String() {
		case "2.5.29.27":
			return false
		case "2.5.29.28":
			if !slices.ContainsFunc(cert.CRLDistributionPoints, func(url string) bool { return bytes.Contains(e.Value, []byte(url)) }) {
				return false
			}
		}
	}
	return true
}

// RevocationLists returns where the lists are for the certificates of the signer that no list was seen for.
func (m *Metadata) RevocationLists() (urls []string) {
	for i, cert := range m.signers[:max(len(m.signers)-1, 0)] {
		if !m.checked[i] {
			urls = append(urls, cert.CRLDistributionPoints...)
		}
	}
	return urls
}

// Revocation says in words how far the certificates of the signer were checked.
func (m *Metadata) Revocation() string {
	var without []string
	for i, cert := range m.signers[:max(len(m.signers)-1, 0)] {
		switch {
		case m.checked[i]:
		case len(cert.CRLDistributionPoints) == 0:
			without = append(without, fmt.Sprintf("%q names no revocation list", cert.Subject.CommonName))
		default:
			without = append(without, fmt.Sprintf("no current revocation list for %q", cert.Subject.CommonName))
		}
	}
	if len(without) == 0 {
		return "checked"
	}
	return shorten(strings.Join(without, "; "))
}
