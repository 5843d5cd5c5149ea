package webauthn

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"slices"
	"strings"
)

// assertionCases are the cases of TestAssertionSteps, in the order of §7.2.
func assertionCases() []assertionCase {
	return slices.Concat(clientDataCases(), assertionDataCases(), flagCases(), signatureCases())
}

func getWith(kind, challenge, origin string) func(*answer) {
	return func(a *answer) { a.clientData = clientDataText(kind, challenge, origin) }
}

// getMembers makes client data with further members after the three required ones.
func getMembers(members string) func(*answer) {
	return func(a *answer) {
		a.clientData = `{"type":"webauthn.get","challenge":"` + testChallenge + `","origin":"` + testOrigin + `"` + members + `}`
	}
}

func getFramed(members string) func(*answer) {
	return func(a *answer) {
		getMembers(members)(a)
		a.policy.TopOrigins = []string{"https://other.example", "https://top.example"}
	}
}

func clientDataCases() []assertionCase {
	const get, top = "webauthn.get", "https://top.example"
	return []assertionCase{
		{name: "byte order mark", step: 8, change: func(a *answer) { a.clientData = "\ufeff" + a.clientData },
			holds: func(a Assertion) bool { return a.Origin == testOrigin }},
		{name: "not UTF-8", step: 8, change: getMembers(",\"x\":\"\xff\""), code: CodeClientDataMalformed, rule: "step 9,"},
		{name: "not JSON", step: 9, change: func(a *answer) { a.clientData = "webauthn.get" }, code: CodeClientDataMalformed},
		{name: "two objects", step: 9, change: func(a *answer) { a.clientData += a.clientData }, code: CodeClientDataMalformed},
		{name: "two challenges", step: 9, change: getMembers(`,"challenge":"` + testChallenge + `"`), code: CodeClientDataMalformed},
		{name: "two types", step: 9, change: getMembers(`,"type":"webauthn.create"`), code: CodeClientDataMalformed},
		{name: "two origins, one mis-cased", step: 9, change: getMembers(`,"Origin":"` + testOrigin + `"`), code: CodeClientDataMalformed},

		{name: "registration response", step: 10, change: getWith("webauthn.create", testChallenge, testOrigin), code: CodeClientDataType},
		{name: "key credential", step: 10, change: getWith("key.get", testChallenge, testOrigin), code: CodeClientDataType},
		{name: "payment", step: 10, change: getWith("payment.get", testChallenge, testOrigin), code: CodeClientDataType},
		{name: "in another case", step: 10, change: getWith("webauthn.Get", testChallenge, testOrigin), code: CodeClientDataType},
		{name: "with a space", step: 10, change: getWith(" webauthn.get", testChallenge, testOrigin), code: CodeClientDataType},
		{name: "with a NUL", step: 10, change: getMembersWithType(`webauthn.get\u0000`), code: CodeClientDataType},
		{name: "empty", step: 10, change: getWith("", testChallenge, testOrigin), code: CodeClientDataType},

		{name: "encoded twice", step: 11, change: getWith(get, twice(testChallenge), testOrigin)},
		{name: "encoded three times", step: 11, change: getWith(get, twice(twice(testChallenge)), testOrigin), code: CodeChallengeMismatch},
		{name: "of another ceremony", step: 11, change: getWith(get, strings.ToLower(testChallenge), testOrigin), code: CodeChallengeMismatch},
		{name: "padded", step: 11, change: getWith(get, testChallenge+"=", testOrigin), code: CodeChallengeMismatch},
		{name: "shortened", step: 11, change: getWith(get, testChallenge[:42], testOrigin), code: CodeChallengeMismatch},
		{name: "lengthened", step: 11, change: getWith(get, testChallenge+"A", testOrigin), code: CodeChallengeMismatch},
		{name: "other last bits, the same bytes", step: 11, change: getWith(get, testChallenge[:42]+"D", testOrigin), code: CodeChallengeMismatch},
		{name: "empty", step: 11, change: getWith(get, "", testOrigin), code: CodeChallengeMismatch},
		{name: "nothing was issued", step: 11, change: func(a *answer) {
			getWith(get, "", testOrigin)(a)
			a.policy.Challenge = ""
		}, code: CodeChallengeMismatch},

		{name: "with a slash", step: 12, change: getWith(get, testChallenge, testOrigin+"/"), code: CodeOriginNotAllowed},
		{name: "with the default port", step: 12, change: getWith(get, testChallenge, testOrigin+":443"), code: CodeOriginNotAllowed},
		{name: "in another case", step: 12, change: getWith(get, testChallenge, "https://Console.example.org"), code: CodeOriginNotAllowed},
		{name: "plain http", step: 12, change: getWith(get, testChallenge, "http://console.example.org"), code: CodeOriginNotAllowed},
		{name: "as a prefix", step: 12, change: getWith(get, testChallenge, testOrigin+".evil.example"), code: CodeOriginNotAllowed},
		{name: "a subdomain", step: 12, change: getWith(get, testChallenge, "https://a.console.example.org"), code: CodeOriginNotAllowed},
		{name: "of an app nobody listed", step: 12, change: getWith(get, testChallenge, "android:apk-key-hash:AAAA"), code: CodeOriginNotAllowed},
		{name: "empty", step: 12, change: getWith(get, testChallenge, ""), code: CodeOriginNotAllowed},
		{name: "none is allowed", step: 12, change: func(a *answer) { a.policy.Origins = nil }, code: CodeOriginNotAllowed},
		{name: "the other allowed one", step: 12, change: getWith(get, testChallenge, "https://example.org"),
			holds: func(a Assertion) bool { return a.Origin == "https://example.org" }},

		{name: "in a frame", step: 13, change: getMembers(`,"crossOrigin":true`), code: CodeCrossOriginNotAllowed},
		{name: "in a frame with top", step: 13, change: getMembers(`,"crossOrigin":true,"topOrigin":"` + top + `"`), code: CodeCrossOriginNotAllowed},
		{name: "in a frame of an older client", step: 13, change: getFramed(`,"crossOrigin":true`),
			holds: func(a Assertion) bool { return a.CrossOrigin && a.TopOrigin == "" }},
		{name: "absent", step: 13, change: getMembers(``), holds: func(a Assertion) bool { return !a.CrossOrigin }},

		{name: "expected", step: 14, change: getFramed(`,"crossOrigin":true,"topOrigin":"` + top + `"`),
			holds: func(a Assertion) bool { return a.CrossOrigin && a.TopOrigin == top }},
		{name: "another", step: 14, change: getFramed(`,"crossOrigin":true,"topOrigin":"https://evil.example"`), code: CodeTopOriginNotAllowed},
		{name: "our own, but not listed", step: 14, change: getFramed(`,"crossOrigin":true,"topOrigin":"` + testOrigin + `"`), code: CodeTopOriginNotAllowed},
		{name: "empty", step: 14, change: getFramed(`,"crossOrigin":true,"topOrigin":""`), code: CodeTopOriginNotAllowed},
		{name: "without a frame", step: 14, change: getFramed(`,"crossOrigin":false,"topOrigin":"` + top + `"`), code: CodeTopOriginNotAllowed},
		{name: "alone", step: 14, change: getMembers(`,"topOrigin":"` + top + `"`), code: CodeTopOriginNotAllowed},
	}
}

func getMembersWithType(escaped string) func(*answer) {
	return func(a *answer) {
		getMembers("")(a)
		a.clientData = strings.Replace(a.clientData, "webauthn.get", escaped, 1)
	}
}

// assertionDataCases are signed as they are. They are refused for their form.
func assertionDataCases() []assertionCase {
	extend := func(extensions []byte) func(*answer) {
		return func(a *answer) {
			a.flags |= flagExtensionData
			a.extensions = extensions
		}
	}
	credential := newCeremony().authData()[fixedDataLen:]
	cases := []assertionCase{
		{name: "extensions", step: 23, change: extend(cMap(cText("x"), cInt(2), cText("hmac-secret"), cBytes([]byte("output")))),
			holds: func(a Assertion) bool {
				return bytes.Equal(a.Extensions, cMap(cText("x"), cInt(2), cText("hmac-secret"), cBytes([]byte("output"))))
			}},
		{name: "no extensions at all, said so", step: 23, change: extend(cMap()),
			holds: func(a Assertion) bool { return bytes.Equal(a.Extensions, cMap()) }},
		{name: "extensions nobody knows", step: 23, change: extend(cMap(cText("unknown"), cArray(cMap(cInt(1), cText("x")), unhex("f93c00")))),
			holds: func(a Assertion) bool { return a.Extensions != nil }},
		{name: "extensions out of order, in other spellings", step: 23,
			change: extend(cMap(cText("hmac-secret"), unhex("9f1801ff"), cText("x"), unhex("c000"))),
			holds:  func(a Assertion) bool { return a.Extensions != nil }},
	}
	for _, c := range []struct {
		name   string
		change func(*answer)
	}{
		{"a byte after", func(a *answer) { a.trailing = []byte{0} }},
		{"the AT flag alone", func(a *answer) { a.flags |= flagAttestedData }},
		{"attested credential data", func(a *answer) {
			a.flags |= flagAttestedData
			a.trailing = credential
		}},
		{"attested credential data without its flag", func(a *answer) { a.trailing = credential }},
		{"attested credential data and extensions", func(a *answer) {
			a.flags |= flagAttestedData | flagExtensionData
			a.trailing = slices.Concat(credential, cMap())
		}},
		{"extensions without the ED flag", func(a *answer) { a.extensions = cMap(cText("x"), cInt(1)) }},
		{"the ED flag without extensions", func(a *answer) { a.flags |= flagExtensionData }},
		{"a byte after the extensions", func(a *answer) {
			extend(cMap())(a)
			a.trailing = []byte{0}
		}},
		{"extensions twice", func(a *answer) {
			extend(cMap())(a)
			a.trailing = cMap()
		}},
		{"extensions an array", extend(cArray())},
		{"extensions null", extend([]byte{0xf6})},
		{"an extension named by a number", extend(cMap(cInt(1), cInt(1)))},
		{"an extension twice", extend(cMap(cText("x"), cInt(1), cText("x"), cInt(1)))},
		{"an output too deep", extend(cMap(cText("x"), unhex(strings.Repeat("81", 8)+"00")))},
		{"an output missing", extend(unhex("a16178"))},
		{"an output longer than what is left", extend(unhex("a161785a7fffffff"))},
	} {
		cases = append(cases, assertionCase{name: c.name, step: 7, change: c.change, code: CodeAuthenticatorDataMalformed})
	}
	return cases
}

func flagCases() []assertionCase {
	set := func(flags byte) func(*answer) { return func(a *answer) { a.flags |= flags } }
	clear := func(flags byte) func(*answer) { return func(a *answer) { a.flags &^= flags } }
	return []assertionCase{
		{name: "another relying party", step: 15, change: func(a *answer) { a.rpID = "evil.example" }, code: CodeRPIDMismatch},
		{name: "a subdomain", step: 15, change: func(a *answer) { a.rpID = "console.example.org" }, code: CodeRPIDMismatch},
		{name: "in another case", step: 15, change: func(a *answer) { a.rpID = "Example.org" }, code: CodeRPIDMismatch},
		{name: "a U2F app id", step: 15, change: func(a *answer) { a.rpID = "https://example.org" }, code: CodeRPIDMismatch},
		{name: "none is allowed", step: 15, change: func(a *answer) { a.policy.RPIDs = nil }, code: CodeRPIDMismatch},
		{name: "the other allowed one", step: 15, change: func(a *answer) { a.rpID = "other.example" },
			holds: func(a Assertion) bool { return a.RPID == "other.example" }},

		{name: "nobody present", step: 16, change: clear(flagUserPresent), code: CodeUserNotPresent},
		{name: "verified yet not present", step: 16, change: func(a *answer) { a.flags = flagUserVerified }, code: CodeUserNotPresent},

		{name: "nobody verified", step: 17, change: clear(flagUserVerified), holds: func(a Assertion) bool { return !a.UserVerified }},
		{name: "required", step: 17, change: func(a *answer) { a.policy.RequireUserVerification = true },
			holds: func(a Assertion) bool { return a.UserVerified }},
		{name: "required and missing", step: 17, change: func(a *answer) {
			a.flags &^= flagUserVerified
			a.policy.RequireUserVerification = true
		}, code: CodeUserNotVerified},
		{name: "required, with a reserved flag beside it", step: 17, change: func(a *answer) {
			a.flags = flagUserPresent | 1<<1
			a.policy.RequireUserVerification = true
		}, code: CodeUserNotVerified},

		{name: "backed up but not eligible", step: 18, change: set(flagBackupState), code: CodeBackupFlagsInconsistent},
		{name: "backed up, and eligible on record alone", step: 18, change: func(a *answer) {
			a.flags |= flagBackupState
			a.record.BackupEligible = true
		}, code: CodeBackupFlagsInconsistent},
		{name: "reserved flags", step: 18, change: set(1<<1 | 1<<5), holds: func(a Assertion) bool { return !a.BackupEligible && !a.BackupState }},

		{name: "eligible as recorded", step: 19, change: func(a *answer) {
			a.flags |= flagBackupEligible | flagBackupState
			a.record.BackupEligible = true
		}, holds: func(a Assertion) bool { return a.BackupEligible && a.BackupState && !a.BackupEligibilityChanged }},
		{name: "no longer backed up", step: 19, change: func(a *answer) {
			a.flags |= flagBackupEligible
			a.record.BackupEligible = true
		}, holds: func(a Assertion) bool { return a.BackupEligible && !a.BackupState && !a.BackupEligibilityChanged }},
		{name: "suddenly eligible", step: 19, change: set(flagBackupEligible),
			holds: func(a Assertion) bool { return a.BackupEligible && a.BackupEligibilityChanged }},
		{name: "no longer eligible", step: 19, change: func(a *answer) { a.record.BackupEligible = true },
			holds: func(a Assertion) bool { return !a.BackupEligible && a.BackupEligibilityChanged }},
	}
}

func signatureCases() []assertionCase {
	at := func(step int, name string, change func(*answer)) assertionCase {
		return assertionCase{name: name, step: step, change: change, code: CodeSignatureInvalid, rule: "step 21,"}
	}
	other := func(r *AssertionResponse) {
		b := newAnswer()
		b.clientData = clientDataText("webauthn.get", twice(testChallenge), testOrigin)
		*r = AssertionResponse{r.ClientDataJSON, r.AuthenticatorData, b.response().Signature}
	}
	changed := func(f func(sig []byte) []byte) func(*answer) {
		return sends(func(r *AssertionResponse) { r.Signature = f(r.Signature) })
	}
	return []assertionCase{
		at(20, "a space after the client data", sends(func(r *AssertionResponse) { r.ClientDataJSON = append(r.ClientDataJSON, ' ') })),
		at(20, "client data re-serialised", sends(func(r *AssertionResponse) {
			r.ClientDataJSON = bytes.ReplaceAll(r.ClientDataJSON, []byte("/"), []byte(`\/`))
		})),
		at(20, "client data of another answer to this challenge", sends(other)),
		at(20, "signed without client data", signsInstead(func(authData, _ []byte) []byte { return authData })),
		at(20, "client data not hashed", sends(func(r *AssertionResponse) {
			r.Signature = signWith(p256Key(), slices.Concat(r.AuthenticatorData, r.ClientDataJSON))
		})),
		at(20, "client data hashed twice", signsInstead(func(authData, hash []byte) []byte {
			again := sha256.Sum256(hash)
			return slices.Concat(authData, again[:])
		})),

		at(21, "another key of the same type", func(a *answer) { a.signer = attKey() }),
		at(21, "a key of another type", func(a *answer) { a.signer = edKey() }),
		at(21, "signed without authenticator data", signsInstead(func(_, hash []byte) []byte { return hash })),
		at(21, "signed the wrong way round", signsInstead(func(authData, hash []byte) []byte { return slices.Concat(hash, authData) })),
		at(21, "UV set after signing", func(a *answer) {
			a.flags &^= flagUserVerified
			a.policy.RequireUserVerification = true
			a.sent = func(r *AssertionResponse) { r.AuthenticatorData[32] |= flagUserVerified }
		}),
		at(21, "UP set after signing", func(a *answer) {
			a.flags &^= flagUserPresent
			a.sent = func(r *AssertionResponse) { r.AuthenticatorData[32] |= flagUserPresent }
		}),
		at(21, "reserved flag set after signing", sends(func(r *AssertionResponse) { r.AuthenticatorData[32] |= 1 << 1 })),
		at(21, "counter raised after signing", sends(func(r *AssertionResponse) { r.AuthenticatorData[36]++ })),
		at(21, "RP ID changed after signing", func(a *answer) {
			a.rpID = "evil.example"
			a.sent = func(r *AssertionResponse) {
				hash := sha256.Sum256([]byte(testRPID))
				copy(r.AuthenticatorData, hash[:])
			}
		}),
		at(21, "extensions added after signing", sends(func(r *AssertionResponse) {
			r.AuthenticatorData[32] |= flagExtensionData
			r.AuthenticatorData = append(r.AuthenticatorData, cMap()...)
		})),
		at(21, "the hash of another algorithm", hashWith(crypto.SHA512, p256Key())),
		at(21, "empty", changed(func([]byte) []byte { return nil })),
		at(21, "a byte after", changed(func(sig []byte) []byte { return append(sig, 0) })),
		at(21, "cut short", changed(func(sig []byte) []byte { return sig[:len(sig)-1] })),
		at(21, "not DER", changed(rawECDSA)),
		at(21, "in a long form", changed(func(sig []byte) []byte { return slices.Concat([]byte{0x30, 0x81, sig[1]}, sig[2:]) })),
		at(21, "twice", changed(func(sig []byte) []byte { return slices.Concat(sig, sig) })),
		at(21, "r and s of zero", changed(func([]byte) []byte { return unhex("3006020100020100") })),
		at(21, "r and s of one", changed(func([]byte) []byte { return unhex("3006020101020101") })),

		{name: "greater", step: 22, change: func(a *answer) { a.signCount = 43 }, holds: func(a Assertion) bool { return !a.SignCountOutOfLine && a.SignCount == 43 }},
		{name: "the same", step: 22, change: func(a *answer) { a.signCount = 41 }, holds: func(a Assertion) bool { return a.SignCountOutOfLine && a.SignCount == 41 }},
		{name: "less", step: 22, change: func(a *answer) { a.signCount = 40 }, holds: func(a Assertion) bool { return a.SignCountOutOfLine }},
		{name: "suddenly zero", step: 22, change: func(a *answer) { a.signCount = 0 }, holds: func(a Assertion) bool { return a.SignCountOutOfLine }},
		{name: "always zero", step: 22, change: func(a *answer) { a.signCount, a.record.SignCount = 0, 0 },
			holds: func(a Assertion) bool { return !a.SignCountOutOfLine }},
		{name: "counting at last", step: 22, change: func(a *answer) { a.signCount, a.record.SignCount = 1, 0 },
			holds: func(a Assertion) bool { return !a.SignCountOutOfLine }},
	}
}
