package authenticator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// keyTypes gives the type of key for each algorithm that an Authenticator supports.
var keyTypes = map[publickey.Algorithm]string{
	publickey.ES256: publickey.P256,
	publickey.ES384: publickey.P384,
	publickey.ES512: publickey.P521,
	publickey.EdDSA: publickey.Ed25519,
	publickey.RS256: publickey.RSA,
}

var nistCurves = map[string]elliptic.Curve{
	publickey.P256: elliptic.P256(),
	publickey.P384: elliptic.P384(),
	publickey.P521: elliptic.P521(),
}

// Credential is a passkey with its private key. Only Assert changes it: SignCount and
// BackupState.
type Credential struct {
	ID         []byte
	RPID       string
	UserHandle []byte // the UTF-8 of the challenge's user.id
	Algorithm  publickey.Algorithm
	SignCount  uint32 // of the last ceremony; 0 means that it does not count

	// The flags of the last ceremony. Only a broken authenticator changes BackupEligible; a
	// test may do so.
	BackupEligible, BackupState bool

	private crypto.Signer
	coseKey []byte
}

func (a *Authenticator) newCredential(challenge api.RegistrationChallenge, o Options) (*Credential, error) {
	c := &Credential{ID: o.CredentialID, RPID: o.RPID, UserHandle: []byte(challenge.User.ID),
		Algorithm: o.Algorithm, SignCount: o.SignCount, BackupEligible: o.BackupEligible, BackupState: o.BackupState}
	if c.ID == nil {
		c.ID = make([]byte, 32)
		if _, err := io.ReadFull(a.random, c.ID); err != nil {
			return nil, err
		}
	}
	if o.Reuse != nil {
		c.private, c.coseKey = o.Reuse.private, o.Reuse.coseKey
		return c, nil
	}
	var err error
	if c.private, err = newPrivateKey(a.random, keyTypes[o.Algorithm]); err != nil {
		return nil, err
	}
	c.coseKey, err = coseKey(o.Algorithm, c.private.Public())
	return c, err
}

// newPrivateKey makes a key pair of the given type from random. An RSA key has 2048 bits and
// is made from crypto/rand.
func newPrivateKey(random io.Reader, keyType string) (crypto.Signer, error) {
	switch keyType {
	case publickey.RSA:
		return rsa.GenerateKey(rand.Reader, 2048)
	case publickey.Ed25519:
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil, err
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	curve, ok := nistCurves[keyType]
	if !ok {
		return nil, fmt.Errorf("authenticator: no key of type %q", keyType)
	}
	// ecdsa.GenerateKey would not only use random.
	params := curve.Params()
	scalar := make([]byte, (params.BitSize+7)/8)
	for {
		if _, err := io.ReadFull(random, scalar); err != nil {
			return nil, err
		}
		scalar[0] &= 0xff >> (len(scalar)*8 - params.BitSize)
		if key, err := ecdsa.ParseRawPrivateKey(curve, scalar); err == nil {
			return key, nil
		} // out of range: try again
	}
}

// PublicKey returns the credential's public key.
func (c *Credential) PublicKey() (*publickey.Key, error) { return publicKey(c.private.Public()) }

func publicKey(public crypto.PublicKey) (*publickey.Key, error) {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return nil, err
		}
		n := len(point) / 2
		return publickey.NewECDSA(p.Params().Name, point[1:1+n], point[1+n:])
	case ed25519.PublicKey:
		return publickey.NewEd25519(p)
	case *secp256k1.PublicKey:
		point := p.SerializeUncompressed()
		return publickey.NewECDSA(publickey.Secp256k1, point[1:33], point[33:])
	case *rsa.PublicKey:
		return publickey.NewRSA(p.N.Bytes(), big.NewInt(int64(p.E)).Bytes())
	}
	return nil, fmt.Errorf("authenticator: no public key of type %T", public)
}

// hashes are those of WebAuthn's algorithms; Ed25519 takes the message itself.
var hashes = map[publickey.Algorithm]crypto.Hash{
	publickey.ES256: crypto.SHA256,
	publickey.ES384: crypto.SHA384,
	publickey.ES512: crypto.SHA512,
	publickey.RS256: crypto.SHA256,
}

// sign signs message as alg does. ECDSA is deterministic (RFC 6979).
func sign(private crypto.Signer, alg publickey.Algorithm, message []byte) ([]byte, error) {
	h := hashes[alg]
	if h == 0 {
		return private.Sign(nil, message, crypto.Hash(0))
	}
	return private.Sign(nil, hash(h, message), h)
}

func hash(h crypto.Hash, message []byte) []byte {
	w := h.New()
	w.Write(message)
	return w.Sum(nil)
}

// Assertion is the answer to a request to log in or to sign, as raw bytes.
type Assertion struct {
	CredentialID      []byte
	ClientDataJSON    []byte
	AuthenticatorData []byte
	Signature         []byte
	UserHandle        []byte
}

// Assert answers challenge with the credential (WebAuthn L3 §6.3.3). It increments SignCount if
// that is not zero, so it must not be called concurrently. The credential is backed up if it
// was or the options say so. Assert takes at most one of options and ignores those that only
// concern creation.
func (c *Credential) Assert(challenge string, options ...Options) (Assertion, error) {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.RPID == "" {
		o.RPID = c.RPID
	}
	if o.Origin == "" {
		o.Origin = "https://" + o.RPID
	}
	if o.SignCount == 0 && c.SignCount > 0 {
		o.SignCount = c.SignCount + 1
	}
	o.BackupEligible = o.BackupEligible || c.BackupEligible
	o.BackupState = o.BackupState || c.BackupState
	c.SignCount, c.BackupState = o.SignCount, o.BackupState

	clientData := change(o.Tamper.ClientData, clientDataJSON("webauthn.get", challenge, o))
	digest := sha256.Sum256(clientData)
	authData := change(o.Tamper.AuthenticatorData, appendExtensions(authDataHeader(o, 0), o))
	signature, err := sign(c.private, c.Algorithm, append(authData[:len(authData):len(authData)], digest[:]...))
	if err != nil {
		return Assertion{}, err
	}
	return Assertion{
		CredentialID:      c.ID,
		ClientDataJSON:    change(o.Tamper.SentClientData, clientData),
		AuthenticatorData: change(o.Tamper.SentAuthenticatorData, authData),
		Signature:         signature,
		UserHandle:        c.UserHandle,
	}, nil
}
