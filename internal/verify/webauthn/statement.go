package webauthn

import (
	"crypto"
	"slices"

	"github.com/countersign/countersign/internal/verify/anchor"
)

// Attestation types (WebAuthn L3 §6.5.3) of a verified Registration. With Basic, AttCA
// and AnonCA the chain was verified link by link but is not anchored: see the package
// comment.
const (
	AttestationNone  = "None"
	AttestationSelf  = "Self"
	AttestationBasic = "Basic"
	AttestationAttCA = "AttCA"
	// AttestationAttCASHA1 is AttCA by a signature over SHA-1, for which collisions can be made.
	AttestationAttCASHA1 = "AttCA-SHA1"
	AttestationAnonCA    = "AnonCA"
	// AttestationCompound is of several statements, see Statement.Parts. Each has a type of its own.
	AttestationCompound = "Compound"
)

// Statement is what a verified attestation statement (WebAuthn L3 §6.5.2 and §8) says, and by
// what it can be judged. It makes no decision about trust: until TrustPath ends in an anchor,
// everything here is a claim of whoever made the last certificate of it.
type Statement struct {
	Format          string   // §8.1: none, packed, tpm, android-key, fido-u2f, apple or compound
	AttestationType string   // one of the Attestation constants
	TrustPath       [][]byte // x5c: certificates, DER, leaf first; nil for None, Self and Compound

	// Hash is what the signature of the statement is over, for apple what the nonce is made by
	// (§8.8). It is 0 for None and Compound, and crypto.SHA1 for the TPM statements of algorithm
	// -65535 (§8.3): see WeakHash.
	Hash crypto.Hash

	// KeyIdentifier is the attestation key's, by which metadata lists models of U2F, which have
	// no AAGUID (§8.6); zero in other formats.
	KeyIdentifier [20]byte
	// CertificateAAGUID is the one in the leaf, id-fido-gen-ce-aaguid, if it has one. For packed
	// and tpm it was found equal to that of authenticator data (§8.2, §8.3). A U2F authenticator
	// has none in its data, so that one of fido-u2f is proved by the certificate alone.
	CertificateAAGUID *[16]byte
	// SerialNumber identifies one device: id-fido-gen-ce-sernum (§8.2.2). It is nil unless
	// enterprise attestation was requested; otherwise such a certificate is refused.
	SerialNumber []byte

	TPM     *TPM        // for tpm
	Android *AndroidKey // for android-key
	Parts   []Statement // for compound (§8.9): two to four, each verified, none of them none or compound
}

// TPM is what an AIK certificate names (§8.3.1, TCG EK Credential Profile §3.2.9).
type TPM struct {
	Manufacturer string // "id:" and eight hexadecimal digits
	Vendor       string // whose number that is; "" if this package does not know, as TCG assigns more
	Model        string
	Version      string // of the firmware
}

// AndroidKey is what an Android device says about the key (§8.4, and KeyDescription of Android's
// key attestation).
type AndroidKey struct {
	Version             int           // of the attestation: below 100 by Keymaster, from 100 on by KeyMint
	AttestationSecurity SecurityLevel // what made the statement
	KeySecurity         SecurityLevel // what keeps the key

	// HardwareEnforced says that the list of what the hardware enforces has the key generated
	// there (origin) and for signing (purpose). Otherwise that stands in the list of the
	// software, or nowhere.
	HardwareEnforced bool

	BootState    BootState // as the hardware says; "" if it does not
	DeviceLocked bool      // the boot loader takes no other system; false without BootState
}

// SecurityLevel is where Android keeps a key.
type SecurityLevel string

// The security levels. One that is not known is its number.
const (
	SecuritySoftware           SecurityLevel = "software"
	SecurityTrustedEnvironment SecurityLevel = "trusted-environment"
	SecurityStrongBox          SecurityLevel = "strongbox"
)

// BootState says who vouches for the system that a device runs.
type BootState string

// The boot states. One that is not known is its number.
const (
	BootVerified   BootState = "verified"    // the device's maker
	BootSelfSigned BootState = "self-signed" // its owner
	BootUnverified BootState = "unverified"
	BootFailed     BootState = "failed"
)

// WeakHash reports whether the statement, or a part of it, is signed over SHA-1.
func (s *Statement) WeakHash() bool {
	return s.Hash == crypto.SHA1 || slices.ContainsFunc(s.Parts, func(p Statement) bool { return p.WeakHash() })
}

// Currency says which certificates of TrustPath must be valid when an anchor is looked for.
func (s *Statement) Currency() anchor.Currency { return currencyOf(s.Format) }

// withoutIdentity drops what may identify a device.
func (s Statement) withoutIdentity() Statement {
	s.TrustPath, s.KeyIdentifier, s.SerialNumber = nil, [20]byte{}, nil
	for i := range s.Parts {
		s.Parts[i] = s.Parts[i].withoutIdentity()
	}
	return s
}

// currencyOf is LeafOnly for Android: many of the batch and intermediate certificates that devices
// were made with have expired, although nobody meant them to.
func currencyOf(format string) anchor.Currency {
	if format == "android-key" {
		return anchor.LeafOnly
	}
	return anchor.WholeChain
}
