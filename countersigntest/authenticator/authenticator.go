package authenticator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	randv2 "math/rand/v2"
	"sync"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// Attestation statement formats (WebAuthn L3 §8). Packed has two variants: signed by the
// credential's own key, or by a certified attestation key.
const (
	None       = "none"
	PackedSelf = "packed-self"
	PackedX5C  = "packed-x5c"
	FIDOU2F    = "fido-u2f"
	Apple      = "apple"
	AndroidKey = "android-key"
	TPM        = "tpm"
)

// Formats lists every format that an Authenticator can make.
var Formats = []string{None, PackedSelf, PackedX5C, FIDOU2F, Apple, AndroidKey, TPM}

// Authenticator makes passkeys. It is safe for concurrent use.
type Authenticator struct {
	// AAGUID is the model's identifier. Every format but fido-u2f, which has none, sends it.
	// Set it before the first use.
	AAGUID [16]byte

	random io.Reader
	packed func() (*attestationKey, error) // made when first needed
	u2f    func() (*attestationKey, error)
	tpm    func() (*attestationKey, error)
	issuer func() (*attestationKey, error)
}

// model is the AAGUID of new authenticators, a version 4 UUID chosen for this package.
var model = [16]byte{0xc0, 0x4e, 0x7e, 0x25, 0x19, 0x4a, 0x4f, 0x1d, 0x9a, 0x5e, 0x0d, 0x37, 0x5e, 0x7a, 0x71, 0x0c}

// New returns an authenticator whose keys and credential IDs are random.
func New() *Authenticator { return newAuthenticator(rand.Reader) }

// NewDeterministic returns an authenticator that makes the same credentials in the same
// order for the same seed. RSA keys are the exception: they are always random.
func NewDeterministic(seed string) *Authenticator {
	return newAuthenticator(&lockedReader{r: randv2.NewChaCha8(sha256.Sum256([]byte(seed)))})
}

func newAuthenticator(random io.Reader) *Authenticator {
	a := &Authenticator{AAGUID: model, random: random}
	a.issuer = sync.OnceValues(a.newIssuer)
	a.packed = sync.OnceValues(func() (*attestationKey, error) { return a.newPackedKey(nil) })
	a.u2f = sync.OnceValues(func() (*attestationKey, error) { return a.newU2FKey(nil) })
	a.tpm = sync.OnceValues(func() (*attestationKey, error) { return a.newTPMKey(nil) })
	return a
}

// lockedReader makes a deterministic source safe for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// Options say how a credential is made. With the zero value it is made as a browser does on
// the relying party's own page: attestation none, user present and verified.
type Options struct {
	Algorithm publickey.Algorithm // ES256, ES384, ES512, EdDSA or RS256; "" the first of the challenge's
	Format    string              // one of Formats; "" none
	RPID      string              // "" the challenge's
	Origin    string              // "" https://RPID

	CrossOrigin           bool   // created inside a frame of another origin
	TopOrigin             string // the origin of the top page; "" leaves the member out
	DoubleEncodeChallenge bool   // encode the challenge once more, like the TypeScript browser signer

	WithoutUserPresence     bool
	WithoutUserVerification bool
	BackupEligible          bool
	BackupState             bool
	SignCount               uint32
	Extensions              map[string]any // authenticator extension outputs; they set the ED flag

	// CredentialID replaces 32 random bytes.
	CredentialID []byte
	// Reuse is an earlier credential whose key pair is used again, to save generating one.
	Reuse *Credential

	Name       string   // credentialName
	Transports []string // sent as they are

	Tamper Tamper
}

// Tamper changes a credential while it is r. Each function takes the right bytes and
// returns those to use instead; nil changes nothing.
type Tamper struct {
	// Before signing: the signature is over the changed bytes.
	ClientData        func([]byte) []byte
	CredentialKey     func([]byte) []byte // the COSE key in authenticator data
	AuthenticatorData func([]byte) []byte
	PubArea, CertInfo func([]byte) []byte // tpm
	Certificate       func(*Template)     // the leaf of x5c

	// After signing: the signature is not over the changed bytes.
	SentClientData        func([]byte) []byte
	SentAuthenticatorData func([]byte) []byte
	Statement             func(map[string]any) // attStmt, changed in place
	AttestationObject     func([]byte) []byte
	Attestation           func(*api.CredentialAttestation)
}

func change(f func([]byte) []byte, b []byte) []byte {
	if f == nil {
		return b
	}
	return f(b)
}

// Create answers a registration challenge with a new passkey. It takes at most one of options.
// It fails on options that contradict each other, such as a format that does not support the
// algorithm.
func (a *Authenticator) Create(challenge api.RegistrationChallenge, options ...Options) (api.CredentialAttestation, *Credential, error) {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	if err := o.fill(challenge); err != nil {
		return api.CredentialAttestation{}, nil, err
	}
	c, err := a.newCredential(challenge, o)
	if err != nil {
		return api.CredentialAttestation{}, nil, err
	}
	r := ceremony{o: o, credential: c}
	r.clientData = change(o.Tamper.ClientData, clientDataJSON("webauthn.create", challenge.Challenge, o))
	r.clientDataHash = sha256.Sum256(r.clientData)
	r.authData = change(o.Tamper.AuthenticatorData, a.registrationData(c, o))
	object, err := a.attestationObject(&r)
	if err != nil {
		return api.CredentialAttestation{}, nil, err
	}
	out := api.CredentialAttestation{
		CredentialKind: api.KindFido2,
		CredentialInfo: api.CredentialAttestationInfo{
			CredID:          encode(c.ID),
			ClientData:      encode(change(o.Tamper.SentClientData, r.clientData)),
			AttestationData: encode(change(o.Tamper.AttestationObject, object)),
		},
		CredentialName: o.Name,
		Transports:     o.Transports,
	}
	if o.Tamper.Attestation != nil {
		o.Tamper.Attestation(&out)
	}
	return out, c, nil
}

// ceremony is what the formats sign and send.
type ceremony struct {
	o              Options
	credential     *Credential
	clientData     []byte
	clientDataHash [32]byte
	authData       []byte
}

// signed is what most formats sign: authenticator data and the hash of client data.
func (c *ceremony) signed() []byte {
	return append(c.authData[:len(c.authData):len(c.authData)], c.clientDataHash[:]...)
}

// fill sets the options that were left out from the challenge.
func (o *Options) fill(challenge api.RegistrationChallenge) error {
	if o.Reuse != nil && o.Algorithm == "" {
		o.Algorithm = o.Reuse.Algorithm
	}
	if o.Algorithm == "" {
		for _, p := range challenge.PubKeyCredParams {
			if alg, ok := publickey.FromCOSE(p.Alg); ok && keyTypes[alg] != "" {
				o.Algorithm = alg
				break
			}
		}
	}
	if keyTypes[o.Algorithm] == "" {
		return fmt.Errorf("authenticator: no key for the algorithm %q", o.Algorithm)
	}
	if o.Reuse != nil && o.Reuse.Algorithm != o.Algorithm {
		return fmt.Errorf("authenticator: a key for %s cannot be used for %s", o.Reuse.Algorithm, o.Algorithm)
	}
	if o.Format == "" {
		o.Format = None
	}
	if o.RPID == "" && challenge.RP != nil {
		o.RPID = challenge.RP.ID
	}
	if o.Origin == "" {
		o.Origin = "https://" + o.RPID
	}
	return nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
