package credential_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	listPath       = "/auth/credentials"
	initPath       = "/auth/credentials/init"
	activatePath   = "/auth/credentials/activate"
	deactivatePath = "/auth/credentials/deactivate"
	codePath       = "/auth/credentials/code"
	codeInitPath   = "/auth/credentials/code/init"
	verifyPath     = "/auth/credentials/code/verify"
)

// sorts are the sorts of credential in the order of their strength; a recovery key is none of it.
var sorts = []string{"protected key", "key", "synced passkey", "device passkey"}

const recoveryKey = "recovery key"

// owner is somebody with a session, and the credential that signs.
type owner struct {
	*countersigntest.Person
	h     *world.Organisation
	token string
}

func employee(t testing.TB, h *world.Organisation, options ...authenticator.Options) owner {
	t.Helper()
	p := h.Employee(t, options...)
	return owner{p, h, p.LogIn(t)}
}

// with is the owner who signs with another credential, in the same session.
func (o owner) with(p *countersigntest.Person) owner { o.Person = p; return o }

func (o owner) call(t testing.TB, method, path string, body any) world.Answer {
	t.Helper()
	text := ""
	if body != nil {
		text = world.JSON(t, body)
	}
	return o.h.Call(t, method, path, o.token, o.Sign(t, o.token, method, path, text), text)
}

func (o owner) list(t testing.TB) []api.Credential {
	t.Helper()
	return world.Read[api.CredentialList](t, o.h.Call(t, "GET", listPath, o.token, "", "")).Items
}

func kindOf(sort string) string {
	return map[string]string{"protected key": api.KindPasswordProtectedKey, "key": api.KindKey, "synced passkey": api.KindFido2,
		"device passkey": api.KindFido2, recoveryKey: api.KindRecoveryKey}[sort]
}

// offer makes a credential of a sort that answers a challenge, and who signs with it.
func (o owner) offer(t testing.TB, c api.CredentialChallenge, sort string) (api.NewCredential, *countersigntest.Person) {
	t.Helper()
	as := &countersigntest.Person{Invitation: o.Invitation, Origin: o.h.URL, Client: o.Client}
	in := api.NewCredential{ChallengeIdentifier: c.ChallengeIdentifier}
	if c.Kind == api.KindFido2 {
		synced := sort == "synced passkey"
		made, passkey, err := authenticator.New().Create(api.RegistrationChallenge{Challenge: c.Challenge, User: c.User, RP: c.RP,
			Attestation: c.Attestation, PubKeyCredParams: c.PubKeyCredParams, AuthenticatorSelection: *c.AuthenticatorSelection},
			authenticator.Options{Origin: o.h.URL, BackupEligible: synced, BackupState: synced})
		world.Must(t, err)
		in.CredentialAttestation, as.Passkey = made, passkey
	} else {
		as.Key = authenticator.NewKeySigner("P-256")
		in.CredentialAttestation = as.Key.Create(c.Challenge, c.Kind)
	}
	in.CredentialName = sort
	return in, as
}

func (o owner) begin(t testing.TB, kind string) api.CredentialChallenge {
	t.Helper()
	return world.Read[api.CredentialChallenge](t, o.h.Send(t, "POST", initPath, world.Bearer(o.token), api.CredentialChallengeRequest{Kind: kind}))
}

func (o owner) tryAdd(t testing.TB, sort string) (world.Answer, *countersigntest.Person) {
	t.Helper()
	in, as := o.offer(t, o.begin(t, kindOf(sort)), sort)
	return o.call(t, "POST", listPath, in), as
}

func (o owner) add(t testing.TB, sort string) (api.Credential, *countersigntest.Person) {
	t.Helper()
	a, as := o.tryAdd(t, sort)
	return world.Read[api.Credential](t, a), as
}

func uuid(c api.Credential) api.CredentialUUIDRequest {
	return api.CredentialUUIDRequest{CredentialUUID: c.CredentialUUID}
}

// A person adds, lists, deactivates, activates, uses and removes credentials.
func TestLifeOfACredential(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		ada := employee(t, h)
		first := ada.list(t)
		if len(first) != 1 || !first[0].IsActive || first[0].RelyingPartyID == "" || first[0].Origin != h.URL || !strings.HasPrefix(first[0].PublicKey, "-----BEGIN PUBLIC KEY-----\n") {
			t.Fatalf("first %+v", first)
		}
		if c := ada.begin(t, api.KindFido2); len(c.ExcludeCredentials) != 1 || c.ExcludeCredentials[0].ID != ada.CredentialID() || c.ChallengeIdentifier != c.TemporaryAuthenticationToken {
			t.Errorf("challenge %+v", c)
		}
		second, other := ada.add(t, "device passkey")
		if second.Name != "device passkey" || second.Kind != api.KindFido2 || !second.IsActive || second.CredentialID != other.CredentialID() {
			t.Errorf("added %+v", second)
		}
		if all := ada.list(t); len(all) != 2 || all[1] != second {
			t.Errorf("listed %+v", all)
		}
		token := other.LogIn(t)
		body := world.JSON(t, uuid(first[0]))
		pending := other.Sign(t, token, "PUT", activatePath, body)
		for range 2 { // idempotent
			ada.call(t, "PUT", deactivatePath, uuid(second)).Wants(t, "deactivate", 200, "")
		}
		if all := ada.list(t); all[1].IsActive {
			t.Error("active after it was deactivated")
		}
		h.RefusedAs(t, "its session", h.Call(t, "GET", listPath, token, "", ""), 401, "token_invalid")
		h.RefusedAs(t, "what it signed", h.Call(t, "PUT", activatePath, ada.token, pending, body), 403, "user_action_invalid")
		ada.call(t, "PUT", activatePath, uuid(second)).Wants(t, "activate", 200, "")
		ada.call(t, "PUT", activatePath, uuid(second)).Wants(t, "activate again", 200, "")
		other.LogIn(t)

		// The first removes itself: that ends its own session, and nobody signs with it again.
		owner{other, h, other.LogIn(t)}.call(t, "DELETE", listPath+"/"+first[0].CredentialUUID, nil).Wants(t, "remove", 200, "")
		h.RefusedAs(t, "the removed one's session", h.Call(t, "GET", listPath, ada.token, "", ""), 401, "token_invalid")
		c := h.InitLogin(t, h.Org.ID, ada.Username)
		if len(c.AllowCredentials.WebAuthn) != 1 {
			t.Errorf("a removed passkey is offered at login: %+v", c.AllowCredentials)
		}
		h.RefusedAs(t, "log in with it", h.Post(t, "/auth/login", world.Signed(t, ada.Person, c)), 401, "credential_inactive")
		left := owner{other, h, other.LogIn(t)}
		if all := left.list(t); len(all) != 1 || all[0] != second {
			t.Errorf("left are %+v", all)
		}
		for path, in := range map[string]api.CredentialUUIDRequest{activatePath: uuid(first[0]), deactivatePath: uuid(first[0])} {
			h.RefusedAs(t, path, left.call(t, "PUT", path, in), 404, "credential_not_found")
		}
		h.RefusedAs(t, "remove again", left.call(t, "DELETE", listPath+"/"+first[0].CredentialUUID, nil), 404, "credential_not_found")
		for kind, n := range map[string]int{store.EventCredentialAdded: 1, store.EventCredentialDeactivated: 1, store.EventCredentialActivated: 1, store.EventCredentialRemoved: 1} {
			if got := len(h.EventsOf(t, userID(t, h, ada.Username), kind)); got != n {
				t.Errorf("%d events %s, want %d", got, kind, n)
			}
		}
		srv.Outbox.Finish()
		told := 0
		for _, m := range srv.Mailbox.Messages() {
			if strings.Contains(string(m.Data), "tell an administrator") {
				told++
			}
		}
		if told != 4 {
			t.Errorf("the owner was told %d times, want 4", told)
		}
	}, countersigntest.Mail())
}

func userID(t testing.TB, h *world.Organisation, name string) string {
	t.Helper()
	u, err := h.DB.UserByName(t.Context(), h.Org.ID, name)
	world.Must(t, err)
	return u.ID
}

// Who may touch what with which credential: one at least as strong. A recovery key, which can replace
// everything, is as strong as the strongest.
func TestProofsAndTargets(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		signers := map[string]owner{"device passkey": ada}
		for _, sort := range sorts[:3] {
			_, as := ada.add(t, sort)
			signers[sort] = ada.with(as)
		}
		for at, target := range append(slices.Clone(sorts), recoveryKey) {
			for rank, sort := range sorts {
				signer, allowed := signers[sort], rank >= at
				if target == recoveryKey {
					allowed = sort == "device passkey"
				}
				want := func(what string, a world.Answer) {
					t.Helper()
					what = fmt.Sprintf("%s, %s a %s", sort, what, target)
					if allowed {
						a.Wants(t, what, 200, "")
					} else {
						h.RefusedAs(t, what, a, 403, "credential_too_weak")
					}
				}
				added, _ := signer.tryAdd(t, target)
				want("add", added)
				one, _ := ada.add(t, target)
				want("deactivate", signer.call(t, "PUT", deactivatePath, uuid(one)))
				ada.call(t, "PUT", deactivatePath, uuid(one)).Wants(t, "deactivate", 200, "")
				want("activate", signer.call(t, "PUT", activatePath, uuid(one)))
				want("remove", signer.call(t, "DELETE", listPath+"/"+one.CredentialUUID, nil))
			}
		}
	})
}

// The last credential that logs its user in stays, unless there is a recovery key and the user says so.
// Of many removals at once one credential is left.
func TestLastCredential(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		only := ada.list(t)[0]
		remove := listPath + "/" + only.CredentialUUID
		refused := func(what, force string) {
			t.Helper()
			h.RefusedAs(t, what, ada.call(t, "PUT", deactivatePath+force, uuid(only)), 409, "credential_last")
			h.RefusedAs(t, what, ada.call(t, "DELETE", remove+force, nil), 409, "credential_last")
		}
		refused("the only one", "")
		refused("the only one, by force", "?force=true")
		recovery, _ := ada.add(t, recoveryKey)
		refused("beside a recovery key", "")
		ada.call(t, "PUT", deactivatePath, uuid(recovery)).Wants(t, "the recovery key", 200, "")
		refused("beside one that is inactive", "?force=true")
		ada.call(t, "PUT", activatePath, uuid(recovery)).Wants(t, "the recovery key", 200, "")
		ada.call(t, "DELETE", remove+"?force=true", nil).Wants(t, "by force", 200, "")

		bob := employee(t, h)
		_, other := bob.add(t, "device passkey")
		both := bob.list(t)
		var calls []func() world.Answer
		for i := range 50 {
			as, target := bob, both[1]
			if i%2 == 1 {
				as, target = owner{other, h, bob.token}, both[0]
			}
			path, method := listPath+"/"+target.CredentialUUID, "DELETE"
			body := ""
			if i%4 > 1 {
				path, method, body = deactivatePath, "PUT", world.JSON(t, uuid(target))
			}
			action := as.Sign(t, bob.token, method, path, body)
			calls = append(calls, func() world.Answer { return h.Call(t, method, path, bob.token, action, body) })
		}
		h.Race(t, calls, "credential_last", "user_action_invalid", "credential_not_found", "token_invalid")
		rows, err := h.DB.CredentialsOfUser(t.Context(), userID(t, h, bob.Username))
		world.Must(t, err)
		active := 0
		for _, c := range rows {
			if c.Active {
				active++
			}
		}
		if active != 1 {
			t.Errorf("%d credentials are left active, want 1", active)
		}
	})
}

// What is not the caller's own, or not what the ceremony was begun for, is refused, and nothing changes.
func TestStrangeCredentials(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob := employee(t, h), employee(t, h)
		key, _ := ada.add(t, "key")
		bobs := bob.list(t)[0]
		elsewhere, stranger := h.Elsewhere(t)
		other := owner{stranger, world.On(t, h.Server, elsewhere), stranger.LogIn(t)}
		theirs := other.list(t)[0]
		before := world.JSON(t, [][]api.Credential{ada.list(t), bob.list(t), other.list(t)})

		for name, id := range map[string]string{"a colleague's": bobs.CredentialUUID, "a stranger's": theirs.CredentialUUID, "nobody's": world.NobodysID("cr"),
			"the raw id": key.CredentialID, "a user's": userID(t, h, ada.Username), "injected": "' OR 1=1 --", "a NUL": "cr-\x00"} {
			for _, path := range []string{activatePath, deactivatePath} {
				h.RefusedAs(t, name+" "+path, ada.call(t, "PUT", path, api.CredentialUUIDRequest{CredentialUUID: id}), 404, "credential_not_found")
			}
		}
		h.RefusedAs(t, "no id", ada.call(t, "PUT", deactivatePath, map[string]any{}), 400, "member_missing")
		h.RefusedAs(t, "remove a colleague's", ada.call(t, "DELETE", listPath+"/"+bobs.CredentialUUID, nil), 404, "credential_not_found")
		for kind, code := range map[string]string{"": "member_missing", "Totp": "credential_kind_not_supported", "Password": "credential_kind_not_supported", "fido2": "credential_kind_not_supported", "x": "credential_kind_not_supported"} {
			h.RefusedAs(t, "kind "+kind, h.Send(t, "POST", initPath, world.Bearer(ada.token), map[string]string{"kind": kind}), 400, code)
		}

		in, _ := ada.offer(t, ada.begin(t, api.KindKey), "key")
		bobsOffer, _ := bob.offer(t, bob.begin(t, api.KindKey), "key")
		passkey := ada.begin(t, api.KindFido2)
		again := owner{ada.Person, h, ada.LogIn(t)}
		change := func(f func(*api.NewCredential)) api.NewCredential { c := in; f(&c); return c }
		for name, c := range map[string]struct {
			as   owner
			in   api.NewCredential
			code string
		}{
			"another's ceremony": {ada, bobsOffer, "challenge_invalid"},
			"another session's":  {again, in, "challenge_invalid"},
			"of another kind":    {ada, change(func(c *api.NewCredential) { c.ChallengeIdentifier = passkey.ChallengeIdentifier }), "challenge_invalid"},
			"as a recovery key":  {ada, change(func(c *api.NewCredential) { c.CredentialKind = api.KindRecoveryKey }), "challenge_invalid"},
			"a login's ticket": {ada, change(func(c *api.NewCredential) {
				c.ChallengeIdentifier = h.InitLogin(t, h.Org.ID, ada.Username).ChallengeIdentifier
			}), "challenge_invalid"},
			"an action's ticket": {ada, change(func(c *api.NewCredential) {
				c.ChallengeIdentifier = h.InitAction(t, ada.token, "POST", "/x", "").ChallengeIdentifier
			}), "challenge_invalid"},
			"its session token":    {ada, change(func(c *api.NewCredential) { c.ChallengeIdentifier = ada.token }), "challenge_invalid"},
			"no ticket":            {ada, change(func(c *api.NewCredential) { c.ChallengeIdentifier = "" }), "challenge_invalid"},
			"no name":              {ada, change(func(c *api.NewCredential) { c.CredentialName = "" }), "member_missing"},
			"a long name":          {ada, change(func(c *api.NewCredential) { c.CredentialName = strings.Repeat("a", 10_000) }), "credential_name_invalid"},
			"a name of controls":   {ada, change(func(c *api.NewCredential) { c.CredentialName = "a\x07b" }), "credential_name_invalid"},
			"a name turned around": {ada, change(func(c *api.NewCredential) { c.CredentialName = "a\u202eb" }), "credential_name_invalid"},
			"an invisible name":    {ada, change(func(c *api.NewCredential) { c.CredentialName = "\u3164" }), "credential_name_invalid"},
			"no credential id":     {ada, change(func(c *api.NewCredential) { c.CredentialInfo.CredID = "" }), "member_missing"},
			"no kind":              {ada, change(func(c *api.NewCredential) { c.CredentialKind = "" }), "member_missing"},
			"a hidden private key": {ada, change(func(c *api.NewCredential) { c.EncryptedPrivateKey = "x" }), "encrypted_key_not_allowed"},
		} {
			h.RefusedAs(t, name, c.as.call(t, "POST", listPath, c.in), 400, c.code)
		}
		// A key that somebody has is nobody else's, and not registered twice.
		known, _ := ada.offer(t, ada.begin(t, api.KindKey), "key")
		ada.call(t, "POST", listPath, known).Wants(t, "once", 200, "")
		h.RefusedAs(t, "twice", ada.call(t, "POST", listPath, known), 409, "credential_already_registered")
		for _, c := range ada.list(t) {
			if c.CredentialUUID != key.CredentialUUID && c.Kind == api.KindKey {
				ada.call(t, "DELETE", listPath+"/"+c.CredentialUUID, nil).Wants(t, "remove", 200, "")
			}
		}
		h.RefusedAs(t, "again, once removed", ada.call(t, "POST", listPath, known), 409, "credential_already_registered")
		if after := world.JSON(t, [][]api.Credential{ada.list(t), bob.list(t), other.list(t)}); after != before {
			t.Errorf("changed from\n%s\nto\n%s", before, after)
		}
		h.RefusedAs(t, "without a signature", h.Call(t, "DELETE", listPath+"/"+key.CredentialUUID, ada.token, "", ""), 403, "user_action_invalid")
		h.RefusedAs(t, "without a session", h.Call(t, "GET", listPath, "", "", ""), 401, "token_invalid")
	})
}

// A code adds a credential from a device that has nothing else: once, within a minute, with the strength
// of what signed for it.
func TestCodes(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob := employee(t, h), employee(t, h)
		code := func(o owner, left time.Duration) api.CredentialCode {
			t.Helper()
			return world.Read[api.CredentialCode](t, o.call(t, "POST", codePath, map[string]any{"expiration": h.Clock.Now().Add(left).UTC().Format(time.RFC3339Nano)}))
		}
		begin := func(code, sort string) api.CredentialChallenge {
			t.Helper()
			return world.Read[api.CredentialChallenge](t, h.Post(t, codeInitPath, api.CredentialChallengeWithCodeRequest{CredentialKind: kindOf(sort), Code: code}))
		}
		invalid := func(what, code string) {
			t.Helper()
			h.RefusedAs(t, what, h.Post(t, codeInitPath, api.CredentialChallengeWithCodeRequest{CredentialKind: api.KindFido2, Code: code}), 403, "credential_code_invalid")
		}
		for name, body := range map[string]any{"in a past": h.Clock.Now().Add(-time.Second).UTC().Format(time.RFC3339), "an hour ahead": h.Clock.Now().Add(time.Hour).Unix(),
			"an hour, in milliseconds": h.Clock.Now().Add(time.Hour).UnixMilli(), "no time": "tomorrow", "a fraction": 1.5, "negative": -1, "zero": 0, "a list": []int{1}, "true": true} {
			h.RefusedAs(t, name, ada.call(t, "POST", codePath, map[string]any{"expiration": body}), 400, "expiration_invalid")
		}
		h.RefusedAs(t, "no expiration", ada.call(t, "POST", codePath, map[string]any{}), 400, "member_missing")
		for _, at := range []any{h.Clock.Now().Add(50 * time.Second).Unix(), h.Clock.Now().Add(50 * time.Second).UnixMilli()} {
			world.Read[api.CredentialCode](t, ada.call(t, "POST", codePath, map[string]any{"expiration": at}))
		}

		older := code(ada, time.Minute)
		c := code(ada, time.Minute)
		invalid("replaced", older.Code)
		invalid("nobody's", "AAA-AAA-AAA")
		invalid("a registration code", ada.RegistrationCode)
		h.RefusedAs(t, "no code", h.Post(t, codeInitPath, map[string]string{"credentialKind": "Fido2"}), 400, "member_missing")
		h.RefusedAs(t, "no such kind", h.Post(t, codeInitPath, map[string]string{"credentialKind": "Totp", "code": c.Code}), 400, "credential_kind_not_supported")
		offers := make([]api.NewCredential, 20)
		for i := range offers {
			offers[i], _ = ada.offer(t, begin(strings.ToLower(strings.ReplaceAll(c.Code, "-", " ")), "device passkey"), "device passkey")
		}
		inSession, _ := ada.offer(t, ada.begin(t, api.KindFido2), "device passkey")
		h.RefusedAs(t, "a session's ceremony", h.Post(t, verifyPath, inSession), 400, "challenge_invalid")
		h.RefusedAs(t, "a code's ceremony in a session", ada.call(t, "POST", listPath, offers[0]), 400, "challenge_invalid")
		h.Clock.Advance(time.Minute)
		invalid("after a minute", c.Code)
		var calls []func() world.Answer
		for _, in := range offers { // what was begun in time is completed, once
			calls = append(calls, func() world.Answer { return h.Post(t, verifyPath, in) })
		}
		if won := h.Race(t, calls, "credential_code_invalid"); won != 1 {
			t.Errorf("%d credentials by one code", won)
		}
		if n := len(ada.list(t)); n != 2 {
			t.Errorf("%d credentials, want 2", n)
		}
		invalid("used", c.Code)

		// A weak credential's code adds no strong one, and one that is deactivated adds none.
		_, weak := bob.add(t, "key")
		bobs := code(bob.with(weak), time.Minute)
		in, _ := bob.offer(t, begin(bobs.Code, "device passkey"), "device passkey")
		h.RefusedAs(t, "by a weaker one", h.Post(t, verifyPath, in), 403, "credential_too_weak")
		in, _ = bob.offer(t, begin(bobs.Code, "key"), "key")
		for _, k := range bob.list(t) {
			if k.Kind == api.KindKey {
				bob.call(t, "PUT", deactivatePath, uuid(k)).Wants(t, "deactivate", 200, "")
			}
		}
		invalidOr := h.Post(t, verifyPath, in)
		h.RefusedAs(t, "by one deactivated since", invalidOr, 401, "credential_inactive")
		h.RefusedAs(t, "begin by one deactivated since", h.Post(t, codeInitPath, map[string]string{"credentialKind": "Key", "code": bobs.Code}), 401, "credential_inactive")
		h.KeepsSecret(t, nil, c.Code, bobs.Code)
	})
}

// Programs keep no credentials, and nobody has more than a hundred.
func TestWhoHasCredentials(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		_, machine := h.ServiceAccount(t, h.Org.ID, "machine")
		_, pat := h.PersonalToken(t, h.Session(t, ada.Person), "program", "")
		for _, s := range []string{machine.Token, pat.Token} {
			for _, path := range []string{initPath, codePath, listPath} {
				h.RefusedAs(t, path, h.Send(t, "POST", path, world.Bearer(s), map[string]string{"kind": "Key"}), 403, "permission_denied")
			}
		}
		h.RefusedAs(t, "a machine lists", h.Call(t, "GET", listPath, machine.Token, "", ""), 403, "permission_denied")
		if all := world.Read[api.CredentialList](t, h.Call(t, "GET", listPath, pat.Token, "", "")); len(all.Items) != 1 {
			t.Errorf("a personal access token lists %+v", all)
		}
		u, err := h.DB.UserByName(t.Context(), h.Org.ID, ada.Username)
		world.Must(t, err)
		world.Must(t, h.DB.Write(t.Context(), func(tx *store.Tx) error {
			for i := range 99 {
				id := api.NewID(api.PrefixCredential, time.Now())
				tx.AddCredential(store.Credential{ID: id, OrgID: u.OrgID, UserID: u.ID, Kind: api.KindKey, Factor: store.FactorFirst, Name: "filler", Realm: u.OrgID,
					CredentialID: []byte(id), PublicKey: fmt.Append(nil, "key ", i), CreatedAt: time.Now()}, nil)
			}
			return nil
		}))
		a, _ := ada.tryAdd(t, "key")
		h.RefusedAs(t, "the 101st", a, http.StatusConflict, "too_many_credentials")
	})
}

// A weaker credential that may touch a recovery key, because its owner has no stronger one, may not any
// more once there is one, even at the same moment.
func TestRecoveryKeyWhileAStrongerCredentialIsAdded(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		_, weak := ada.add(t, "key")
		strong := ada.list(t)[0]
		ada.add(t, "device passkey")
		world.Must(t, h.DB.Write(t.Context(), func(tx *store.Tx) error { // both passkeys are inactive, the key alone is left
			for _, c := range ada.list(t) {
				if c.Kind == api.KindFido2 {
					tx.DeactivateOwnCredential(store.Credential{ID: c.CredentialUUID, OrgID: h.Org.ID, UserID: userID(t, h, ada.Username)}, h.Clock.Now(), nil)
				}
			}
			return nil
		}))
		ada.Person = weak
		ada.token = weak.LogIn(t)
		in, _ := ada.offer(t, ada.begin(t, api.KindRecoveryKey), recoveryKey)
		body := world.JSON(t, in)
		action := ada.Sign(t, ada.token, "POST", listPath, body)
		activated := make(chan error)
		go func() {
			activated <- h.DB.Write(t.Context(), func(tx *store.Tx) error { tx.ActivateCredential(strong.CredentialUUID, h.Org.ID, nil); return nil })
		}()
		a := h.Call(t, "POST", listPath, ada.token, action, body)
		world.Must(t, <-activated)
		if a.Status != 200 {
			h.RefusedAs(t, "at the same moment", a, 403, "credential_too_weak")
		}
		again, _ := ada.tryAdd(t, recoveryKey)
		h.RefusedAs(t, "once there is a stronger one", again, 403, "credential_too_weak")
	})
}

// However often a credential is deactivated at once, the log and the owner are told once, and so of what
// activates it.
func TestDeactivatedOnce(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		ada := employee(t, h)
		second, _ := ada.add(t, "key")
		body := world.JSON(t, uuid(second))
		for path, kind := range map[string]string{deactivatePath: store.EventCredentialDeactivated, activatePath: store.EventCredentialActivated} {
			if kind == store.EventCredentialActivated {
				ada.call(t, "PUT", deactivatePath, uuid(second)).Wants(t, "deactivate", 200, "")
			} else {
				ada.call(t, "PUT", activatePath, uuid(second)).Wants(t, "activate", 200, "")
			}
			before := len(h.EventsOf(t, userID(t, h, ada.Username), kind))
			srv.Outbox.Finish()
			mails := len(srv.Mailbox.Messages())
			var calls []func() world.Answer
			for range 20 {
				action := ada.Sign(t, ada.token, "PUT", path, body)
				calls = append(calls, func() world.Answer { return h.Call(t, "PUT", path, ada.token, action, body) })
			}
			if won := h.Race(t, calls); won != 20 {
				t.Errorf("%s: %d of 20 were answered", path, won)
			}
			srv.Outbox.Finish()
			if n, m := len(h.EventsOf(t, userID(t, h, ada.Username), kind))-before, len(srv.Mailbox.Messages())-mails; n != 1 || m != 1 {
				t.Errorf("%s: %d events and %d mails of one change", path, n, m)
			}
		}
	}, countersigntest.Mail())
}

// A synced passkey whose copy says of itself that it stays on one device is no stronger for that: whoever has
// the private key has it say what they like. What it says is recorded.
func TestAPasskeyDoesNotMakeItselfStronger(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		_, synced := ada.add(t, "synced passkey")
		target := ada.list(t)[0]
		lie := world.Flipped(0x18) // neither eligible for backup nor backed up
		h.Post(t, "/auth/login", world.Signed(t, synced, h.InitLogin(t, h.Org.ID, ada.Username), lie)).Wants(t, "log in", 200, "")
		path := listPath + "/" + target.CredentialUUID
		for _, how := range [][]authenticator.Options{{}, {lie}} {
			c := h.InitAction(t, ada.token, "DELETE", path, "")
			action := world.Read[api.ActionResult](t, h.Send(t, "POST", "/auth/action", world.Bearer(ada.token), world.Signed(t, synced, c, how...))).UserAction
			h.RefusedAs(t, "a stronger one", h.Call(t, "DELETE", path, ada.token, action, ""), 403, "credential_too_weak")
		}
		if events := h.EventsOf(t, userID(t, h, ada.Username), store.EventCredentialBackupChanged); len(events) == 0 {
			t.Error("nothing was recorded")
		}
	})
}
