package attestation

import (
	"bytes"
	"crypto/subtle"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Offer is one credential as it was sent: decoded and not yet verified.
type Offer struct {
	Factor              string // store.FactorFirst, FactorSecond or FactorRecovery
	Kind                string // as the wire names it
	Name                string
	CredentialID        []byte // raw
	ClientData          []byte
	AttestationData     []byte   // the attestation object of a Fido2 credential
	EncryptedPrivateKey string   // opaque; "" if the client keeps the key
	Transports          []string // Fido2 only
	ClientExtensions    []byte   // Fido2 only; JSON text or nil, see keptExtensions

	Code     string // of a Totp, which has nothing else; as it was sent
	Password string // of a Password, which has nothing else
	member   string // where it is in the request
}

// Limits on what a client may add to a credential.
const (
	maxName         = 100 // characters
	maxCredentialID = 1023
	maxEncryptedKey = 16 << 10
	maxTransports   = 8
	maxTransport    = 32
	maxExtensions   = 4 << 10
)

// Read decodes the credentials of a request, first factor first. Each must have a credential ID
// of its own.
func Read(in api.RegistrationRequest) ([]Offer, error) { return ReadAt("", in) }

// ReadAt is Read for credentials that are a member of the request, by its JSON pointer.
func ReadAt(within string, in api.RegistrationRequest) ([]Offer, error) {
	if in.FirstFactorCredential == nil {
		return nil, api.Missing(strings.TrimPrefix(within+"/firstFactorCredential", "/"))
	}
	var offers []Offer
	for _, f := range []struct {
		factor, member string
		credential     *api.CredentialAttestation
	}{
		{store.FactorFirst, "/firstFactorCredential", in.FirstFactorCredential},
		{store.FactorSecond, "/secondFactorCredential", in.SecondFactorCredential},
		{store.FactorRecovery, "/recoveryCredential", in.RecoveryCredential},
	} {
		if f.credential == nil {
			continue
		}
		o, err := ReadOne(f.factor, within+f.member, f.credential)
		if err != nil {
			return nil, err
		}
		for _, other := range offers {
			if o.CredentialID != nil && bytes.Equal(other.CredentialID, o.CredentialID) {
				return nil, NotDistinct("credential ID")
			}
		}
		offers = append(offers, o)
	}
	return offers, nil
}

// NotDistinct refuses two credentials with the same property, such as the public key.
func NotDistinct(property string) error {
	return &api.Error{Kind: api.Invalid, Code: "credentials_not_distinct",
		Message: "Each factor needs a credential of its own.", Rule: "factors differ in their " + property}
}

// ReadOne decodes a credential that is offered as a factor. member is its JSON pointer in the
// request, "" for the request itself, for refusals.
func ReadOne(factor, member string, c *api.CredentialAttestation) (o Offer, err error) {
	o = Offer{Factor: factor, Kind: c.CredentialKind, Name: c.CredentialName,
		EncryptedPrivateKey: c.EncryptedPrivateKey, Transports: c.Transports, member: member}
	if err := checkKind(factor, member, c); err != nil {
		return o, err
	}
	if o.Name == "" {
		o.Name = "Default Credential"
	} else if err := CheckName("The member "+member+"/credentialName", o.Name); err != nil {
		return o, err
	}
	if o.Kind == api.KindTotp || o.Kind == api.KindPassword { // whether they are accepted is said before what they lack
		o.Code, o.Password = c.CredentialInfo.OtpCode, c.CredentialInfo.Password
		return o, nil
	}
	if o.CredentialID, err = member64(member, "credId", c.CredentialInfo.CredID); err != nil {
		return o, err
	}
	if len(o.CredentialID) > maxCredentialID {
		return o, &api.Error{Kind: api.Invalid, Code: "credential_id_too_long", Message: "The credential ID is too long.",
			Rule: "WebAuthn L3 §7.1 step 25: at most 1023 bytes", Received: strconv.Itoa(len(o.CredentialID)) + " bytes"}
	}
	if o.ClientData, err = member64(member, "clientData", c.CredentialInfo.ClientData); err != nil {
		return o, err
	}
	if o.AttestationData, err = member64(member, "attestationData", c.CredentialInfo.AttestationData); err != nil {
		return o, err
	}
	return o, readExtras(&o, member, c)
}

// CheckName refuses the name of a credential that is too long, not wholly visible or nothing but spaces. called says what it is
// to whoever gave it.
func CheckName(called, name string) error {
	if username.Visible(name, maxName) && strings.TrimSpace(name) != "" {
		return nil
	}
	return bad("credential_name_invalid", called+" must be at most 100 visible characters.")
}

func member64(member, name, text string) ([]byte, error) {
	path := member + "/credentialInfo/" + name
	if text == "" {
		return nil, api.Missing(path[1:])
	}
	return api.DecodeBase64URL(path, text)
}

func checkKind(factor, member string, c *api.CredentialAttestation) error {
	recovery := factor == store.FactorRecovery
	switch c.CredentialKind {
	case api.KindTotp:
		if factor != store.FactorSecond {
			return bad("credential_kind_not_supported", "A Totp can only be the second factor.")
		}
	case api.KindPassword:
		if factor != store.FactorFirst {
			return bad("credential_kind_not_supported", "A Password can only be the first factor.")
		}
	case api.KindFido2, api.KindKey, api.KindPasswordProtectedKey:
		if recovery {
			return bad("credential_kind_not_allowed", "A recovery credential must be of kind RecoveryKey.")
		}
	case api.KindRecoveryKey:
		if !recovery {
			return bad("credential_kind_not_allowed", "A RecoveryKey can only be the recovery credential.")
		}
	case "":
		return api.Missing(strings.TrimPrefix(member+"/credentialKind", "/"))
	default:
		return bad("credential_kind_not_supported", "The member "+member+"/credentialKind must be Fido2, Key, PasswordProtectedKey, Password, for the second factor Totp or, for recovery, RecoveryKey.")
	}
	switch {
	case c.CredentialKind == api.KindPasswordProtectedKey && c.EncryptedPrivateKey == "":
		return api.Missing(strings.TrimPrefix(member+"/encryptedPrivateKey", "/"))
	case c.EncryptedPrivateKey != "" && c.CredentialKind != api.KindPasswordProtectedKey && c.CredentialKind != api.KindRecoveryKey:
		return bad("encrypted_key_not_allowed", "A credential of kind "+c.CredentialKind+" has no encryptedPrivateKey.")
	case len(c.EncryptedPrivateKey) > maxEncryptedKey:
		return bad("encrypted_key_too_long", "The member "+member+"/encryptedPrivateKey is longer than 16 KiB.")
	case strings.IndexByte(c.EncryptedPrivateKey, 0) >= 0: // PostgreSQL cannot store it
		return bad("encrypted_key_invalid", "The member "+member+"/encryptedPrivateKey holds a zero byte.")
	}
	return nil
}

// readExtras reads our optional additions for Fido2.
func readExtras(o *Offer, member string, c *api.CredentialAttestation) error {
	if o.Kind != api.KindFido2 {
		o.Transports = nil
		return nil
	}
	if len(o.Transports) > maxTransports {
		return bad("transports_invalid", "The member "+member+"/transports has too many entries.")
	}
	for _, t := range o.Transports {
		if t == "" || len(t) > maxTransport || !visibleASCII(t) {
			return bad("transports_invalid", "The member "+member+"/transports has an entry that is not a transport.")
		}
	}
	if len(c.ClientExtensionResults) > 0 {
		b, err := json.Marshal(c.ClientExtensionResults)
		if err != nil || len(b) > maxExtensions {
			return bad("extensions_too_long", "The member "+member+"/clientExtensionResults is longer than 4 KiB.")
		}
		o.ClientExtensions = keptExtensions(c.ClientExtensionResults)
	}
	return nil
}

// keptExtensions returns what is stored of client extension outputs (WebAuthn L3 §10.1): whether
// the passkey is discoverable (credProps.rk), if it is said. Everything else is dropped, because
// an output may be a secret: that of prf decrypts what its user encrypted, that of largeBlob is
// what they stored.
func keptExtensions(results map[string]any) []byte {
	properties, _ := results["credProps"].(map[string]any)
	switch properties["rk"] {
	case true:
		return []byte(`{"credProps":{"rk":true}}`)
	case false:
		return []byte(`{"credProps":{"rk":false}}`)
	}
	return nil
}

func bad(code, message string) error {
	return &api.Error{Kind: api.Invalid, Code: code, Message: message}
}

func visibleASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// StoredIn reports whether this very credential, with this very attestation, is one of those
// stored. They were verified then, so equal bytes are not verified again. A Totp is the same if it answers
// the same ceremony, which the caller checks by the first factor; a Password is never.
func (o Offer) StoredIn(stored []store.Credential) bool {
	return o.Kind != api.KindPassword && slices.ContainsFunc(stored, func(c store.Credential) bool {
		if o.Kind == api.KindTotp {
			return c.Kind == api.KindTotp
		}
		return c.Factor == o.Factor && c.Kind == o.Kind &&
			bytes.Equal(c.CredentialID, o.CredentialID) &&
			subtle.ConstantTimeCompare(c.ClientData, o.ClientData) == 1 &&
			(subtle.ConstantTimeCompare(c.AttestationObject, o.AttestationData) == 1 ||
				o.Kind == api.KindFido2 && admission.Stored(c.AttestationObject, o.AttestationData))
	})
}
