package guard_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/receipt"
)

// guarded is a service in this process. It answers what its handler knows of who signed.
func guarded(t *testing.T, c guard.Config) string {
	t.Helper()
	g, err := guard.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a, ok := guard.From(r.Context())
		json.NewEncoder(w).Encode(map[string]any{"action": a, "known": ok, "body": string(body), "receipt": []byte(a.Receipt)})
	})))
	t.Cleanup(s.Close)
	return s.URL
}

// What the handler learns, for a person with a passkey and a machine with a key; and the
// receipt proves it without the server.
func TestWhatTheHandlerLearns(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	org, ada := srv.Administrator(t, "Analytical Engines")
	const origin = "https://pay.example.org"
	url := guarded(t, guard.Config{Server: srv.URL, Origin: origin, OrgIDs: []string{org.ID}})
	for kind, p := range map[string]*countersigntest.Person{
		api.KindFido2: ada,
		api.KindKey:   srv.RegisterKey(t, srv.Invite(t, org.ID, "machine"), publickey.Ed25519),
	} {
		t.Run(kind, func(t *testing.T) {
			session, err := p.Client.LogIn(t.Context(), org.ID, p.Username, p.Signer())
			if err != nil {
				t.Fatal(err)
			}
			token, err := session.SignFor(t.Context(), "POST", origin+"/transfers", []byte(transfer))
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest("POST", url+"/transfers", strings.NewReader(transfer))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(api.HeaderUserAction, token)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var got struct {
				Action  guard.Action
				Known   bool
				Body    string
				Receipt []byte // apart, since JSON inside of JSON loses its layout
			}
			if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != 200 {
				t.Fatalf("answered %d, %v", res.StatusCode, err)
			}
			a := got.Action
			if !got.Known || got.Body != transfer || a.OrgID != org.ID || a.UserID != p.UserID || a.Username != p.Username || a.CredentialKind != kind ||
				!api.ValidID(api.PrefixAction, a.ActionID) || !api.ValidID(api.PrefixCredential, a.CredentialUUID) || time.Since(a.SignedAt).Abs() > time.Minute {
				t.Errorf("the handler learns %+v", got)
			}
			proven, _, err := receipt.Verify(got.Receipt, nil)
			if err != nil {
				t.Fatal(err)
			}
			if proven.Who.UserID != p.UserID || proven.Action.ID != a.ActionID || proven.Action.Path != origin+"/transfers" || proven.Action.Payload != transfer {
				t.Errorf("the receipt proves %+v of %+v", proven.Action, proven.Who)
			}
		})
	}
}

// Two organisations of one server: the other's signature does not pass.
func TestAnotherOrganisation(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	other := srv.Organisation(t, "Difference Engines")
	f := front{url: guarded(t, guard.Config{Server: srv.URL, OrgIDs: []string{other.ID}})}
	wantRefused(t, f.request(t, ada.sign(f)), 403, invalid)
}

// A signature for this service does nothing at Countersign itself, nor at another
// service, and the other way round.
func TestAnotherService(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	pay := front{url: guarded(t, guard.Config{Server: srv.URL, Origin: "https://pay.example.org"})}
	plain := front{url: guarded(t, guard.Config{Server: srv.URL})}
	forPay := ada.Sign(t, ada.token, "POST", "https://pay.example.org/transfers?fast=1", transfer)
	wantRefused(t, plain.request(t, forPay), 403, invalid)
	wantRefused(t, pay.request(t, ada.Sign(t, ada.token, "POST", "/transfers?fast=1", transfer)), 403, invalid)
	wantRefused(t, pay.request(t, ada.Sign(t, ada.token, "POST", srv.URL+"/transfers?fast=1", transfer)), 403, invalid)

	const guest = `{"email":"grace@example.org","kind":"CustomerEmployee"}`
	r, err := http.NewRequest("POST", srv.URL+"/auth/users", strings.NewReader(guest))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ada.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(api.HeaderUserAction, ada.Sign(t, ada.token, "POST", "https://pay.example.org/auth/users", guest))
	wantRefused(t, r, 403, invalid)
}
