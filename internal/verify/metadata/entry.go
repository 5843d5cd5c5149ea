package metadata

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/internal/verify/anchor"
)

// Limits of an entry. One that is beyond them is left out.
const (
	maxReports        = 1000
	maxRoots          = 500
	maxKeyIdentifiers = 2000
	maxList           = 100  // of words, and of names
	maxText           = 1000 // of characters: the statement allows 200
)

// Entry is what the metadata says of one authenticator model.
type Entry struct {
	AAGUID         [16]byte // zero for a model of U2F
	KeyIdentifiers [][20]byte

	Description       string
	FriendlyNames     map[string]string // by language, as "en-US"
	ProtocolFamily    string            // fido2 or u2f
	Version           uint64            // authenticatorVersion: of its firmware, at the earliest
	KeyProtection     []string          // software, hardware, tee, secure_element, remote_handle
	MatcherProtection []string          // software, tee, on_chip
	AttachmentHint    []string          // internal, external, wired, wireless, nfc, …
	AttestationTypes  []string          // basic_full, basic_surrogate, attca, anonca, …

	Roots   *anchor.Set // what attestation certificates of the model end in
	Reports []Report    // oldest first
	Changed time.Time   // timeOfLastStatusChange

	// Incomplete says what could not be read, and is therefore missing. Reports never are.
	Incomplete []string
}

// rawEntry is an entry of MDS §3.1.1. Members are read one by one, so that one costs no other.
type rawEntry struct {
	AAID           jsontext.Value `json:"aaid"`
	AAGUID         jsontext.Value `json:"aaguid"`
	KeyIdentifiers jsontext.Value `json:"attestationCertificateKeyIdentifiers"`
	Statement      jsontext.Value `json:"metadataStatement"`
	Reports        jsontext.Value `json:"statusReports"`
	Changed        jsontext.Value `json:"timeOfLastStatusChange"`
}

// rawStatement is what is used of a statement. The icon and all that describes the display are not.
type rawStatement struct {
	Description       jsontext.Value `json:"description"`
	FriendlyNames     jsontext.Value `json:"friendlyNames"`
	ProtocolFamily    jsontext.Value `json:"protocolFamily"`
	Version           jsontext.Value `json:"authenticatorVersion"`
	KeyProtection     jsontext.Value `json:"keyProtection"`
	MatcherProtection jsontext.Value `json:"matcherProtection"`
	AttachmentHint    jsontext.Value `json:"attachmentHint"`
	AttestationTypes  jsontext.Value `json:"attestationTypes"`
	Roots             jsontext.Value `json:"attestationRootCertificates"`
}

// errOther says that an entry is about an authenticator that WebAuthn does not know: of UAF.
var errOther = errors.New("neither an AAGUID nor a key identifier")

// readEntry reads an entry. It fails if the entry cannot be found by anything, or if what became known about
// the model cannot be read: a model whose revocation went unread must not pass for a good one.
func readEntry(raw jsontext.Value) (*Entry, error) {
	var r rawEntry
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, err
	}
	e := &Entry{}
	if err := e.identify(r); err != nil {
		return nil, err
	}
	if err := e.readReports(r.Reports); err != nil {
		return nil, err
	}
	e.date(&e.Changed, r.Changed, "timeOfLastStatusChange")
	var s rawStatement
	if r.Statement != nil {
		if err := json.Unmarshal(r.Statement, &s); err != nil {
			e.missing("metadataStatement")
		}
	}
	e.text(&e.Description, s.Description, "description")
	e.text(&e.ProtocolFamily, s.ProtocolFamily, "protocolFamily")
	e.words(&e.KeyProtection, s.KeyProtection, "keyProtection")
	e.words(&e.MatcherProtection, s.MatcherProtection, "matcherProtection")
	e.words(&e.AttachmentHint, s.AttachmentHint, "attachmentHint")
	e.words(&e.AttestationTypes, s.AttestationTypes, "attestationTypes")
	if s.Version != nil && json.Unmarshal(s.Version, &e.Version) != nil {
		e.missing("authenticatorVersion")
	}
	if s.FriendlyNames != nil && (json.Unmarshal(s.FriendlyNames, &e.FriendlyNames) != nil || tooMany(e.FriendlyNames)) {
		e.FriendlyNames = nil
		e.missing("friendlyNames")
	}
	return e, e.readRoots(s.Roots)
}

func tooMany(names map[string]string) bool {
	for language, name := range names {
		if len(language) > maxText || len(name) > maxText {
			return true
		}
	}
	return len(names) > maxList
}

func (e *Entry) identify(r rawEntry) error {
	if r.AAGUID == nil && r.KeyIdentifiers == nil {
		return errOther
	}
	if r.AAGUID != nil {
		var text string
		if err := json.Unmarshal(r.AAGUID, &text); err != nil {
			return err
		}
		aaguid, err := ParseAAGUID(text)
		if err != nil {
			return err
		}
		e.AAGUID = aaguid
	}
	if r.KeyIdentifiers == nil {
		return nil
	}
	var identifiers []string
	if err := json.Unmarshal(r.KeyIdentifiers, &identifiers); err != nil {
		return err
	}
	if len(identifiers) > maxKeyIdentifiers {
		return fmt.Errorf("%d key identifiers", len(identifiers))
	}
	for _, text := range identifiers {
		id, err := hex.DecodeString(text)
		if err != nil || len(id) != 20 { // FIDO's BLOB 25 had one of 19 bytes
			e.missing(fmt.Sprintf("the key identifier %.50q", text))
			continue
		}
		e.KeyIdentifiers = append(e.KeyIdentifiers, [20]byte(id))
	}
	if r.AAGUID == nil && len(e.KeyIdentifiers) == 0 {
		return errors.New("no key identifier that can be read")
	}
	return nil
}

// ParseAAGUID reads an AAGUID as it is written in metadata: 8-4-4-4-12 hexadecimal digits, not all zero,
// which names no model.
func ParseAAGUID(text string) (aaguid [16]byte, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != 16 || len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return aaguid, fmt.Errorf("the AAGUID %.50q", text)
	}
	if aaguid = [16]byte(b); aaguid == ([16]byte{}) {
		return aaguid, errors.New("the AAGUID that is zero")
	}
	return aaguid, nil
}

func (e *Entry) missing(member string) { e.Incomplete = append(e.Incomplete, member) }

func (e *Entry) text(to *string, raw jsontext.Value, member string) {
	var text string
	if raw != nil && (json.Unmarshal(raw, &text) != nil || len(text) > 4*maxText) {
		e.missing(member)
		return
	}
	*to = text
}

func (e *Entry) words(to *[]string, raw jsontext.Value, member string) {
	var words []string
	bad := raw != nil && (json.Unmarshal(raw, &words) != nil || len(words) > maxList)
	for _, w := range words {
		bad = bad || len(w) > maxText
	}
	if bad {
		e.missing(member)
		return
	}
	*to = words
}

func (e *Entry) date(to *time.Time, raw jsontext.Value, member string) {
	if raw == nil {
		return
	}
	var text string
	at, err := time.Time{}, json.Unmarshal(raw, &text)
	if err == nil {
		at, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		e.missing(member)
		return
	}
	*to = at
}

// readRoots reads the certificates (statement §4, attestationRootCertificates).
func (e *Entry) readRoots(raw jsontext.Value) error {
	e.Roots = anchor.NewSet(nil)
	var texts []string
	if raw == nil {
		return nil
	}
	if json.Unmarshal(raw, &texts) != nil {
		e.missing("attestationRootCertificates")
		return nil
	}
	if len(texts) > maxRoots {
		return fmt.Errorf("%d roots", len(texts))
	}
	var ders [][]byte
	for i, text := range texts {
		der, err := decodeCertificate(text)
		if err != nil {
			e.missing(fmt.Sprintf("attestationRootCertificates[%d]: not Base64", i))
			continue
		}
		ders = append(ders, der)
	}
	e.Roots = anchor.NewSet(ders)
	for i, c := range e.Roots.Certificates() {
		if !c.Usable() {
			e.missing(fmt.Sprintf("attestationRootCertificates[%d]: %v", i, c.Unread))
		}
	}
	return nil
}

// decodeCertificate reads Base64. Some vendors break the lines, and some leave out the end.
func decodeCertificate(text string) ([]byte, error) {
	text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	return base64.RawStdEncoding.DecodeString(text)
}
