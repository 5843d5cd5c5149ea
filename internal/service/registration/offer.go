package registration

import (
	"bytes"
	"crypto/subtle"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// offer is one credential as it was sent, its members decoded and nothing of it
// verified yet.
type offer struct {
	factor          string
	kind, name      string
	credentialID    []byte
	clientData      []byte
	attestationData []byte
	encryptedKey    string
	transports      []string
	extensions      []byte
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

// read decodes the credentials of a request, first factor first.
func read(in api.RegistrationRequest) ([]offer, error) {
	if in.FirstFactorCredential == nil {
		return nil, api.Missing("firstFactorCredential")
	}
	var offers []offer
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
		o, err := readOne(f.factor, f.member, f.credential)
		if err != nil {
			return nil, err
		}
		for _, other := range offers {
			if bytes.Equal(other.credentialID, o.credentialID) {
				return nil, sameTwice("credential ID")
			}
		}
		offers = append(offers, o)
	}
	return offers, nil
}

func sameTwice(what string) error {
	return &api.Error{Kind: api.Invalid, Code: "credentials_not_distinct",
		Message: "Each factor needs a credential of its own.", Rule: "factors differ in their " + what}
}

func readOne(factor, member string, c *api.CredentialAttestation) (o offer, err error) {
	o = offer{factor: factor, kind: c.CredentialKind, name: c.CredentialName,
		encryptedKey: c.EncryptedPrivateKey, transports: c.Transports}
	if err := checkKind(factor, member, c); err != nil {
		return o, err
	}
	if o.name == "" {
		o.name = "Default Credential"
	} else if !validName(o.name) {
		return o, bad("credential_name_invalid", "The member "+member+"/credentialName must be at most 100 visible characters.")
	}
	if o.credentialID, err = member64(member, "credId", c.CredentialInfo.CredID); err != nil {
		return o, err
	}
	if len(o.credentialID) > maxCredentialID {
		return o, &api.Error{Kind: api.Invalid, Code: "credential_id_too_long", Message: "The credential ID is too long.",
			Rule: "WebAuthn L3 §7.1 step 25: at most 1023 bytes", Received: strconv.Itoa(len(o.credentialID)) + " bytes"}
	}
	if o.clientData, err = member64(member, "clientData", c.CredentialInfo.ClientData); err != nil {
		return o, err
	}
	if o.attestationData, err = member64(member, "attestationData", c.CredentialInfo.AttestationData); err != nil {
		return o, err
	}
	return o, readExtras(&o, member, c)
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
	case api.KindFido2, api.KindKey, api.KindPasswordProtectedKey:
		if recovery {
			return bad("credential_kind_not_allowed", "A recovery credential must be of kind RecoveryKey.")
		}
	case api.KindRecoveryKey:
		if !recovery {
			return bad("credential_kind_not_allowed", "A RecoveryKey can only be the recovery credential.")
		}
	case "":
		return api.Missing(member[1:] + "/credentialKind")
	default:
		return bad("credential_kind_not_supported", "The member "+member+"/credentialKind must be Fido2, Key, PasswordProtectedKey or, for recovery, RecoveryKey.")
	}
	switch {
	case c.CredentialKind == api.KindPasswordProtectedKey && c.EncryptedPrivateKey == "":
		return api.Missing(member[1:] + "/encryptedPrivateKey")
	case c.EncryptedPrivateKey != "" && (c.CredentialKind == api.KindFido2 || c.CredentialKind == api.KindKey):
		return bad("encrypted_key_not_allowed", "A credential of kind "+c.CredentialKind+" has no encryptedPrivateKey.")
	case len(c.EncryptedPrivateKey) > maxEncryptedKey:
		return bad("encrypted_key_too_long", "The member "+member+"/encryptedPrivateKey is longer than 16 KiB.")
	case strings.IndexByte(c.EncryptedPrivateKey, 0) >= 0: // a text that not every database can keep
		return bad("encrypted_key_invalid", "The member "+member+"/encryptedPrivateKey holds a zero byte.")
	}
	return nil
}

// readExtras reads the members that are our optional additions for Fido2.
func readExtras(o *offer, member string, c *api.CredentialAttestation) error {
	if o.kind != api.KindFido2 {
		o.transports = nil
		return nil
	}
	if len(o.transports) > maxTransports {
		return bad("transports_invalid", "The member "+member+"/transports has too many entries.")
	}
	for _, t := range o.transports {
		if t == "" || len(t) > maxTransport || !visibleASCII(t) {
			return bad("transports_invalid", "The member "+member+"/transports has an entry that is not a transport.")
		}
	}
	if len(c.ClientExtensionResults) > 0 {
		b, err := json.Marshal(c.ClientExtensionResults, json.Deterministic(true))
		if err != nil || len(b) > maxExtensions {
			return bad("extensions_too_long", "The member "+member+"/clientExtensionResults is longer than 4 KiB.")
		}
		o.extensions = b
	}
	return nil
}

func bad(code, message string) error {
	return &api.Error{Kind: api.Invalid, Code: code, Message: message}
}

func validName(name string) bool {
	if utf8.RuneCountInString(name) > maxName {
		return false
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func visibleASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// keptIn reports whether this very credential, with this very proof, was stored. What
// was stored was verified, so equal bytes need no second look.
func (o offer) keptIn(kept []store.Credential) bool {
	for _, c := range kept {
		if c.Factor == o.factor && c.Kind == o.kind &&
			bytes.Equal(c.CredentialID, o.credentialID) &&
			subtle.ConstantTimeCompare(c.ClientData, o.clientData) == 1 &&
			subtle.ConstantTimeCompare(c.AttestationObject, o.attestationData) == 1 {
			return true
		}
	}
	return false
}
