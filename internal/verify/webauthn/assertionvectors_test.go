package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"io"
	"math/big"
	"slices"
	"testing"
)

// assertionDigests are the SHA-256 of what each example of §16 publishes for the
// authentication that follows the registration of the same name.
var assertionDigests = map[string]struct{ clientData, authData, signature string }{
	"none.ES256": {
		clientData: "676a6e380fd31ea5710705c7be1ac4889b037895d0a25291f51251b7d7b1df02",
		authData:   "2fa3688ce26520481b38f218e1289f8db04f2726fa5d0007a8b2db6c66b4eeab",
		signature:  "e6b84e03104e4fc5f59dee5f5bab455b61775d2725e21d87c11e894815b36119",
	},
	"packed-self.ES256": {
		clientData: "3ca7729f6c9e573e94fea8348130befacd587e99f363944aa3a59c90410f84bf",
		authData:   "9677cbe5585eb74d7b290a838670c648a4f5601f8797f9af945b12f1ded559a5",
		signature:  "3d937eef718b4b203b5b6946ed87aa575d3cbfa9d0dd659f9a5fd024ab62705a",
	},
	"none.ES256.crossOrigin": {
		clientData: "5433303f133eeec1c6ef3d8bddad49f6f1fe29951d297201abfb928a6a9c2a67",
		authData:   "e530971bef6ed8ed544a9b6b8ed2e45ae682a595e602be48b7abf14d99f9493e",
		signature:  "f5cddf0485f53ec467c0b5207a1bb74e7022cc94b6a015390ce21b2f64527113",
	},
	"none.ES256.topOrigin": {
		clientData: "429e6077534d353c23193006e88028cbbc926758a771ea16a6c825894ebc6bfa",
		authData:   "e530971bef6ed8ed544a9b6b8ed2e45ae682a595e602be48b7abf14d99f9493e",
		signature:  "62363fd190f6effa21867a32faf18fcafb286673ab70fb8dd375fe945b060c9b",
	},
	"none.ES256.long-credential-id": {
		clientData: "29330151c4baa26d2f6eff75dfae3f1e3dbcab8948f03e6c96226f0216d8cfbd",
		authData:   "9be5db22cd8c08f6307b8e68b41cb0c89f68fc49062b60caf80a4d3fab018d9c",
		signature:  "8a535737a42267202487c63354aeb8e4eba349605a3708533ff707fb0a49605f",
	},
	"packed.ES256": {
		clientData: "1f830b6dcd0c81fde2f326f7d7bb47c94534ea17cb4a74fc35b5f0850e22932d",
		authData:   "9be5db22cd8c08f6307b8e68b41cb0c89f68fc49062b60caf80a4d3fab018d9c",
		signature:  "b0aca0f05fe415d3769bbb8a5ec36adcda0184a12ae337abb8360a6ae78b46c3",
	},
	"packed.ES384": {
		clientData: "85c49dd2bc85a3f9d8706d998809e4f833248cd1c8cfc4742f63c0463c431e00",
		authData:   "9be5db22cd8c08f6307b8e68b41cb0c89f68fc49062b60caf80a4d3fab018d9c",
		signature:  "2f42cb81fee850922d8268b5514a27327fe437aea4843b182e0a0d23fa2333f1",
	},
	"packed.ES512": {
		clientData: "835a16bf94641d3c3d4de1bc66dacbfe009c3c83814b4886ddeed476923f6560",
		authData:   "2fa3688ce26520481b38f218e1289f8db04f2726fa5d0007a8b2db6c66b4eeab",
		signature:  "669827dc3f71149c4d50dd3bce9a7016ee24132b5f4e8e828aeb8e12083e34ef",
	},
	"packed.RS256": {
		clientData: "8d3c241da41b4168d77931bd9107be029e1f0a68c58c8687eadc7187174dd3c9",
		authData:   "2fa3688ce26520481b38f218e1289f8db04f2726fa5d0007a8b2db6c66b4eeab",
		signature:  "5968d9d3a20c517688fe7e7c8d8d8bbc8436d9572f3a3c02b84d99abfeff25e7",
	},
	"packed.EdDSA": {
		clientData: "4add3082a15ab4595b58820e913a01c0b5a0651b27ab54f8ce87959fb5a4ccfc",
		authData:   "29880f3e538e63c86450da5c02f32faf4f228af1f5d4755898f44c7da318b1f6",
		signature:  "63cdbd608d9eae1bcbff5a3fcb2e1472a2807b7f5d1a01d6385860c603ed3e96",
	},
	"packed.Ed448": {
		clientData: "274360ed3cec61b8f26f71f0385aa5e991c2ab08de80e4d373a0f0706b41c65c",
		authData:   "0efacb5e1dcb985a07b1b8b79f9954cd181e8fc097ec240afd41cf342382c73c",
		signature:  "e63e77260d32c2a40cb8cb25f9ec2fcdae0c6f3bef2978ec7fc74ce7730815d5",
	},
	"tpm.ES256": {
		clientData: "19faa0cdd64637b3caeac5021ab3d81a0d3326c0846b23807ec25dd7dbc6223e",
		authData:   "9be5db22cd8c08f6307b8e68b41cb0c89f68fc49062b60caf80a4d3fab018d9c",
		signature:  "22d542b003918131e8c818d5d9950eb80871bab14ae8632ab4d0e548e7d9f5aa",
	},
	"android-key.ES256": {
		clientData: "f5c6cfc61597da68d63f90d51f3bc86ffc1371deb55d03e8307ac8cb31211e6f",
		authData:   "9677cbe5585eb74d7b290a838670c648a4f5601f8797f9af945b12f1ded559a5",
		signature:  "711f02cf0fe56f03e00f149a68438c946b9bc28f587b69b0a8312faff0d426dc",
	},
	"apple.ES256": {
		clientData: "e3d7ea5ad2c9199c2259976eeed2271802d85fcbed6230c950928bab178434cb",
		authData:   "9677cbe5585eb74d7b290a838670c648a4f5601f8797f9af945b12f1ded559a5",
		signature:  "938230cf48f179fdea8ce8f9d4e47be656e8b8d00ff8dbe4587e37b91a72322f",
	},
	"fido-u2f.ES256": {
		clientData: "4abcb194570148c86d3bb04239422426c2445454fc142c6c56159ce259d24c55",
		authData:   "29880f3e538e63c86450da5c02f32faf4f228af1f5d4755898f44c7da318b1f6",
		signature:  "b0608ec74375dbafdf8d75bf0919f58cd054a2fb922d9b2a41c4df4ac4b6c110",
	},
}

// makeAssertion continues after makeVector, with the next random values.
func (m *vectorMaker) makeAssertion() (AssertionResponse, AssertionPolicy) {
	challenge := m.draw(m.challengeLen)
	r := AssertionResponse{ClientDataJSON: m.makeClientData("webauthn.get", challenge)}
	eligible := m.flags & flagBackupEligible
	drawn := m.draw(1)[0] & (flagUserVerified | flagBackupState)
	if eligible == 0 {
		drawn &^= flagBackupState
	}
	c := ceremony{rpID: "example.org", flags: flagUserPresent | eligible | drawn}
	r.AuthenticatorData = c.authData()
	r.Signature = vectorSignature(m.signer, slices.Concat(r.AuthenticatorData, unhex(hexDigest(r.ClientDataJSON))))

	registered := m.policy()
	return r, AssertionPolicy{
		Challenge:  base64.RawURLEncoding.EncodeToString(challenge),
		RPIDs:      registered.RPIDs,
		Origins:    registered.Origins,
		TopOrigins: registered.TopOrigins,
	}
}

// record is what a registration stores.
func (r Registration) record() CredentialRecord {
	return CredentialRecord{PublicKey: r.PublicKey, Algorithm: r.Algorithm, SignCount: r.SignCount, BackupEligible: r.BackupEligible}
}

func TestAssertionVectorsOfTheStandard(t *testing.T) {
	if len(assertionDigests) != len(vectorsOfTheStandard) {
		t.Errorf("%d authentications for %d registrations", len(assertionDigests), len(vectorsOfTheStandard))
	}
	for _, v := range vectorsOfTheStandard {
		t.Run(v.name, func(t *testing.T) {
			m := makeVector(v)
			r, p := m.makeAssertion()
			published := assertionDigests[v.name]
			if got := hexDigest(r.ClientDataJSON); got != published.clientData {
				t.Fatalf("clientDataJSON is not the published one: SHA-256 %s\n%s", got, r.ClientDataJSON)
			}
			if got := hexDigest(r.AuthenticatorData); got != published.authData {
				t.Fatalf("authenticatorData is not the published one: SHA-256 %s\n%x", got, r.AuthenticatorData)
			}
			if got := hexDigest(r.Signature); got != published.signature {
				t.Fatalf("signature is not the published one: SHA-256 %s\n%x", got, r.Signature)
			}
			reg, err := VerifyRegistration(m.response(), m.policy(), testNow)
			if v.refused != "" {
				// Nothing was registered, so there is no record, and nothing is accepted.
				wantCode(t, err, v.refused)
				_, err = VerifyAssertion(r, p, reg.record())
				wantCode(t, err, CodeSignatureInvalid)
				return
			}
			if err != nil {
				t.Fatalf("registration refused: %v", err)
			}
			got, err := VerifyAssertion(r, p, reg.record())
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			flags := r.AuthenticatorData[32]
			if got.UserVerified != (flags&flagUserVerified != 0) || got.BackupEligible != reg.BackupEligible ||
				got.BackupState != (flags&flagBackupState != 0) || got.BackupEligibilityChanged {
				t.Errorf("flags %b became %+v", flags, got)
			}
			if got.RPID != "example.org" || got.Origin != "https://example.org" || got.CrossOrigin != v.crossOrigin ||
				(got.TopOrigin != "") != v.topOrigin || got.SignCount != 0 || got.SignCountOutOfLine || got.Extensions != nil {
				t.Errorf("got %+v", got)
			}
			if v.crossOrigin {
				p.TopOrigins = nil
				_, err = VerifyAssertion(r, p, reg.record())
				wantCode(t, err, CodeCrossOriginNotAllowed)
			}
		})
	}
}

// TestChangedAssertionVectorsAreRefused flips one bit of each byte of each part: all of an
// assertion is signed, and no byte of an ECDSA, RSA or Ed25519 signature may change.
func TestChangedAssertionVectorsAreRefused(t *testing.T) {
	for _, name := range []string{"none.ES256", "packed.ES384", "packed.RS256", "packed.EdDSA"} {
		m := makeVector(vectorsOfTheStandard[slices.IndexFunc(vectorsOfTheStandard, func(v vector) bool { return v.name == name })])
		reg, err := VerifyRegistration(m.response(), m.policy(), testNow)
		if err != nil {
			t.Fatal(err)
		}
		r, p := m.makeAssertion()
		for part, at := range map[string]func(*AssertionResponse) *[]byte{
			"client data":        func(r *AssertionResponse) *[]byte { return &r.ClientDataJSON },
			"authenticator data": func(r *AssertionResponse) *[]byte { return &r.AuthenticatorData },
			"signature":          func(r *AssertionResponse) *[]byte { return &r.Signature },
		} {
			for i := range *at(&r) {
				changed := r
				b := bytes.Clone(*at(&r))
				b[i] ^= 1 << (i % 8)
				*at(&changed) = b
				if got, err := VerifyAssertion(changed, p, reg.record()); err == nil {
					t.Fatalf("%s: byte %d of the %s changed, but accepted: %+v", name, i, part, got)
				}
			}
		}
	}
}

// vectorSignature is how §16 has authenticators sign: always the same for the same key
// and message, with the hash of the credential's algorithm.
func vectorSignature(k crypto.Signer, message []byte) []byte {
	hash, signed := crypto.Hash(0), message // Ed25519 and Ed448 hash by themselves
	switch k := k.(type) {
	case *ecdsa.PrivateKey:
		hash = map[int]crypto.Hash{256: crypto.SHA256, 384: crypto.SHA384, 521: crypto.SHA512}[k.Curve.Params().BitSize]
	case mersenneKey:
		hash = crypto.SHA256
	}
	if hash != 0 {
		signed = sum(hash, message)
	}
	sig, err := k.Sign(nil, signed, hash)
	if err != nil {
		panic(err)
	}
	return sig
}

// mersenneKey is an RSA key whose primes differ too much in length for crypto/rsa.
type mersenneKey struct{ n, d *big.Int }

func (k mersenneKey) Public() crypto.PublicKey { return nil }

// Sign is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1).
func (k mersenneKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	size := (k.n.BitLen() + 7) / 8
	info := append(unhex("003031300d060960864801650304020105000420"), digest...)
	m := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-2-len(info)), info)
	return new(big.Int).Exp(new(big.Int).SetBytes(m), k.d, k.n).FillBytes(make([]byte, size)), nil
}
