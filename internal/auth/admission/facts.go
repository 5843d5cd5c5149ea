package admission

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/anchor"
	"github.com/countersign/countersign/internal/verify/metadata"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// Facts are what is known of a credential. What a client says and nothing proves is Reported.
type Facts struct {
	Passkey bool // otherwise a key

	Algorithm    int // COSE, of a passkey
	UserVerified bool
	Synced       bool   // backup eligible
	BackedUp     bool   // backup state
	Attachment   string // Platform, CrossPlatform or "" if nothing tells
	NotResident  bool   // the client said that the passkey is not discoverable

	AAGUID [16]byte
	Chain  bool // the statement has certificates
	SHA1   bool // the statement is signed over SHA-1

	Trust  string // ByMetadata, ByOwn or "" for nobody: what the statement leads to
	Anchor string // SHA-256 of the anchor in hex
	Reason string // why it leads to none

	Metadata State
	Number   int64 // of the metadata

	// From the metadata, of the model that is proven or, without proof, reported.
	Model      string
	Level      metadata.Level
	Statuses   []string
	Protection []string

	SameModel int // passkeys of the same model that the user has besides
}

// State is how it stands with the metadata.
type State int

// States of the metadata.
const (
	Missing State = iota
	Stale
	Current
)

// Verified reports whether the AAGUID is proven by a statement that leads to an anchor.
func (f Facts) Verified() bool { return f.Trust != "" && f.AAGUID != ([16]byte{}) }

// Source has what credentials are compared with.
type Source struct {
	Policy   *Policy
	Metadata *metadata.Metadata // nil if there is none
	Now      time.Time

	// Of a run over many credentials, see Remembering.
	proofs  map[proofKey]proof
	anchors map[string]bool
}

type proofKey struct {
	chain  [32]byte
	aaguid [16]byte
	day    int64
}

type proof struct {
	trust, reason string
	anchor        *anchor.Certificate
	entry         *metadata.Entry
}

// Facts returns what is known of a passkey or key. chain is that of its statement, leaf first, nil if there
// is none or the policy does not look at it. Certificates must have been valid when the credential was made.
func (s Source) Facts(c store.Credential, chain [][]byte) Facts {
	f := Facts{Passkey: c.Kind == api.KindFido2, UserVerified: c.UserVerified, Synced: c.BackupEligible, BackedUp: c.BackupState,
		Attachment: attachmentOf(c.Transports), NotResident: bytes.Contains(c.ClientExtensions, []byte(`"rk":false`)),
		SHA1: c.AttestationType == webauthn.AttestationAttCASHA1, Chain: len(chain) > 0}
	if !f.Passkey {
		return f
	}
	f.Algorithm, _ = publickey.Algorithm(c.Algorithm).COSE()
	copy(f.AAGUID[:], c.AAGUID)
	if s.Metadata != nil {
		f.Metadata, f.Number = Current, s.Metadata.Number
		if s.Metadata.Stale(s.Now) {
			f.Metadata = Stale
		}
	}
	entry := s.Metadata.ByAAGUID(f.AAGUID)
	if f.Chain && s.Policy.looks() {
		p := s.prove(c, f.AAGUID, chain)
		f.Trust, f.Reason = p.trust, p.reason
		if p.anchor != nil {
			f.Anchor = fingerprint(p.anchor.DER)
		}
		if p.entry != nil {
			entry = p.entry
		}
	}
	f.describe(entry, chain, s.Now)
	return f
}

// describe adds what the metadata says.
func (f *Facts) describe(e *metadata.Entry, chain [][]byte, now time.Time) {
	if e == nil {
		return
	}
	f.Model, f.Level, f.Protection, f.Statuses = e.Description, e.Level(now), e.KeyProtection, nil
	for _, r := range e.InEffect(now) {
		about := func(der []byte) bool { return bytes.Equal(der, r.Certificate) }
		if r.Certificate != nil && len(chain) > 0 && !slices.ContainsFunc(chain, about) {
			continue // about another batch
		}
		f.Statuses = append(f.Statuses, r.Status)
	}
	if f.Trust == ByMetadata && len(e.AttachmentHint) > 0 {
		f.Attachment = CrossPlatform
		if slices.Contains(e.AttachmentHint, "internal") {
			f.Attachment = Platform
		}
	}
}

// prove finds the anchor that a chain leads to.
func (s Source) prove(c store.Credential, aaguid [16]byte, chain [][]byte) proof {
	if s.proofs == nil {
		return s.proveAnew(c, aaguid, chain)
	}
	const day = 24 * 60 * 60
	key := proofKey{sha256.Sum256(bytes.Join(chain, nil)), aaguid, c.CreatedAt.Unix() / day}
	p, known := s.proofs[key]
	if !known {
		p = s.proveAnew(c, aaguid, chain)
		if len(s.proofs) < maxProofs {
			s.proofs[key] = p
		}
	}
	return p
}

// maxProofs bounds the memory of a run over many credentials.
const maxProofs = 10_000

func (s Source) proveAnew(c store.Credential, aaguid [16]byte, chain [][]byte) proof {
	currency, refused := anchor.WholeChain, "no anchor of the policy is for it"
	if c.Format == "android-key" {
		currency = anchor.LeafOnly
	}
	if s.Policy.anchored(ByMetadata) {
		entry := s.Metadata.ByAAGUID(aaguid)
		if aaguid == ([16]byte{}) {
			if leaf, err := anchor.Parse(chain[0]); err == nil {
				entry = s.Metadata.ByKeyIdentifier(leaf.KeyIdentifier())
			}
		}
		if entry == nil {
			refused = "the FIDO metadata does not list the model"
		} else {
			a, err := entry.Roots.Verify(chain, c.CreatedAt, currency)
			if err == nil {
				return proof{trust: ByMetadata, anchor: a, entry: entry}
			}
			refused = "by the FIDO metadata, " + err.Error()
		}
	}
	if s.Policy.anchored(ByOwn) {
		a, err := s.Policy.own.Verify(chain, c.CreatedAt, currency)
		if err == nil {
			return proof{trust: ByOwn, anchor: a}
		}
		refused += "; by the own roots, " + err.Error()
	}
	return proof{reason: refused}
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// attachmentOf is what the transports of a passkey say of where it is. A phone has both kinds; it is one's own.
func attachmentOf(transports []string) string {
	switch {
	case slices.Contains(transports, "internal"):
		return Platform
	case len(transports) > 0:
		return CrossPlatform
	}
	return ""
}

// Evidence is on what a credential was admitted, as it is stored with it. The format and type of its statement
// and its AAGUID are stored by themselves.
type Evidence struct {
	Trust        string `json:"trust,omitempty"`    // metadata, own, or left out for nobody
	Anchor       string `json:"anchor,omitempty"`   // SHA-256 of the certificate that the statement leads to
	AAGUID       string `json:"aaguid"`             // verified or reported
	Model        string `json:"model,omitempty"`    // by the metadata
	Level        string `json:"level,omitempty"`    // of certification, at that time; only of a verified model
	SHA1         bool   `json:"sha1,omitempty"`     // the statement is signed over SHA-1
	Metadata     int64  `json:"metadata,omitempty"` // number of the metadata that was looked at
	Reason       string `json:"reason,omitempty"`   // why the statement leads to no anchor
	SerialNumber string `json:"serialNumber,omitempty"`
}

// Words of Evidence.AAGUID.
const (
	VerifiedWord = "verified"
	ReportedWord = "reported"
)

// Evidence returns what is stored of the facts, nil if the policy looked at no statement.
func (p *Policy) Evidence(f Facts, chain [][]byte) []byte {
	if !p.looks() && len(p.RefuseStatuses) == 0 {
		return nil
	}
	e := Evidence{Trust: f.Trust, Anchor: f.Anchor, AAGUID: ReportedWord, Model: f.Model, SHA1: f.SHA1, Metadata: f.Number, Reason: f.Reason}
	if f.Verified() {
		e.AAGUID = VerifiedWord
	}
	if f.Trust == ByMetadata {
		e.Level = f.Level.String()
	}
	if p.KeepSerialNumber && f.Trust != "" {
		e.SerialNumber = serialNumber(chain)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil // it is plain values
	}
	return text
}

// ProvenBy reports whether the model of a credential is proven by its evidence.
func ProvenBy(evidence []byte) bool {
	var e Evidence
	return len(evidence) > 0 && json.Unmarshal(evidence, &e) == nil && e.AAGUID == VerifiedWord
}

var oidSerialNumber = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2} // id-fido-gen-ce-sernum

// serialNumber returns the serial number of the device in an enterprise attestation (WebAuthn L3 §8.2.1), in
// hex; "" without one.
func serialNumber(chain [][]byte) string {
	leaf, err := anchor.Parse(chain[0])
	if err != nil || leaf.Parsed == nil {
		return ""
	}
	for _, x := range leaf.Parsed.Extensions {
		var number []byte
		if x.Id.Equal(oidSerialNumber) {
			if rest, err := asn1.Unmarshal(x.Value, &number); err == nil && len(rest) == 0 && len(number) <= 64 {
				return hex.EncodeToString(number)
			}
		}
	}
	return ""
}
