package attack_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// No code, token or challenge works for anybody or anything but what it was made for.
func TestSubstitutedCeremonies(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		port := h.URL[strings.LastIndex(h.URL, ":"):]
		elsewhere := h.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
		apart := h.OrganisationWith(t, organisation.New{Name: "Apart", RPID: "app.localhost", Origins: []string{"http://app.localhost" + port}})
		ada, bob, eve, zoe := h.Invitee(t), h.Invitee(t), h.InviteeOf(t, elsewhere), h.InviteeOf(t, apart)
		guests := []*world.Invitee{ada, bob, eve, zoe}

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
					h.Refused(t, h.Post(t, initPath, in), world.Codes("registration_refused"), a.RegistrationCode, b.Username)
				}
			}
		}
		// A invitee of one organisation is nobody in the next, with the right code too.
		h.Refused(t, h.Post(t, initPath, api.InitRegistrationRequest{OrgID: elsewhere.ID, Username: ada.Username, RegistrationCode: ada.RegistrationCode}), world.Codes("registration_refused"))

		// Tokens and challenges.
		challenges := map[*world.Invitee]api.RegistrationChallenge{}
		for _, g := range guests {
			challenges[g] = g.Begin(t)
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
					answer := b.Passkey(t, challenges[b], o)
					a.Organisation.Refused(t, a.Complete(t, challenges[a].TemporaryAuthenticationToken, world.First(answer)), world.Codes("challenge_mismatch"), challenges[a].Challenge, challenges[b].Challenge)
				}
				key := authenticator.NewKeySigner(publickey.P256).Create(challenges[b].Challenge, api.KindKey)
				h.Refused(t, a.Complete(t, challenges[a].TemporaryAuthenticationToken, world.First(key)), world.Codes("challenge_mismatch"))
			}
			again := a.Begin(t)
			answer := a.Passkey(t, challenges[a], authenticator.Options{})
			h.Refused(t, a.Complete(t, again.TemporaryAuthenticationToken, world.First(answer)), world.Codes("challenge_mismatch"))
		}

		// Relying parties.
		c := challenges[ada]
		for name, o := range map[string]authenticator.Options{
			"RP ID of the other":        {RPID: "app.localhost"},
			"RP ID and origin of other": {RPID: "app.localhost", Origin: apart.Origins[0]},
			"origin of the other":       {Origin: apart.Origins[0]},
		} {
			a := ada.Complete(t, c.TemporaryAuthenticationToken, world.First(ada.Passkey(t, c, o)))
			ok := !t.Failed()
			h.Refused(t, a, world.Codes("rp_id_mismatch", "origin_not_allowed"), "app.localhost")
			if ok && t.Failed() {
				t.Errorf("… that was the %s", name)
			}
		}
		c = challenges[zoe]
		for _, o := range []authenticator.Options{{}, {RPID: "localhost"}, {RPID: "localhost", Origin: apart.Origins[0]}, {RPID: "b.app.localhost", Origin: apart.Origins[0]}} {
			h.Refused(t, zoe.Complete(t, c.TemporaryAuthenticationToken, world.First(zoe.Passkey(t, c, o))), world.Codes("rp_id_mismatch", "origin_not_allowed"))
		}

		// Tickets that were signed by us but name what does not belong together.
		header, claims, _ := world.Parts(t, challenges[ada].TemporaryAuthenticationToken)
		_, bobs, _ := world.Parts(t, challenges[bob].TemporaryAuthenticationToken)
		_, eves, _ := world.Parts(t, challenges[eve].TemporaryAuthenticationToken)
		answer := world.First(ada.Passkey(t, challenges[ada], authenticator.Options{}))
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
			a := ada.Complete(t, token, answer)
			ok := !t.Failed()
			h.Refused(t, a, world.Codes("registration_refused", "algorithm_not_offered", "challenge_mismatch", "token_invalid"))
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		for _, g := range guests {
			g.Untouched(t)
		}
		ada.Registers(t)
		bob.Registers(t)
		eve.Registers(t)
	})
}

// A credential has one owner, whatever organisation another is in.
func TestCredentialOfAnother(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		elsewhere := h.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
		owner := h.Invitee(t)
		c := owner.Begin(t)
		made, kept, err := world.Authenticator.Create(c, authenticator.Options{Origin: h.URL})
		if err != nil {
			t.Fatal(err)
		}
		if a := owner.Complete(t, c.TemporaryAuthenticationToken, world.First(made)); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		for _, thief := range []*world.Invitee{h.Invitee(t), h.InviteeOf(t, elsewhere)} {
			c := thief.Begin(t)
			h.Refused(t, thief.Complete(t, c.TemporaryAuthenticationToken, world.First(made)), world.Codes("challenge_mismatch"))
			for _, o := range []authenticator.Options{{CredentialID: kept.ID}, {CredentialID: kept.ID, Reuse: kept}, {CredentialID: kept.ID, Format: authenticator.PackedX5C}} {
				a := thief.Complete(t, c.TemporaryAuthenticationToken, world.First(thief.Passkey(t, c, o)))
				h.Refused(t, a, world.Codes("credential_already_registered"), owner.Username, owner.UserID)
				if a.Status != http.StatusConflict {
					t.Errorf("status %d, want 409", a.Status)
				}
			}
			thief.Registers(t)
		}

		keeper := h.Invitee(t)
		key := authenticator.NewKeySigner(publickey.Ed25519)
		c = keeper.Begin(t)
		if a := keeper.Complete(t, c.TemporaryAuthenticationToken, world.First(key.Create(c.Challenge, api.KindKey))); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		thief := h.Invitee(t)
		c = thief.Begin(t)
		h.Refused(t, thief.Complete(t, c.TemporaryAuthenticationToken, world.First(key.Create(c.Challenge, api.KindKey))), world.Codes("credential_already_registered"))
		other := authenticator.NewKeySigner(publickey.P256)
		other.CredentialID = key.CredentialID
		second := thief.Passkey(t, c, authenticator.Options{})
		third := other.Create(c.Challenge, api.KindRecoveryKey)
		h.Refused(t, thief.Complete(t, c.TemporaryAuthenticationToken,
			api.RegistrationRequest{FirstFactorCredential: &second, RecoveryCredential: &third}), world.Codes("credential_already_registered"))
		thief.Registers(t)
		if n := len(owner.Credentials(t)); n != 1 {
			t.Errorf("the owner has %d credentials", n)
		}
	})
}

// Every factor is a key of its own, of a kind that may be that factor, and all of them
// are right or none is kept.
func TestSubstitutedFactors(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		c := g.Begin(t)
		key, recovery := authenticator.NewKeySigner(publickey.P256), authenticator.NewKeySigner(publickey.Ed25519)
		passkey, reused, err := world.Authenticator.Create(c, authenticator.Options{Origin: h.URL})
		if err != nil {
			t.Fatal(err)
		}
		sameKey := g.Passkey(t, c, authenticator.Options{Reuse: reused})
		plain := key.Create(c.Challenge, api.KindKey)
		protected := key.Create(c.Challenge, api.KindPasswordProtectedKey)
		renamed := plain
		renamed.CredentialInfo.CredID = world.Base64([]byte("another name for the same key"))
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
			a := g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: in.first, SecondFactorCredential: in.second, RecoveryCredential: in.recovery})
			ok := !t.Failed()
			h.Refused(t, a, world.Codes(in.code), c.Challenge)
			g.Untouched(t)
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		if a := g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &passkey, SecondFactorCredential: &plain, RecoveryCredential: &good}); a.Status != http.StatusOK {
			t.Errorf("three good ones: %d %s", a.Status, a.Body)
		}
		if n := len(g.Credentials(t)); n != 3 {
			t.Errorf("%d credentials, want 3", n)
		}
	})
}

// What was spent stays spent: only the winner's own call, with its own token, is
// answered again, and with the same answer.
func TestReplays(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		other, c := g.Begin(t), g.Begin(t)
		made := g.Passkey(t, c, authenticator.Options{})
		otherMade := g.Passkey(t, other, authenticator.Options{})

		bad := made
		bad.CredentialInfo.AttestationData = otherMade.CredentialInfo.AttestationData
		for range 5 { // a refused call may be repeated for ever and is refused for ever
			h.Refused(t, g.Complete(t, c.TemporaryAuthenticationToken, world.First(bad)), world.Codes("credential_id_mismatch"))
		}
		g.Untouched(t)

		won := g.Complete(t, c.TemporaryAuthenticationToken, world.First(made))
		if won.Status != http.StatusOK {
			t.Fatalf("%d %s", won.Status, won.Body)
		}
		for range 3 {
			if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(made)); a.Status != http.StatusOK || a.Body != won.Body {
				t.Errorf("the winner's call again: %d %s", a.Status, a.Body)
			}
		}
		again := g.Passkey(t, c, authenticator.Options{})
		recovery := authenticator.NewKeySigner(publickey.P256).Create(c.Challenge, api.KindRecoveryKey)
		for name, call := range map[string]struct {
			token string
			body  api.RegistrationRequest
		}{
			"another passkey, same token":    {c.TemporaryAuthenticationToken, world.First(again)},
			"other token, own passkey":       {other.TemporaryAuthenticationToken, world.First(otherMade)},
			"other token, winner's passkey":  {other.TemporaryAuthenticationToken, world.First(made)},
			"winner's with a recovery key":   {c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made, RecoveryCredential: &recovery}},
			"winner's with a second passkey": {c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made, SecondFactorCredential: &again}},
			"winner's with another's proof":  {c.TemporaryAuthenticationToken, world.First(bad)},
		} {
			a := g.Complete(t, call.token, call.body)
			ok := !t.Failed()
			h.Refused(t, a, world.Codes("user_already_exists"))
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		h.Refused(t, h.Post(t, initPath, g.Request()), world.Codes("user_already_exists"))
		h.Refused(t, h.Post(t, openPath, g.Request()), world.Codes("user_already_exists"))
		if n := len(g.Credentials(t)); n != 1 {
			t.Errorf("%d credentials, want 1", n)
		}
	})
}

// A recovery key is added once, by the ceremony that registered, and is a key of its own.
func TestSubstitutedRecovery(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob, eve := h.Invitee(t), h.Invitee(t), h.Invitee(t)
		signer, second := authenticator.NewKeySigner(publickey.P256), authenticator.NewKeySigner(publickey.Ed25519)
		other, c, bobs := ada.Begin(t), ada.Begin(t), bob.Begin(t)
		add := func(token string, key api.CredentialAttestation) world.Answer {
			return h.Send(t, "POST", recoveryPath, world.Bearer(token), api.AddRecoveryRequest{RecoveryCredential: &key})
		}
		good := signer.Create(c.Challenge, api.KindRecoveryKey)

		h.Refused(t, add(c.TemporaryAuthenticationToken, good), world.Codes("registration_not_completed"))
		ada.Untouched(t)
		own := authenticator.NewKeySigner(publickey.P256) // the second factor is a key, so that it could be used twice
		in, ownKey := world.First(ada.Passkey(t, c, authenticator.Options{})), own.Create(c.Challenge, api.KindKey)
		in.SecondFactorCredential = &ownKey
		if a := ada.Complete(t, c.TemporaryAuthenticationToken, in); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}

		plain := signer.Create(c.Challenge, api.KindKey)
		asPasskey := ada.Passkey(t, c, authenticator.Options{})
		ownAgain := own.Create(c.Challenge, api.KindRecoveryKey)
		ownRenamed := ownAgain
		ownRenamed.CredentialInfo.CredID = world.Base64([]byte("another name"))
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
			"the second factor":         {c.TemporaryAuthenticationToken, ownAgain, "credentials_not_distinct"},
			"the second renamed":        {c.TemporaryAuthenticationToken, ownRenamed, "credentials_not_distinct"},
			"the name of the second":    {c.TemporaryAuthenticationToken, nameTaken, "credentials_not_distinct"},
			"nothing":                   {c.TemporaryAuthenticationToken, api.CredentialAttestation{}, "member_missing"},
		} {
			a := add(call.token, call.key)
			ok := !t.Failed()
			h.Refused(t, a, world.Codes(call.code))
			if ok && t.Failed() {
				t.Errorf("… that was %q", name)
			}
		}
		if n := len(ada.Credentials(t)); n != 2 {
			t.Fatalf("%d credentials, want 2", n)
		}

		// Of many that come at once, one is kept.
		var wg sync.WaitGroup
		status := make([]int, 8)
		for i := range status {
			key := authenticator.NewKeySigner(publickey.P256).Create(c.Challenge, api.KindRecoveryKey)
			wg.Go(func() { status[i] = add(c.TemporaryAuthenticationToken, key).Status })
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
		if n := len(ada.Credentials(t)); won != 1 || n != 3 {
			t.Errorf("%d recovery keys were taken and %d credentials kept", won, n)
		}
		h.Refused(t, add(c.TemporaryAuthenticationToken, second.Create(c.Challenge, api.KindRecoveryKey)), world.Codes("recovery_already_registered"))
		bob.Registers(t)
		eve.Registers(t)
	})
}

// Of many that complete at once with one code one wins, and of many users that bring the
// same credential one keeps it.
func TestRaces(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		const racers = 24
		g := h.Invitee(t)
		calls := make([]func() world.Answer, racers)
		for i := range calls {
			c := g.Begin(t)
			body := world.First(g.Passkey(t, c, authenticator.Options{}))
			calls[i] = func() world.Answer { return g.Complete(t, c.TemporaryAuthenticationToken, body) }
		}
		if won := h.Race(t, calls, "user_already_exists", "registration_lost"); won != 1 {
			t.Errorf("%d of %d completions with one code won", won, racers)
		}
		if n := len(g.Credentials(t)); n != 1 {
			t.Errorf("%d credentials, want 1", n)
		}

		id := []byte("the same credential for everybody")
		guests := make([]*world.Invitee, racers)
		for i := range calls {
			guests[i] = h.Invitee(t)
			c := guests[i].Begin(t)
			body := world.First(guests[i].Passkey(t, c, authenticator.Options{CredentialID: id}))
			calls[i] = func() world.Answer { return guests[i].Complete(t, c.TemporaryAuthenticationToken, body) }
		}
		if won := h.Race(t, calls, "credential_already_registered"); won != 1 {
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
			g.Registers(t)
		}
		if registered != 1 {
			t.Errorf("%d users are registered by it", registered)
		}
	})
}
