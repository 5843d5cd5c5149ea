package webauthn

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/publickey"
)

// Limits on what is read at all. Real client data has a few hundred bytes; the largest
// real attestation objects, with RSA certificate chains, have about ten thousand.
const (
	maxClientDataLen        = 16 << 10
	maxAttestationObjectLen = 64 << 10
	maxCredentialIDLen      = 1023 // WebAuthn L3 §7.1 step 25
)

// RegistrationResponse is an AuthenticatorAttestationResponse (WebAuthn L3 §5.2.1) and its
// rawId, decoded from base64url and otherwise as received.
type RegistrationResponse struct {
	CredentialID      []byte // rawId, or credId on our wire
	ClientDataJSON    []byte
	AttestationObject []byte
}

// RegistrationPolicy is what the relying party issued for this ceremony and accepts.
type RegistrationPolicy struct {
	// Challenge is the text that was issued: canonical unpadded base64url. Client data
	// may carry it as it is or, as some SDKs do, base64url-encoded once more.
	Challenge string
	// RPIDs are the RP IDs one of which the credential must be scoped to.
	RPIDs []string
	// Origins are compared byte by byte ("https://example.org", no path, no slash).
	Origins []string
	// TopOrigins are the pages that may frame ours. When there are none, a response made
	// inside a cross-origin frame is refused.
	TopOrigins []string
	// Algorithms are the COSE algorithm identifiers offered in this very ceremony.
	Algorithms []int
	// RequireUserVerification demands the UV flag.
	RequireUserVerification bool
	// Attestation is the conveyance that was asked for: none, indirect, direct or
	// enterprise. Whatever it was, a statement that comes is verified, and "none" is
	// acceptable, since clients may withhold attestation. When none was asked for, the
	// certificates are not kept.
	Attestation string
}

// Attestation types (WebAuthn L3 §6.5.3) of a verified Registration. With Basic, AttCA
// and AnonCA the chain was verified link by link but is anchored nowhere: see the
// package comment.
const (
	AttestationNone   = "None"
	AttestationSelf   = "Self"
	AttestationBasic  = "Basic"
	AttestationAttCA  = "AttCA"
	AttestationAnonCA = "AnonCA"
)

// Registration is a verified new credential, ready to become a credential record
// (WebAuthn L3 §4). Its byte slices share memory with the response.
type Registration struct {
	RPID        string // the one of the policy's that matched
	Origin      string
	TopOrigin   string // "" when the client gave none
	CrossOrigin bool

	CredentialID []byte // 1 to 1023 bytes; that it is new is the caller's to check (step 26)
	PublicKey    *publickey.Key
	Algorithm    publickey.Algorithm

	// AAGUID is the authenticator's model as it reports it; zero for fido-u2f, which has
	// none. Nothing vouches for it without a trusted attestation.
	AAGUID    [16]byte
	SignCount uint32

	UserVerified   bool
	BackupEligible bool
	BackupState    bool

	Format          string   // attestation statement format: none, packed, tpm, android-key, fido-u2f or apple
	AttestationType string   // one of the Attestation constants
	TrustPath       [][]byte // certificates, DER, leaf first; nil for None and Self
	Extensions      []byte   // authenticator extension outputs, a CBOR map, uninterpreted; nil when absent
}

// VerifyRegistration verifies the response to a registration ceremony, step by step as
// WebAuthn Level 3 §7.1 numbers them. Steps 1 to 4 are the client's; the caller checks
// that the credential ID is new (26), stores the record (27, 29) and may read extension
// outputs (28), which are ignored here. The validity of certificates is judged at now.
//
// The error is an *api.Error of Kind Invalid whose Code is one of this package's
// constants. VerifyRegistration keeps and changes nothing.
func VerifyRegistration(r RegistrationResponse, p RegistrationPolicy, now time.Time) (Registration, error) {
	client, err := readClientData(r.ClientDataJSON) // steps 5, 6
	if err != nil {
		return Registration{}, err
	}
	if err := checkType(client, "webauthn.create"); err != nil { // step 7
		return Registration{}, err
	}
	if err := checkChallenge(client, p.Challenge); err != nil { // step 8
		return Registration{}, err
	}
	if err := checkOrigin(client, p.Origins); err != nil { // step 9
		return Registration{}, err
	}
	if err := checkCrossOrigin(client, p.TopOrigins); err != nil { // step 10
		return Registration{}, err
	}
	if err := checkTopOrigin(client, p.TopOrigins); err != nil { // step 11
		return Registration{}, err
	}
	clientDataHash := sha256.Sum256(r.ClientDataJSON)                   // step 12
	object, authData, err := readAttestationObject(r.AttestationObject) // step 13
	if err != nil {
		return Registration{}, err
	}
	rpID, err := checkRPID(authData, p.RPIDs) // step 14
	if err != nil {
		return Registration{}, err
	}
	if err := checkUserPresent(authData); err != nil { // step 15
		return Registration{}, err
	}
	if err := checkUserVerified(authData, p.RequireUserVerification); err != nil { // step 16
		return Registration{}, err
	}
	if err := checkBackupFlags(authData); err != nil { // step 17; 18 and 19 are the caller's
		return Registration{}, err
	}
	key, algorithm, err := checkKey(authData, p.Algorithms) // step 20
	if err != nil {
		return Registration{}, err
	}
	verify, err := findFormat(object.format) // step 21
	if err != nil {
		return Registration{}, err
	}
	attestation, err := verify(statement{ // step 22
		raw:            object.statement,
		authData:       authData,
		clientDataHash: clientDataHash,
		key:            key,
		algorithm:      algorithm,
		now:            now,
	})
	if err != nil {
		return Registration{}, err
	}
	attestation = assessTrust(attestation, p.Attestation)               // steps 23, 24
	if err := checkCredentialID(authData, r.CredentialID); err != nil { // step 25
		return Registration{}, err
	}
	return Registration{
		RPID:            rpID,
		Origin:          client.origin,
		TopOrigin:       client.topOrigin,
		CrossOrigin:     client.crossOrigin,
		CredentialID:    authData.credentialID,
		PublicKey:       key,
		Algorithm:       algorithm,
		AAGUID:          attestation.aaguid,
		SignCount:       authData.signCount,
		UserVerified:    authData.has(flagUserVerified),
		BackupEligible:  authData.has(flagBackupEligible),
		BackupState:     authData.has(flagBackupState),
		Format:          object.format,
		AttestationType: attestation.kind,
		TrustPath:       attestation.trustPath,
		Extensions:      authData.extensions,
	}, nil
}

// readClientData is steps 5 and 6: UTF-8 decode, then parse.
func readClientData(b []byte) (clientData, error) {
	const rule = "§7.1 step 6, client data"
	if len(b) > maxClientDataLen {
		return clientData{}, refuse(CodeClientDataMalformed, rule, bytesCount(len(b)), "at most "+bytesCount(maxClientDataLen))
	}
	c, err := parseClientData(b)
	if err != nil {
		return clientData{}, because(refuse(CodeClientDataMalformed, rule, bytesCount(len(b)),
			"a JSON object with type, challenge and origin"), err)
	}
	return c, nil
}

// checkType is step 7: client data of another ceremony is refused.
func checkType(c clientData, want string) error {
	if c.kind != want {
		return refuse(CodeClientDataType, "§7.1 step 7, type", shown(c.kind), want)
	}
	return nil
}

// checkChallenge is step 8, for the challenge as issued or encoded twice.
func checkChallenge(c clientData, issued string) error {
	if issued != "" && (sameText(c.challenge, issued) ||
		sameText(c.challenge, base64.RawURLEncoding.EncodeToString([]byte(issued)))) {
		return nil
	}
	return refuse(CodeChallengeMismatch, "§7.1 step 8, challenge", digest(c.challenge), digest(issued))
}

func sameText(a, b string) bool {
	return len(a) == len(b) && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// checkOrigin is step 9.
func checkOrigin(c clientData, allowed []string) error {
	if !slices.Contains(allowed, c.origin) {
		return refuse(CodeOriginNotAllowed, "§7.1 step 9, origin", shown(c.origin), listed(allowed))
	}
	return nil
}

// checkCrossOrigin is step 10: whoever names no framing page expects no frame.
func checkCrossOrigin(c clientData, topOrigins []string) error {
	if c.crossOrigin && len(topOrigins) == 0 {
		return refuse(CodeCrossOriginNotAllowed, "§7.1 step 10, crossOrigin", "true", "false or absent")
	}
	return nil
}

// checkTopOrigin is step 11. A client sets topOrigin only when crossOrigin is true
// (§5.8.1), so one without the other is refused. One that is absent in a frame is
// accepted: clients of Level 2 do not know it.
func checkTopOrigin(c clientData, allowed []string) error {
	const rule = "§7.1 step 11, topOrigin"
	if !c.hasTopOrigin {
		return nil
	}
	if !c.crossOrigin {
		return refuse(CodeTopOriginNotAllowed, rule, shown(c.topOrigin)+" with crossOrigin not true", "no topOrigin")
	}
	if !slices.Contains(allowed, c.topOrigin) {
		return refuse(CodeTopOriginNotAllowed, rule, shown(c.topOrigin), listed(allowed))
	}
	return nil
}

// readAttestationObject is step 13, and takes authenticator data apart.
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

// checkRPID is step 14.
func checkRPID(a *authenticatorData, rpIDs []string) (string, error) {
	for _, id := range rpIDs {
		if hash := sha256.Sum256([]byte(id)); string(hash[:]) == string(a.rpIDHash) {
			return id, nil
		}
	}
	return "", refuse(CodeRPIDMismatch, "§7.1 step 14, rpIdHash", hexed(a.rpIDHash), "SHA-256 of "+listed(rpIDs))
}

// checkUserPresent is step 15. Conditional mediation, for which the step makes an
// exception, is not offered.
func checkUserPresent(a *authenticatorData) error {
	if !a.has(flagUserPresent) {
		return refuse(CodeUserNotPresent, "§7.1 step 15, UP flag", flagsText(a), "UP set")
	}
	return nil
}

// checkUserVerified is step 16.
func checkUserVerified(a *authenticatorData, required bool) error {
	if required && !a.has(flagUserVerified) {
		return refuse(CodeUserNotVerified, "§7.1 step 16, UV flag", flagsText(a), "UV set")
	}
	return nil
}

// checkBackupFlags is step 17: what cannot be backed up is not backed up.
func checkBackupFlags(a *authenticatorData) error {
	if a.has(flagBackupState) && !a.has(flagBackupEligible) {
		return refuse(CodeBackupFlagsInconsistent, "§7.1 step 17, BE and BS flags", flagsText(a), "BS only with BE")
	}
	return nil
}

// checkKey is step 20, and checks the key itself: that its type, curve and algorithm
// agree and that it is sound (§5.8.5).
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

// checkCredentialID is step 25. The ID outside of authenticator data is not signed, so
// it must be the one inside.
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
