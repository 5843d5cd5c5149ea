package assertion_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

const challenge = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

// fixture is an organisation with one user, whose credentials are plain keys.
type fixture struct {
	*testing.T
	db       *store.DB
	verifier *assertion.Verifier
	org      store.Organisation
	user     store.User
}

func newFixture(t *testing.T, secondFactor string) *fixture {
	t.Helper()
	db, err := store.Open(t.Context(), database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	site, err := relyingparty.NewSite("https://sign.example.org")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	f := &fixture{T: t, db: db, verifier: &assertion.Verifier{DB: db, Site: site, Now: time.Now, Log: slog.New(slog.DiscardHandler)},
		org: store.Organisation{ID: api.NewID(api.PrefixOrganization, now), Name: "Engines", SecondFactor: secondFactor, CreatedAt: now}}
	f.user = store.User{ID: api.NewID(api.PrefixUser, now), OrgID: f.org.ID, Username: "ada", UsernameKey: "ada", Kind: api.CustomerEmployee,
		Active: true, CreatedAt: now, RegisteredAt: now}
	f.write(func(tx *store.Tx) { tx.CreateOrganisation(f.org); tx.CreateUser(f.user, nil) })
	return f
}

func (f *fixture) write(do func(tx *store.Tx)) {
	f.Helper()
	if err := f.db.Write(f.Context(), func(tx *store.Tx) error { do(tx); return nil }); err != nil {
		f.Fatal(err)
	}
}

// key is a credential with its private key.
type key struct {
	id      string
	private ed25519.PrivateKey
}

func (f *fixture) key(factor string) key {
	f.Helper()
	now := time.Now()
	k := key{id: api.NewID(api.PrefixCredential, now)}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	k.private = private
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		f.Fatal(err)
	}
	f.write(func(tx *store.Tx) {
		tx.AddCredential(store.Credential{ID: k.id, CredentialID: []byte(k.id), OrgID: f.org.ID, UserID: f.user.ID, Kind: api.KindKey, Factor: factor,
			Name: factor, Realm: f.org.ID, PublicKey: spki, Algorithm: "EdDSA", Format: "key", AttestationType: "None", CreatedAt: now}, nil)
	})
	return k
}

// answer is what the client sends.
func (k key) answer() *assertion.Factor {
	clientData := []byte(`{"type":"key.get","challenge":"` + challenge + `"}`)
	return &assertion.Factor{Kind: api.KindKey, UUID: k.id, ClientData: clientData, Signature: ed25519.Sign(k.private, clientData)}
}

func (f *fixture) request() assertion.Request {
	return assertion.Request{Challenge: challenge, RPID: "sign.example.org", OrgID: f.org.ID, Named: true,
		Owner: func(ctx context.Context, first assertion.Factor) (store.Owner, error) {
			return f.db.OwnerByUser(ctx, f.user.ID, first.CredentialID, first.UUID)
		}}
}

func TestFactors(t *testing.T) {
	f := newFixture(t, "required")
	one, other := f.key(store.FactorFirst), f.key(store.FactorFirst)
	verify := func(request assertion.Request, first, second *assertion.Factor) error {
		_, err := f.verifier.Verify(t.Context(), api.Caller{}, request, *first, second)
		return err
	}
	if err := verify(f.request(), one.answer(), nil); err != nil {
		t.Errorf("who has no second factor needs none: %v", err)
	}
	two, recovery := f.key(store.FactorSecond), f.key(store.FactorRecovery)
	forged := one.answer()
	forged.Signature[0] ^= 1
	unknown := one.answer()
	unknown.UUID = api.NewID(api.PrefixCredential, time.Now())
	nobody, ofToken := f.request(), f.request()
	nobody.Owner = func(context.Context, assertion.Factor) (store.Owner, error) { return store.Owner{}, nil }
	ofToken.TokenID = api.NewID(api.PrefixToken, time.Now())
	const refused = "signature_invalid"
	for name, c := range map[string]struct {
		request       assertion.Request
		first, second *assertion.Factor
		code          string
	}{
		"one":                       {f.request(), one.answer(), nil, "second_factor_required"},
		"two":                       {f.request(), one.answer(), two.answer(), ""},
		"two that are first":        {f.request(), one.answer(), other.answer(), ""},
		"one twice":                 {f.request(), one.answer(), one.answer(), "credentials_not_distinct"},
		"a second first":            {f.request(), two.answer(), one.answer(), "first_factor_required"},
		"a second alone":            {f.request(), two.answer(), nil, "first_factor_required"},
		"a recovery key":            {f.request(), recovery.answer(), two.answer(), refused},
		"a recovery key as second":  {f.request(), one.answer(), recovery.answer(), refused},
		"a forged signature":        {f.request(), forged, two.answer(), refused},
		"a forged second signature": {f.request(), one.answer(), forged, refused},
		"an unknown credential":     {f.request(), unknown, two.answer(), refused},
		"an unknown second":         {f.request(), one.answer(), unknown, refused},
		"an unknown user":           {nobody, one.answer(), two.answer(), refused},
		"a token that has no key":   {ofToken, one.answer(), nil, refused},
	} {
		if err := verify(c.request, c.first, c.second); api.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
	deactivate := func(k key) {
		f.write(func(tx *store.Tx) {
			tx.DeactivateCredential(store.Credential{ID: k.id, OrgID: f.org.ID, UserID: f.user.ID}, time.Now(), nil)
		})
	}
	deactivate(other)
	if err := verify(f.request(), other.answer(), two.answer()); api.CodeOf(err) != "credential_inactive" {
		t.Errorf("a deactivated credential: %v", err)
	}
	deactivate(two)
	if err := verify(f.request(), one.answer(), nil); err != nil {
		t.Errorf("a deactivated second factor is demanded: %v", err)
	}
}

// A change between reading and writing makes the unit fail, and Explain says what it was.
func TestExplain(t *testing.T) {
	f := newFixture(t, "")
	one, two := f.key(store.FactorFirst), f.key(store.FactorSecond)
	request := f.request()
	done, err := f.verifier.Verify(t.Context(), api.Caller{}, request, *one.answer(), two.answer())
	if err != nil {
		t.Fatal(err)
	}
	write := func(record func(assertion.Verified, *store.Tx)) string {
		err := f.db.Write(t.Context(), func(tx *store.Tx) error { record(done, tx); return nil })
		if err != nil {
			err = f.verifier.Explain(t.Context(), done, err)
		}
		return api.CodeOf(err)
	}
	for name, record := range map[string]func(assertion.Verified, *store.Tx){
		"RecordUse": assertion.Verified.RecordUse, "RecordUseUnlessRecent": assertion.Verified.RecordUseUnlessRecent} {
		if code := write(record); code != "" {
			t.Errorf("%s: %s", name, code)
		}
	}
	if code := api.CodeOf(f.verifier.Explain(t.Context(), done, ceremony.ErrChallengeUsed)); code != "challenge_used" {
		t.Errorf("an effect that was lost: %s", code)
	}
	if code := api.CodeOf(f.verifier.Explain(t.Context(), done, api.Missing("path"))); code != "member_missing" {
		t.Errorf("another error: %s", code)
	}
	f.write(func(tx *store.Tx) {
		tx.DeactivateCredential(store.Credential{ID: two.id, OrgID: f.org.ID, UserID: f.user.ID}, time.Now(), nil)
	})
	if code := write(assertion.Verified.RecordUseUnlessRecent); code != "credential_inactive" {
		t.Errorf("a second factor that was deactivated: %s", code)
	}
}

// Clients name a key by either id.
func TestReadTakesEitherID(t *testing.T) {
	id := api.NewID(api.PrefixCredential, time.Now())
	for _, sent := range []string{id, base64.RawURLEncoding.EncodeToString([]byte(id))} {
		in := api.SignedChallenge{FirstFactor: &api.CredentialAssertion{Kind: api.KindKey}}
		in.FirstFactor.CredentialAssertion.CredID, in.FirstFactor.CredentialAssertion.ClientData, in.FirstFactor.CredentialAssertion.Signature = sent, "e30", "e30"
		first, second, err := assertion.Read(in)
		if err != nil || second != nil || first.UUID != id && string(first.CredentialID) != id {
			t.Errorf("%s: %+v, %v, %v", sent, first, second, err)
		}
	}
}
