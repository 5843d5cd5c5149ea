package assertion

import (
	"bytes"
	"encoding/base64"

	"github.com/countersign/countersign/api"
)

// Factor is one assertion as it was sent: decoded and not yet verified.
type Factor struct {
	Kind              string // as it was sent; see standsFor
	CredentialID      []byte // raw; nil if only UUID can name the credential
	UUID              string // "cr-…" if the credential was named so, else ""
	ClientData        []byte
	AuthenticatorData []byte // Fido2 only
	Signature         []byte
	UserHandle        string // Fido2 only; text of the decoded handle, "" if none came

	Code     string // of a Totp, which has nothing else; as it was sent
	Password string // of a Password, which has nothing else
}

// Signs reports whether the factor is a signature by a key. A code or a password is not.
func (f Factor) Signs() bool { return f.Kind != api.KindTotp && f.Kind != api.KindPassword }

// Limits on what is read, in bytes.
const (
	maxCredentialID = 1023 // WebAuthn L3 §7.1 step 25
	maxUserHandle   = 256  // 64 (WebAuthn L3 §5.4.3), as long as clients that encode it again make it
)

// Read decodes the factors of a signed challenge. second is nil when none came.
func Read(in api.SignedChallenge) (first Factor, second *Factor, err error) {
	if in.FirstFactor == nil {
		return first, nil, api.Missing("/firstFactor")
	}
	if first, err = readOne("/firstFactor", in.FirstFactor); err != nil || in.SecondFactor == nil {
		return first, nil, err
	}
	two, err := readOne("/secondFactor", in.SecondFactor)
	if err == nil && first.Signs() && two.Signs() && first.UUID == two.UUID && bytes.Equal(first.CredentialID, two.CredentialID) {
		err = errSameCredential
	}
	return first, &two, err
}

var errSameCredential = &api.Error{Kind: api.Invalid, Code: "credentials_not_distinct",
	Message: "Each factor needs a credential of its own.", Rule: "factors differ in their credential"}

func readOne(member string, in *api.CredentialAssertion) (f Factor, err error) {
	f.Kind = in.Kind
	switch in.Kind {
	case api.KindFido2, api.KindKey, api.KindPasswordProtectedKey:
	case api.KindTotp:
		if member != "/secondFactor" {
			return f, &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported", Message: "A Totp can only be the second factor."}
		}
		f.Code = in.OtpCode
		return f, nil
	case api.KindPassword:
		if member != "/firstFactor" {
			return f, &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported", Message: "A Password can only be the first factor."}
		}
		f.Password = in.Password
		return f, nil
	case "":
		return f, api.Missing(member + "/kind")
	default:
		return f, &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported",
			Message: "The member " + member + "/kind must be Fido2, Key, PasswordProtectedKey, or Password as first and Totp as second factor."}
	}
	a := in.CredentialAssertion
	member += "/credentialAssertion"
	if api.ValidID(api.PrefixCredential, a.CredID) {
		f.UUID = a.CredID
		if raw, err := base64.RawURLEncoding.Strict().DecodeString(a.CredID); err == nil {
			f.CredentialID = raw // a key's own id may look like ours
		}
	} else if f.CredentialID, err = member64(member+"/credId", a.CredID); err != nil {
		return f, err
	}
	if len(f.CredentialID) > maxCredentialID {
		return f, &api.Error{Kind: api.Invalid, Code: "credential_id_too_long", Message: "The credential ID is too long."}
	}
	if f.ClientData, err = member64(member+"/clientData", a.ClientData); err != nil {
		return f, err
	}
	if f.Signature, err = member64(member+"/signature", a.Signature); err != nil {
		return f, err
	}
	if f.Kind != api.KindFido2 {
		return f, nil
	}
	if f.AuthenticatorData, err = member64(member+"/authenticatorData", a.AuthenticatorData); err != nil {
		return f, err
	}
	if a.UserHandle == "" {
		return f, nil
	}
	handle, err := api.DecodeBase64URL(member+"/userHandle", a.UserHandle)
	if err == nil && len(handle) > maxUserHandle {
		err = &api.Error{Kind: api.Invalid, Code: "user_handle_too_long", Message: "The user handle is too long.",
			Rule: "WebAuthn L3 §5.4.3: a user handle has at most 64 bytes"}
	}
	f.UserHandle = string(handle)
	return f, err
}

func member64(member, text string) ([]byte, error) {
	if text == "" {
		return nil, api.Missing(member)
	}
	return api.DecodeBase64URL(member, text)
}

// namedUser returns the user that the handle names, "" if it names none. Some clients encode
// the handle once or twice too often.
func (f Factor) namedUser() string {
	handle := f.UserHandle
	for range 3 {
		if api.ValidID(api.PrefixUser, handle) {
			return handle
		}
		b, err := base64.RawURLEncoding.DecodeString(handle)
		if err != nil {
			return ""
		}
		handle = string(b)
	}
	return ""
}
