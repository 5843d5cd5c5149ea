package webauthn

import "testing"

// BenchmarkVerifyRegistration has one line per kind of response. "none" with ES256 is
// what the server does most.
func BenchmarkVerifyRegistration(b *testing.B) {
	self := newCeremony()
	self.format, self.statement = "packed", selfStatement(-7, p256Key())
	ed := newCeremony()
	ed.cose = coseOf(edKey().Public())
	rs := newCeremony()
	rs.cose = coseOf(&rsaKey().PublicKey)
	for _, bench := range []struct {
		name string
		c    *ceremony
	}{
		{"none/ES256", newCeremony()}, {"none/EdDSA", ed}, {"none/RS256", rs},
		{"packed-self", self}, {"packed-x5c", packedCeremony()}, {"fido-u2f", newU2FParts().c},
		{"apple", newAppleParts().c}, {"android-key", newAndroidParts().c}, {"tpm", newTPMParts().c},
		{"compound", compoundOf(compoundParts()[:2], nil)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := bench.c.response()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := VerifyRegistration(r, bench.c.policy, bench.c.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifyAssertion has one line per algorithm. ES256 is what the server does at
// every login and every action.
func BenchmarkVerifyAssertion(b *testing.B) {
	for _, k := range assertionSigners() {
		a := newAnswerBy(k)
		b.Run(string(a.record.Algorithm), func(b *testing.B) {
			r := a.response()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := VerifyAssertion(r, a.policy, a.record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse is VerifyRegistration without the key.
func BenchmarkParse(b *testing.B) {
	r := newCeremony().response()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registering.readClientData(r.ClientDataJSON); err != nil {
			b.Fatal(err)
		}
		if _, _, err := readAttestationObject(r.AttestationObject); err != nil {
			b.Fatal(err)
		}
	}
}
