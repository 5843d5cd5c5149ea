package webauthn

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// Limits on what is read. Real client data has a few hundred bytes; the largest
// real attestation objects, with RSA certificate chains, have about ten thousand.
const (
	maxClientDataLen        = 16 << 10
	maxAttestationObjectLen = 64 << 10
	maxAssertionDataLen     = 16 << 10 // 37 bytes and the outputs of extensions
	maxCredentialIDLen      = 1023     // WebAuthn L3 §7.1 step 25
)

// RegistrationResponse is an AuthenticatorAttestationResponse (WebAuthn L3 §5.2.1) and its
// rawId, decoded from base64url and otherwise as received.
type RegistrationResponse struct {
	CredentialID      []byte // rawId; credId on the wire
	ClientDataJSON    []byte
	AttestationObject []byte
}

// RegistrationPolicy is what the relying party issued for this ceremony and accepts.
type RegistrationPolicy struct {
	// Challenge is the text that was issued: canonical unpadded base64url. Client data may
	// hold it unchanged or, as some SDKs send it, base64url-encoded once more.
	Challenge string
	// RPIDs are the accepted RP IDs: the credential must be scoped to one of them.
	RPIDs []string
	// Origins are compared byte by byte ("https://example.org", no path, no slash).
	Origins []string
	// TopOrigins are the pages that may frame the relying party's. If there are none, a
	// response made inside a cross-origin frame is refused.
	TopOrigins []string
	// Algorithms are the COSE algorithm identifiers that were offered in this ceremony.
	Algorithms []int
	// RequireUserVerification demands the UV flag.
	RequireUserVerification bool
	// Attestation is the conveyance that was requested: none, indirect, direct or
	// enterprise. In each case a statement that comes is verified, and the format "none" is
	// accepted, since clients may withhold attestation. If none was requested, the result
	// has no certificates, nor what else may identify a device. A certificate with the number
	// of one device is refused unless enterprise was requested.
	Attestation string
}

// Registration is a verified new credential, ready to become a credential record
// (WebAuthn L3 §4). Its byte slices share memory with the response.
type Registration struct {
	RPID        string // the RP ID of the policy that matched
	Origin      string
	TopOrigin   string // "" if the client sent none
	CrossOrigin bool

	CredentialID []byte // 1 to 1023 bytes; the caller checks that it is new (step 26)
	PublicKey    *publickey.Key
	Algorithm    publickey.Algorithm

	// AAGUID is the model that the authenticator claims; zero for fido-u2f, which has none.
	// Only a trusted attestation could prove it.
	AAGUID    [16]byte
	SignCount uint32

	UserVerified   bool
	BackupEligible bool
	BackupState    bool

	Statement         // what the attestation statement says
	Extensions []byte // authenticator extension outputs, a CBOR map, uninterpreted; nil when absent
}

// VerifyRegistration verifies the response to a registration ceremony, step by step as
// WebAuthn Level 3 §7.1 numbers them. Steps 1 to 4 are the client's; the caller checks
// that the credential ID is new (26), stores the record (27, 29) and may read extension
// outputs (28), which are ignored here. Certificates must be valid at now.
//
// The error is an *api.Error of Kind Invalid whose Code is one of this package's
// constants.
func VerifyRegistration(r RegistrationResponse, p RegistrationPolicy, now time.Time) (Registration, error) {
	client, err := registering.readClientData(r.ClientDataJSON) // steps 5, 6
	if err != nil {
		return Registration{}, err
	}
	if err := registering.checkType(client); err != nil { // step 7
		return Registration{}, err
	}
	if err := registering.checkChallenge(client, p.Challenge); err != nil { // step 8
		return Registration{}, err
	}
	if err := registering.checkOrigin(client, p.Origins); err != nil { // step 9
		return Registration{}, err
	}
	if err := registering.checkCrossOrigin(client, p.TopOrigins); err != nil { // step 10
		return Registration{}, err
	}
	if err := registering.checkTopOrigin(client, p.TopOrigins); err != nil { // step 11
		return Registration{}, err
	}
	clientDataHash := sha256.Sum256(r.ClientDataJSON)                   // step 12
	object, authData, err := readAttestationObject(r.AttestationObject) // step 13
	if err != nil {
		return Registration{}, err
	}
	rpID, err := registering.checkRPID(authData, p.RPIDs) // step 14
	if err != nil {
		return Registration{}, err
	}
	if err := registering.checkUserPresent(authData); err != nil { // step 15
		return Registration{}, err
	}
	if err := registering.checkUserVerified(authData, p.RequireUserVerification); err != nil { // step 16
		return Registration{}, err
	}
	if err := registering.checkBackupFlags(authData); err != nil { // step 17; 18 and 19 are the caller's
		return Registration{}, err
	}
	key, algorithm, err := checkKey(authData, p.Algorithms) // step 20
	if err != nil {
		return Registration{}, err
	}
	attestation, err := unverified{
		raw:            object.statement,
		authData:       authData,
		clientDataHash: clientDataHash,
		key:            key,
		algorithm:      algorithm,
		now:            now,
		enterprise:     p.Attestation == "enterprise",
	}.verify(object.format) // steps 21, 22
	if err != nil {
		return Registration{}, err
	}
	if p.Attestation == "none" { // steps 23 and 24 are the caller's, who was told no more than was asked for
		attestation = attestation.withoutIdentity()
	}
	if err := checkCredentialID(authData, r.CredentialID); err != nil { // step 25
		return Registration{}, err
	}
	return Registration{
		RPID:           rpID,
		Origin:         client.origin,
		TopOrigin:      client.topOrigin,
		CrossOrigin:    client.crossOrigin,
		CredentialID:   authData.credentialID,
		PublicKey:      key,
		Algorithm:      algorithm,
		AAGUID:         authData.aaguid,
		SignCount:      authData.signCount,
		UserVerified:   authData.has(flagUserVerified),
		BackupEligible: authData.has(flagBackupEligible),
		BackupState:    authData.has(flagBackupState),
		Statement:      attestation,
		Extensions:     authData.extensions,
	}, nil
}

// readAttestationObject is step 13. It parses the authenticator data as well.
func readAttestationObject(b []byte) (attestationObject, *authenticatorData, error) {
	const rule = "§7.1 step 13, attestation object"
	if len(b) > maxAttestationObjectLen {
		return attestationObject{}, nil, refuse(CodeAttestationMalformed, rule, bytesCount(len(b)),
			"at most "+bytesCount(maxAttestationObjectLen))
	}
	object, err := parseAttestationObject(b)
	if err != nil {
		return attestationObject{}, nil, because(refuse(CodeAttestationMalformed, rule, bytesCount(len(b)),
			"a CBOR map of fmt, attStmt and authData (§6.5.4)"), err)
	}
	authData, err := parseAuthenticatorData(object.authData)
	if err != nil {
		return attestationObject{}, nil, because(refuse(CodeAuthenticatorDataMalformed, "§7.1 step 13, authenticator data",
			bytesCount(len(object.authData)), "authenticator data with attested credential data (§6.1)"), err)
	}
	return object, authData, nil
}

// checkKey is step 20. It also checks that the key's type, curve and algorithm agree and
// that the key is sound (§5.8.5).
func checkKey(a *authenticatorData, offered []int) (*publickey.Key, publickey.Algorithm, error) {
	matches := func(alg int) bool { return int64(alg) == a.key.algorithm }
	if !slices.ContainsFunc(offered, matches) {
		return nil, "", refuse(CodeAlgorithmNotOffered, "§7.1 step 20, alg",
			"COSE algorithm "+strconv.FormatInt(a.key.algorithm, 10), numbers(offered))
	}
	key, algorithm, err := a.key.publicKey()
	if err != nil {
		return nil, "", because(refuse(CodeCredentialKeyInvalid, "§7.1 step 20, credential public key",
			"COSE algorithm "+strconv.FormatInt(a.key.algorithm, 10), "a sound key of that algorithm (§5.8.5)"), err)
	}
	return key, algorithm, nil
}

// checkCredentialID is step 25. The ID outside authenticator data is not signed, so it must
// equal the one inside.
func checkCredentialID(a *authenticatorData, claimed []byte) error {
	if len(a.credentialID) > maxCredentialIDLen {
		return refuse(CodeCredentialIDTooLong, "§7.1 step 25, credentialId",
			bytesCount(len(a.credentialID)), "at most "+bytesCount(maxCredentialIDLen))
	}
	if string(claimed) != string(a.credentialID) {
		return refuse(CodeCredentialIDMismatch, "§5.1, rawId", hexed(claimed), hexed(a.credentialID))
	}
	return nil
}
