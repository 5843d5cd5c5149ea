package webauthn

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

func TestAssertionIsAccepted(t *testing.T) {
	a := newAnswer()
	a.signCount = 0x01020304
	got := a.accepted(t)
	if got.RPID != testRPID || got.Origin != testOrigin || got.CrossOrigin || got.TopOrigin != "" {
		t.Errorf("client: %+v", got)
	}
	if !got.UserVerified || got.BackupEligible || got.BackupState || got.SignCount != 0x01020304 || got.Extensions != nil {
		t.Errorf("authenticator: %+v", got)
	}
	if got.SignCountOutOfLine || got.BackupEligibilityChanged {
		t.Errorf("findings: %+v", got)
	}
}

func TestEveryAlgorithmAsserts(t *testing.T) {
	for _, k := range assertionSigners() {
		a := newAnswerBy(k)
		a.accepted(t)
		// Another key of the same type, the next type, and a record whose algorithm is not
		// the key's must all fail, whatever else they share.
		for _, other := range assertionSigners() {
			wrong := newAnswerBy(other)
			if wrong.record.Algorithm == a.record.Algorithm {
				continue
			}
			wrong.signer = k
			wrong.refused(t, CodeSignatureInvalid)
			b := newAnswerBy(k)
			b.record.Algorithm = wrong.record.Algorithm
			b.refused(t, CodeSignatureInvalid)
		}
	}
}

// assertionCase changes one thing for a step of §7.2. The answer is refused with the code or,
// without one, accepted with what holds, unless nil, requires.
type assertionCase struct {
	name   string
	step   int
	change func(*answer)
	code   string
	holds  func(Assertion) bool
	rule   string // part of a refusal's rule, unless it is the step
}

func TestAssertionSteps(t *testing.T) {
	for _, test := range assertionCases() {
		t.Run(strconv.Itoa(test.step)+" "+test.name, func(t *testing.T) {
			a := newAnswer()
			test.change(a)
			if test.code == "" {
				if got := a.accepted(t); test.holds != nil && !test.holds(got) {
					t.Errorf("got %+v", got)
				}
				return
			}
			rule := test.rule
			if rule == "" {
				rule = "step " + strconv.Itoa(test.step) + ","
			}
			e := a.refused(t, test.code)
			if !strings.HasPrefix(e.Rule, "WebAuthn L3 §7.2 ") || !strings.Contains(e.Rule, rule) {
				t.Errorf("rule %q, want %q in it", e.Rule, rule)
			}
		})
	}
}

// TestEveryAssertionStepIsTried reads which steps VerifyAssertion names. They must be all that
// concern a response (7 to 23), and the table above must have a case for each.
func TestEveryAssertionStepIsTried(t *testing.T) {
	tried := map[int]bool{}
	for _, c := range assertionCases() {
		if c.code != "" || c.holds != nil {
			tried[c.step] = true
		}
	}
	named := stepsNamedIn(t, "assertion.go", "VerifyAssertion")
	for n := 7; n <= 23; n++ {
		if !named[n] || !tried[n] {
			t.Errorf("step %d: named in the code %t, tried by a case %t", n, named[n], tried[n])
		}
	}
	if len(named) != 17 || len(tried) != 17 {
		t.Errorf("steps named %v, tried %v", named, tried)
	}
}

// stepsNamedIn collects the numbers of comments like "steps 7, 8" inside a function.
func stepsNamedIn(t *testing.T, file, function string) map[int]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Name.Name == function
	})
	body := f.Decls[i].(*ast.FuncDecl).Body
	named := map[int]bool{}
	for _, c := range f.Comments {
		if c.Pos() < body.Pos() || c.End() > body.End() {
			continue
		}
		for _, list := range regexp.MustCompile(`steps? \d+(, \d+)*`).FindAllString(c.Text(), -1) {
			for _, n := range regexp.MustCompile(`\d+`).FindAllString(list, -1) {
				number, err := strconv.Atoi(n)
				if err != nil {
					t.Fatal(err)
				}
				named[number] = true
			}
		}
	}
	return named
}

// TestFirstAssertionFailureIsNamed has several failures: the refusal names the first step, and a
// bad signature hides no earlier one.
func TestFirstAssertionFailureIsNamed(t *testing.T) {
	a := newAnswer()
	a.clientData = clientDataText("webauthn.create", "wrong", "https://evil.example")
	a.rpID, a.flags, a.record.PublicKey = "evil.example", flagAttestedData, nil
	a.refused(t, CodeClientDataType)
	a.clientData = clientDataText("webauthn.get", "wrong", "https://evil.example")
	a.refused(t, CodeChallengeMismatch)
	a.clientData = clientDataText("webauthn.get", testChallenge, "https://evil.example")
	a.refused(t, CodeOriginNotAllowed)
	a.clientData = clientDataText("webauthn.get", testChallenge, testOrigin)
	a.refused(t, CodeAuthenticatorDataMalformed)
	a.flags = flagBackupState
	a.refused(t, CodeRPIDMismatch)
	a.rpID = testRPID
	a.refused(t, CodeUserNotPresent)
	a.flags |= flagUserPresent
	a.policy.RequireUserVerification = true
	a.refused(t, CodeUserNotVerified)
	a.flags |= flagUserVerified
	a.refused(t, CodeBackupFlagsInconsistent)
	a.flags |= flagBackupEligible
	a.refused(t, CodeSignatureInvalid)
}

func TestEmptyAssertions(t *testing.T) {
	_, err := VerifyAssertion(AssertionResponse{}, AssertionPolicy{}, CredentialRecord{})
	wantCode(t, err, CodeClientDataMalformed)
	a := newAnswer()
	a.sent = func(r *AssertionResponse) { r.AuthenticatorData = nil }
	a.refused(t, CodeAuthenticatorDataMalformed)
	a.sent = func(r *AssertionResponse) { r.Signature = nil }
	a.refused(t, CodeSignatureInvalid)
	for _, record := range []CredentialRecord{{}, {Algorithm: publickey.ES256}, {PublicKey: a.record.PublicKey}} {
		b := newAnswer()
		b.record = record
		b.refused(t, CodeSignatureInvalid)
	}
}

// TestSignCounts has every relation of two counters, including their limits.
func TestSignCounts(t *testing.T) {
	const most = math.MaxUint32
	for _, c := range []struct {
		stored, sent uint32
		outOfLine    bool
	}{
		{0, 0, false}, {0, 1, false}, {0, most, false}, {41, 42, false}, {41, most, false}, {most - 1, most, false},
		{1, 0, true}, {41, 0, true}, {most, 0, true}, {1, 1, true}, {41, 41, true}, {41, 40, true},
		{most, most, true}, {most, most - 1, true}, {most, 1, true}, {1 << 31, 1<<31 - 1, true},
	} {
		a := newAnswer()
		a.record.SignCount, a.signCount = c.stored, c.sent
		if got := a.accepted(t); got.SignCountOutOfLine != c.outOfLine || got.SignCount != c.sent {
			t.Errorf("%d after %d: %+v", c.sent, c.stored, got)
		}
	}
	for range 3 { // synced passkeys never count
		a := newAnswer()
		a.record.SignCount, a.signCount = 0, 0
		if got := a.accepted(t); got.SignCountOutOfLine {
			t.Errorf("zero after zero: %+v", got)
		}
	}
}

// TestFindingsNeedASignature: by some policies a finding locks a user out, so nobody without the
// key may cause one.
func TestFindingsNeedASignature(t *testing.T) {
	a := newAnswer()
	a.signCount, a.flags = 1, a.flags|flagBackupEligible
	if got := a.accepted(t); !got.SignCountOutOfLine || !got.BackupEligibilityChanged {
		t.Errorf("got %+v", got)
	}
	a.signer = attKey()
	a.refused(t, CodeSignatureInvalid) // this requires an empty Assertion
}

// TestAttestationIsNoAssertion sends what a credential signed when it was made, in every way that
// could pass for an answer to the same challenge.
func TestAttestationIsNoAssertion(t *testing.T) {
	c := newCeremony()
	c.format, c.statement = "packed", selfStatement(-7, p256Key())
	authData, hash := c.authData(), sha256.Sum256([]byte(c.clientData))
	a := newAnswer()
	a.sent = func(r *AssertionResponse) {
		r.ClientDataJSON, r.AuthenticatorData = []byte(c.clientData), authData
		r.Signature = signWith(p256Key(), slices.Concat(authData, hash[:]))
	}
	a.refused(t, CodeClientDataType)

	// Even an authenticator that attests any client data makes no assertion.
	c.clientData = clientDataText("webauthn.get", testChallenge, testOrigin)
	hash = sha256.Sum256([]byte(c.clientData))
	a.refused(t, CodeAuthenticatorDataMalformed)
}

// TestAssertionIsNotChanged sends slices with spare capacity, which must not be written to.
func TestAssertionIsNotChanged(t *testing.T) {
	a := newAnswer()
	a.flags |= flagExtensionData
	a.extensions = cMap(cText("credProtect"), cInt(2))
	r := a.response()
	roomy := append(bytes.Clone(r.AuthenticatorData), bytes.Repeat([]byte{0xee}, 64)...)
	r.AuthenticatorData = roomy[:len(r.AuthenticatorData)]
	before := AssertionResponse{bytes.Clone(r.ClientDataJSON), bytes.Clone(roomy), bytes.Clone(r.Signature)}
	got, err := VerifyAssertion(r, a.policy, a.record)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(got.Extensions, 0xff)
	if !bytes.Equal(r.ClientDataJSON, before.ClientDataJSON) || !bytes.Equal(roomy, before.AuthenticatorData) || !bytes.Equal(r.Signature, before.Signature) {
		t.Error("the response was changed")
	}
}

func TestAssertionDataEveryPrefix(t *testing.T) {
	a := newAnswer()
	a.flags |= flagExtensionData
	a.extensions = cMap(cText("credProtect"), cInt(2))
	whole := a.response().AuthenticatorData
	for n := range len(whole) {
		a.sent = func(r *AssertionResponse) { r.AuthenticatorData = whole[:n] }
		a.refused(t, CodeAuthenticatorDataMalformed)
	}
}

func TestAssertionSizesAreLimited(t *testing.T) {
	a := newAnswer()
	a.clientData = strings.Replace(a.clientData, "{", `{"pad":"`+strings.Repeat("x", maxClientDataLen)+`",`, 1)
	a.refused(t, CodeClientDataMalformed)

	a = newAnswer()
	a.flags |= flagExtensionData
	a.extensions = cMap(cText("pad"), cBytes(make([]byte, maxAssertionDataLen-100)))
	a.accepted(t)
	a.extensions = cMap(cText("pad"), cBytes(make([]byte, maxAssertionDataLen)))
	a.refused(t, CodeAuthenticatorDataMalformed)
}

// TestBadSignaturesAreAlike: the caller gets the same refusal for all of them.
func TestBadSignaturesAreAlike(t *testing.T) {
	var seen *api.Error
	for _, change := range []func(*answer){
		func(a *answer) { a.signer = attKey() },
		func(a *answer) { a.record.PublicKey = nil },
		func(a *answer) { a.record.Algorithm = publickey.RS256 },
		func(a *answer) { a.sent = func(r *AssertionResponse) { r.Signature = nil } },
		func(a *answer) { a.sent = func(r *AssertionResponse) { r.Signature = []byte("not DER") } },
	} {
		a := newAnswer()
		change(a)
		e := a.refused(t, CodeSignatureInvalid)
		if seen == nil {
			seen = e
		}
		if e.Message != seen.Message || e.Code != seen.Code || e.Kind != seen.Kind || e.Details != nil {
			t.Errorf("%v differs from %v", e, seen)
		}
	}
}

func sends(f func(*AssertionResponse)) func(*answer) {
	return func(a *answer) { a.sent = f }
}

// signsInstead signs other bytes than it should, with the right key.
func signsInstead(message func(authData, hash []byte) []byte) func(*answer) {
	return sends(func(r *AssertionResponse) {
		hash := sha256.Sum256(r.ClientDataJSON)
		r.Signature = signWith(p256Key(), message(r.AuthenticatorData, hash[:]))
	})
}

// rawECDSA is r and s side by side, as in JOSE but not in WebAuthn.
func rawECDSA(sig []byte) []byte {
	var out []byte
	r := sig[4 : 4+int(sig[3])]
	s := sig[6+len(r):]
	for _, n := range [][]byte{r, s} {
		out = append(out, padded(bytes.TrimLeft(n, "\x00"), 32)...)
	}
	return out
}

func hashWith(h crypto.Hash, k crypto.Signer) func(*answer) {
	return sends(func(r *AssertionResponse) {
		hash := sha256.Sum256(r.ClientDataJSON)
		sig, err := k.Sign(nil, sum(h, slices.Concat(r.AuthenticatorData, hash[:])), h)
		if err != nil {
			panic(err)
		}
		r.Signature = sig
	})
}
