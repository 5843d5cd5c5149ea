package attack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// in invites a guest of another organisation of the same server.
func (h *house) in(t *testing.T, org store.Organisation) *guest {
	t.Helper()
	home := h.org
	h.org = org
	defer func() { h.org = home }()
	return h.guest(t)
}

// No code, token or challenge works for anybody or anything but what it was made for.
func TestSubstitutedCeremonies(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		port := h.URL[strings.LastIndex(h.URL, ":"):]
		elsewhere := h.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
		apart := h.OrganisationWith(t, organisation.New{Name: "Apart", RPID: "app.localhost", Origins: []string{"http://app.localhost" + port}})
		ada, bob, eve, zoe := h.guest(t), h.guest(t), h.in(t, elsewhere), h.in(t, apart)
		guests := []*guest{ada, bob, eve, zoe}

		// Codes.
		for _, a := range guests {
			for _, b := range guests {
				if a == b {
					continue
				}
				for _, in := range []api.InitRegistrationRequest{
					{OrgID: b.OrgID, Username: b.Username, RegistrationCode: a.RegistrationCode},
					{OrgID: a.OrgID, Username: b.Username, RegistrationCode: a.RegistrationCode},
				} {
					h.refused(t, h.post(t, initPath, in), codes("registration_refused"), a.RegistrationCode, b.Username)
				}
			}
		}
		// A guest of one organisation is nobody in the next, with the right code too.
		h.refused(t, h.post(t, initPath, api.InitRegistrationRequest{OrgID: elsewhere.ID, Username: ada.Username, RegistrationCode: ada.RegistrationCode}), codes("registration_refused"))

		// Tokens and challenges.
		challenges := map[*guest]api.RegistrationChallenge{}
		for _, g := range guests {
			challenges[g] = g.begin(t)
		}
		for _, a := range guests {
			for _, b := range guests {
				if a == b {
					continue
				}
				origin := h.URL
				if b == zoe {
					origin = apart.Origins[0]
				}
				for _, o := range []authenticator.Options{{Origin: origin}, {Origin: origin, Format: authenticator.PackedSelf}} {
					answer := b.passkey(t, challenges[b], o)
					a.h.refused(t, a.complete(t, challenges[a].TemporaryAuthenticationToken, first(answer)), codes("challenge_mismatch"), challenges[a].Challenge, challenges[b].Challenge)
				}
				key := authenticator.NewKeySigner(publickey.P256).Create(challenges[b].Challenge, api.KindKey)
				h.refused(t, a.complete(t, challenges[a].TemporaryAuthenticationToken, first(key)), codes("challenge_mismatch"))
			}
			again := a.begin(t)
			answer := a.passkey(t, challenges[a], authenticator.Options{})
			h.refused(t, a.complete(t, again.TemporaryAuthenticationToken, first(answer)), codes("challenge_mismatch"))
		}

		// Relying parties.
		c := challenges[ada]
		for name, o := range map[string]authenticator.Options{
			"RP ID of the other":        {RPID: "app.localhost"},
			"RP ID and origin of other": {RPID: "app.localhost", Origin: apart.Origins[0]},
			"origin of the other":       {Origin: apart.Origins[0]},
		} {
			a := ada.complete(t, c.TemporaryAuthenticationToken, first(ada.passkey(t, c, o)))
			ok := !t.Failed()
			h.refused(t, a, codes("rp_id_mismatch", "origin_not_allowed"), "app.localhost")
			if ok && t.Failed() {
				t.Errorf("… that was the %s", name)
			}
		}
		c = challenges[zoe]
		for _, o := range []authenticator.Options{{}, {RPID: "localhost"}, {RPID: "localhost", Origin: apart.Origins[0]}, {RPID: "b.app.localhost", Origin: apart.Origins[0]}} {
			h.refused(t, zoe.complete(t, c.TemporaryAuthenticationToken, first(zoe.passkey(t, c, o))), codes("rp_id_mismatch", "origin_not_allowed"))
		}

		// Tickets that were signed by us but name what does not belong together.
		header, claims, _ := parts(t, challenges[ada].TemporaryAuthenticationToken)
		_, bobs, _ := parts(t, challenges[bob].TemporaryAuthenticationToken)
		_, eves, _ := parts(t, challenges[eve].TemporaryAuthenticationToken)
		answer := first(ada.passkey(t, challenges[ada], authenticator.Options{}))
		for name, changes := range map[string]map[string]any{
			"code of another":         {"codeId": bobs["codeId"]},
			"code elsewhere":          {"codeId": eves["codeId"]},
			"user of another":         {"https://custom/app_metadata": bobs["https://custom/app_metadata"]},
			"user elsewhere":          {"https://custom/app_metadata": eves["https://custom/app_metadata"], "sub": eves["sub"]},
			"organisation elsewhere":  {"https://custom/app_metadata": with(claims["https://custom/app_metadata"].(map[string]any), map[string]any{"orgId": elsewhere.ID}), "sub": elsewhere.ID},
			"relying party elsewhere": {"rpId": "app.localhost"},
			"relying party unknown":   {"rpId": ""},
			"no algorithm offered":    {"algs": []int{}},
			"another offered":         {"algs": []int{-8, -257}},
			"no challenge":            {"challenge": ""},
			"another challenge":       {"challenge": bobs["challenge"]},
		} {
			token := hs256(h.Codes.Ring.Key(keyring.Ceremony), unsigned(t, header, with(claims, changes)))
			a := ada.complete(t, token, answer)
			ok := !t.Failed()
			h.refused(t, a, codes("registration_refused", "algorithm_not_offered", "challenge_mismatch", "token_invalid"))
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		for _, g := range guests {
			g.untouched(t)
		}
		ada.registers(t)
		bob.registers(t)
		eve.registers(t)
	})
}

// A credential has one owner, whatever organisation another is in.
func TestCredentialOfAnother(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		elsewhere := h.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
		owner := h.guest(t)
		c := owner.begin(t)
		made, kept, err := passkeys.Create(c, authenticator.Options{Origin: h.URL})
		if err != nil {
			t.Fatal(err)
		}
		if a := owner.complete(t, c.TemporaryAuthenticationToken, first(made)); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, thief := range []*guest{h.guest(t), h.in(t, elsewhere)} {
			c := thief.begin(t)
			h.refused(t, thief.complete(t, c.TemporaryAuthenticationToken, first(made)), codes("challenge_mismatch"))
			for _, o := range []authenticator.Options{{CredentialID: kept.ID}, {CredentialID: kept.ID, Reuse: kept}, {CredentialID: kept.ID, Format: authenticator.PackedX5C}} {
				a := thief.complete(t, c.TemporaryAuthenticationToken, first(thief.passkey(t, c, o)))
				h.refused(t, a, codes("credential_already_registered"), owner.Username, owner.UserID)
				if a.status != http.StatusConflict {
					t.Errorf("status %d, want 409", a.status)
				}
			}
			thief.registers(t)
		}

		keeper := h.guest(t)
		key := authenticator.NewKeySigner(publickey.Ed25519)
		c = keeper.begin(t)
		if a := keeper.complete(t, c.TemporaryAuthenticationToken, first(key.Create(c.Challenge, api.KindKey))); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		thief := h.guest(t)
		c = thief.begin(t)
		h.refused(t, thief.complete(t, c.TemporaryAuthenticationToken, first(key.Create(c.Challenge, api.KindKey))), codes("credential_already_registered"))
		other := authenticator.NewKeySigner(publickey.P256)
		other.CredentialID = key.CredentialID
		second := thief.passkey(t, c, authenticator.Options{})
		third := other.Create(c.Challenge, api.KindRecoveryKey)
		h.refused(t, thief.complete(t, c.TemporaryAuthenticationToken,
			api.RegistrationRequest{FirstFactorCredential: &second, RecoveryCredential: &third}), codes("credential_already_registered"))
		thief.registers(t)
		if n := len(owner.credentials(t)); n != 1 {
			t.Errorf("the owner has %d credentials", n)
		}
	})
}

// Every factor is a key of its own, of a kind that may be that factor, and all of them
// are right or none is kept.
func TestSubstitutedFactors(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.guest(t)
		c := g.begin(t)
		key, recovery := authenticator.NewKeySigner(publickey.P256), authenticator.NewKeySigner(publickey.Ed25519)
		passkey, reused, err := passkeys.Create(c, authenticator.Options{Origin: h.URL})
		if err != nil {
			t.Fatal(err)
		}
		sameKey := g.passkey(t, c, authenticator.Options{Reuse: reused})
		plain := key.Create(c.Challenge, api.KindKey)
		protected := key.Create(c.Challenge, api.KindPasswordProtectedKey)
		renamed := plain
		renamed.CredentialInfo.CredID = b64([]byte("another name for the same key"))
		good := recovery.Create(c.Challenge, api.KindRecoveryKey)
		asRecovery := key.Create(c.Challenge, api.KindRecoveryKey)
		asRecovery.CredentialInfo.CredID = renamed.CredentialInfo.CredID
		stale := recovery.Create("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", api.KindRecoveryKey)
		broken := good
		broken.CredentialInfo.AttestationData = plain.CredentialInfo.AttestationData
		mixed := good
		mixed.CredentialInfo.AttestationData = passkey.CredentialInfo.AttestationData
		incomplete := protected
		incomplete.EncryptedPrivateKey = ""
		totp := plain
		totp.CredentialKind = "Totp"
		plainRecovery := recovery.Create(c.Challenge, api.KindKey)

		for name, in := range map[string]struct {
			first, second, recovery *api.CredentialAttestation
			code                    string
		}{
			"second the same passkey":          {&passkey, &passkey, nil, "credentials_not_distinct"},
			"second the same key":              {&plain, &plain, nil, "credentials_not_distinct"},
			"second the same key protected":    {&plain, &protected, nil, "credentials_not_distinct"},
			"second the same key renamed":      {&plain, &renamed, nil, "credentials_not_distinct"},
			"second with the passkey's key":    {&passkey, &sameKey, nil, "credentials_not_distinct"},
			"recovery with the first's key":    {&plain, nil, &asRecovery, "credentials_not_distinct"},
			"recovery with the second's key":   {&passkey, &plain, &asRecovery, "credentials_not_distinct"},
			"recovery with the second's name":  {&passkey, &renamed, &asRecovery, "credentials_not_distinct"},
			"RecoveryKey first":                {&good, nil, nil, "credential_kind_not_allowed"},
			"RecoveryKey second":               {&passkey, &good, nil, "credential_kind_not_allowed"},
			"RecoveryKey everywhere":           {&good, &good, &good, "credential_kind_not_allowed"},
			"Key for recovery":                 {&passkey, nil, &plainRecovery, "credential_kind_not_allowed"},
			"passkey for recovery":             {&plain, nil, &passkey, "credential_kind_not_allowed"},
			"Totp second":                      {&passkey, &totp, nil, "credential_kind_not_supported"},
			"stale recovery":                   {&passkey, nil, &stale, "challenge_mismatch"},
			"recovery with the second's proof": {&passkey, &plain, &broken, "credentials_not_distinct"},
			"recovery with the first's proof":  {&passkey, nil, &mixed, "attestation_malformed"},
			"protected second without its key": {&passkey, &incomplete, nil, "member_missing"},
			"second alone":                     {nil, &passkey, nil, "member_missing"},
			"recovery alone":                   {nil, nil, &good, "member_missing"},
		} {
			a := g.complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: in.first, SecondFactorCredential: in.second, RecoveryCredential: in.recovery})
			ok := !t.Failed()
			h.refused(t, a, codes(in.code), c.Challenge)
			g.untouched(t)
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		if a := g.complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &passkey, SecondFactorCredential: &plain, RecoveryCredential: &good}); a.status != http.StatusOK {
			t.Errorf("three good ones: %d %s", a.status, a.body)
		}
		if n := len(g.credentials(t)); n != 3 {
			t.Errorf("%d credentials, want 3", n)
		}
	})
}

// What was spent stays spent: only the winner's own call, with its own token, is
// answered again, and with the same answer.
func TestReplays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.guest(t)
		other, c := g.begin(t), g.begin(t)
		made := g.passkey(t, c, authenticator.Options{})
		otherMade := g.passkey(t, other, authenticator.Options{})

		bad := made
		bad.CredentialInfo.AttestationData = otherMade.CredentialInfo.AttestationData
		for range 5 { // a refused call may be repeated for ever and is refused for ever
			h.refused(t, g.complete(t, c.TemporaryAuthenticationToken, first(bad)), codes("credential_id_mismatch"))
		}
		g.untouched(t)

		won := g.complete(t, c.TemporaryAuthenticationToken, first(made))
		if won.status != http.StatusOK {
			t.Fatalf("%d %s", won.status, won.body)
		}
		for range 3 {
			if a := g.complete(t, c.TemporaryAuthenticationToken, first(made)); a.status != http.StatusOK || string(a.body) != string(won.body) {
				t.Errorf("the winner's call again: %d %s", a.status, a.body)
			}
		}
		again := g.passkey(t, c, authenticator.Options{})
		recovery := authenticator.NewKeySigner(publickey.P256).Create(c.Challenge, api.KindRecoveryKey)
		for name, call := range map[string]struct {
			token string
			body  api.RegistrationRequest
		}{
			"another passkey, same token":    {c.TemporaryAuthenticationToken, first(again)},
			"other token, own passkey":       {other.TemporaryAuthenticationToken, first(otherMade)},
			"other token, winner's passkey":  {other.TemporaryAuthenticationToken, first(made)},
			"winner's with a recovery key":   {c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made, RecoveryCredential: &recovery}},
			"winner's with a second passkey": {c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made, SecondFactorCredential: &again}},
			"winner's with another's proof":  {c.TemporaryAuthenticationToken, first(bad)},
		} {
			a := g.complete(t, call.token, call.body)
			ok := !t.Failed()
			h.refused(t, a, codes("user_already_exists"))
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		h.refused(t, h.post(t, initPath, g.invitation()), codes("user_already_exists"))
		h.refused(t, h.post(t, openPath, g.invitation()), codes("user_already_exists"))
		if n := len(g.credentials(t)); n != 1 {
			t.Errorf("%d credentials, want 1", n)
		}
	})
}

// A recovery key is added once, by the ceremony that registered, and is a key of its own.
func TestSubstitutedRecovery(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob, eve := h.guest(t), h.guest(t), h.guest(t)
		signer, second := authenticator.NewKeySigner(publickey.P256), authenticator.NewKeySigner(publickey.Ed25519)
		other, c, bobs := ada.begin(t), ada.begin(t), bob.begin(t)
		add := func(token string, key api.CredentialAttestation) answer {
			return h.send(t, "POST", recoveryPath, bearer(token), api.AddRecoveryRequest{RecoveryCredential: &key})
		}
		good := signer.Create(c.Challenge, api.KindRecoveryKey)

		h.refused(t, add(c.TemporaryAuthenticationToken, good), codes("registration_not_completed"))
		ada.untouched(t)
		own := authenticator.NewKeySigner(publickey.P256) // the first factor is a key, so that it could be used twice
		if a := ada.complete(t, c.TemporaryAuthenticationToken, first(own.Create(c.Challenge, api.KindKey))); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}

		plain := signer.Create(c.Challenge, api.KindKey)
		asPasskey := ada.passkey(t, c, authenticator.Options{})
		firstAgain := own.Create(c.Challenge, api.KindRecoveryKey)
		firstRenamed := firstAgain
		firstRenamed.CredentialInfo.CredID = b64([]byte("another name"))
		nameTaken := good
		nameTaken.CredentialInfo.CredID = own.CredentialID
		for name, call := range map[string]struct {
			token string
			key   api.CredentialAttestation
			code  string
		}{
			"no token":                  {"", good, "token_invalid"},
			"token of another ceremony": {other.TemporaryAuthenticationToken, signer.Create(other.Challenge, api.KindRecoveryKey), "registration_not_completed"},
			"token of another user":     {bobs.TemporaryAuthenticationToken, signer.Create(bobs.Challenge, api.KindRecoveryKey), "registration_not_completed"},
			"token of another, our key": {bobs.TemporaryAuthenticationToken, good, "registration_not_completed"},
			"challenge of another":      {c.TemporaryAuthenticationToken, signer.Create(bobs.Challenge, api.KindRecoveryKey), "challenge_mismatch"},
			"a Key":                     {c.TemporaryAuthenticationToken, plain, "credential_kind_not_allowed"},
			"a passkey":                 {c.TemporaryAuthenticationToken, asPasskey, "credential_kind_not_allowed"},
			"the first factor":          {c.TemporaryAuthenticationToken, firstAgain, "credentials_not_distinct"},
			"the first factor renamed":  {c.TemporaryAuthenticationToken, firstRenamed, "credentials_not_distinct"},
			"the name of the first":     {c.TemporaryAuthenticationToken, nameTaken, "credentials_not_distinct"},
			"nothing":                   {c.TemporaryAuthenticationToken, api.CredentialAttestation{}, "member_missing"},
		} {
			a := add(call.token, call.key)
			ok := !t.Failed()
			h.refused(t, a, codes(call.code))
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		if n := len(ada.credentials(t)); n != 1 {
			t.Fatalf("%d credentials, want 1", n)
		}

		// Of many that come at once, one is kept.
		var wg sync.WaitGroup
		status := make([]int, 8)
		for i := range status {
			key := authenticator.NewKeySigner(publickey.P256).Create(c.Challenge, api.KindRecoveryKey)
			wg.Go(func() { status[i] = add(c.TemporaryAuthenticationToken, key).status })
		}
		wg.Wait()
		won := 0
		for _, s := range status {
			switch s {
			case http.StatusOK:
				won++
			case http.StatusConflict:
			default:
				t.Errorf("a recovery key beside others: %d", s)
			}
		}
		if n := len(ada.credentials(t)); won != 1 || n != 2 {
			t.Errorf("%d recovery keys were taken and %d credentials kept", won, n)
		}
		h.refused(t, add(c.TemporaryAuthenticationToken, second.Create(c.Challenge, api.KindRecoveryKey)), codes("recovery_already_registered"))
		bob.registers(t)
		eve.registers(t)
	})
}

// Of many that complete at once with one code one wins, and of many users that bring the
// same credential one keeps it.
func TestRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const racers = 24
		g := h.guest(t)
		calls := make([]func() answer, racers)
		for i := range calls {
			c := g.begin(t)
			body := first(g.passkey(t, c, authenticator.Options{}))
			calls[i] = func() answer { return g.complete(t, c.TemporaryAuthenticationToken, body) }
		}
		if won := h.race(t, calls, "user_already_exists", "registration_lost"); won != 1 {
			t.Errorf("%d of %d completions with one code won", won, racers)
		}
		if n := len(g.credentials(t)); n != 1 {
			t.Errorf("%d credentials, want 1", n)
		}

		id := []byte("the same credential for everybody")
		guests := make([]*guest, racers)
		for i := range calls {
			guests[i] = h.guest(t)
			c := guests[i].begin(t)
			body := first(guests[i].passkey(t, c, authenticator.Options{CredentialID: id}))
			calls[i] = func() answer { return guests[i].complete(t, c.TemporaryAuthenticationToken, body) }
		}
		if won := h.race(t, calls, "credential_already_registered"); won != 1 {
			t.Errorf("%d of %d users registered the same credential", won, racers)
		}
		registered := 0
		for _, g := range guests {
			state, err := h.DB.RegistrationState(context.Background(), g.UserID, g.CodeID)
			if err != nil {
				t.Fatal(err)
			}
			if !state.User.RegisteredAt.IsZero() {
				registered++
				continue
			}
			g.registers(t)
		}
		if registered != 1 {
			t.Errorf("%d users are registered by it", registered)
		}
	})
}

func (h *house) race(t *testing.T, calls []func() answer, losing ...string) (won int) {
	t.Helper()
	answers := make([]answer, len(calls))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { <-start; answers[i] = call() })
	}
	close(start)
	wg.Wait()
	for _, a := range answers {
		if a.status == http.StatusOK {
			won++
			if !json.Valid(a.body) {
				t.Errorf("the winner got %s", a.body)
			}
			continue
		}
		h.refused(t, a, losing)
	}
	return won
}
