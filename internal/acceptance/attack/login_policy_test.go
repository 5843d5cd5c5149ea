package attack_test

import (
	"context"
	"math"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
)

const (
	outOfLine     = "credential.sign_count_out_of_line"
	backupChanged = "credential.backup_changed"
)

// under sets the policies of the organisation.
func (h *house) under(t *testing.T, p organisation.Policies) {
	t.Helper()
	_, err := h.Organisations.SetPolicies(context.Background(), h.org.ID, p)
	must(t, err)
}

// counting is the answer of a passkey that sends that counter, whatever it sent before.
func counting(t *testing.T, p *countersigntest.Person, c api.SigningChallenge, count uint32) api.SignedChallenge {
	t.Helper()
	p.Passkey.SignCount = 0
	return signed(t, p, c, authenticator.Options{SignCount: count})
}

// A counter that did not go up is refused or recorded, as the policy says, and never
// passed over; one that always is zero passes for ever. The operator has a way back.
func TestCounters(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, policy := range []string{"auto", "refuse", "alert", "record"} {
			h.under(t, organisation.Policies{SignCount: policy})
			for _, synced := range []bool{false, true} {
				refuses := policy == "refuse" || policy == "auto" && !synced
				zero := h.member(t, authenticator.Options{BackupEligible: synced})
				ada := h.member(t, authenticator.Options{BackupEligible: synced, SignCount: 5})
				ada.Passkey.SignCount = 9
				session := h.logIn(t, ada) // with 10
				count, events := uint32(10), 0
				for _, f := range flows {
					what := policy + ", " + f.name
					for range 2 {
						if a := f.complete(t, h, h.logIn(t, zero), signed(t, zero, f.begin(t, h, zero, h.logIn(t, zero)))); f.name != "action" && a.status != http.StatusOK {
							t.Errorf("%s: zero again: %d %s", what, a.status, a.body)
						}
					}
					for name, n := range map[string]uint32{"lower": count - 1, "the same": count, "one": 1, "zero": 0} {
						before := h.kept(t)
						live := h.sessions(t, ada)
						a := f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), n))
						events++
						if got := len(h.eventsOf(t, ada.UserID, outOfLine)); got != events {
							t.Errorf("%s: %s: %d events tell of it, want %d", what, name, got, events)
							events = got
						}
						if !refuses {
							if a.status != http.StatusOK {
								t.Errorf("%s: %s: %d %s", what, name, a.status, a.body)
							}
							read[any](t, f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), count+1))) // back in line
							count++
							continue
						}
						h.refusedAs(t, what+": "+name, a, 401, "sign_count_refused")
						if h.sessions(t, ada) != live || h.kept(t) == before {
							t.Errorf("%s: %s: a session was opened, or no event was kept", what, name)
						}
					}
					count += 7
					read[any](t, f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), count)))
				}

				// The largest counter there is, and the operator's way back from it.
				f := flows[0]
				read[any](t, f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), math.MaxUint32)))
				a := f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), 1))
				if !refuses {
					read[any](t, a)
					continue
				}
				h.refusedAs(t, "after the largest", a, 401, "sign_count_refused")
				must(t, h.Users.ResetSignCount(context.Background(), h.org.ID, api.FirstCredentialID(ada.UserID)))
				read[any](t, f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), 1)))
				h.refusedAs(t, "the same after the reset", f.complete(t, h, session, counting(t, ada, f.begin(t, h, ada, session), 1)), 401, "sign_count_refused")
			}
		}
	})
}

// Of many assertions with one counter at the same moment a policy that refuses lets one
// pass.
func TestCountersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.under(t, organisation.Policies{SignCount: "refuse"})
		ada := h.member(t, authenticator.Options{SignCount: 1})
		for round := range 3 {
			calls := make([]func() answer, 12)
			for i := range calls {
				in := counting(t, ada, h.initLogin(t, ada.OrgID, ada.Username), uint32(100+round))
				calls[i] = func() answer { return h.post(t, loginPath, in) }
			}
			if won := h.race(t, calls, "sign_count_refused"); won != 1 {
				t.Errorf("%d of %d passed", won, len(calls))
			}
			if n := h.sessions(t, ada); n != round+1 {
				t.Errorf("%d sessions, want %d", n, round+1)
			}
		}
	})
}

// A change of the backup flags is judged by the policy of its own, and recorded.
func TestBackupFlags(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, policy := range []string{"auto", "refuse", "alert", "record"} {
			h.under(t, organisation.Policies{Backup: policy})
			for _, f := range flows {
				for name, change := range map[string]struct {
					was authenticator.Options
					is  byte // flags
				}{
					"backed up now":        {authenticator.Options{BackupEligible: true}, 0x10},
					"not backed up now":    {authenticator.Options{BackupEligible: true, BackupState: true}, 0x10},
					"eligible now":         {authenticator.Options{}, 0x08},
					"eligible no more":     {authenticator.Options{BackupEligible: true}, 0x08},
					"backed up of nothing": {authenticator.Options{}, 0x18},
				} {
					ada := h.member(t, change.was)
					session := h.logIn(t, ada)
					what := policy + ", " + f.name + ", " + name
					before := h.kept(t)
					a := f.complete(t, h, session, signed(t, ada, f.begin(t, h, ada, session), flipped(change.is)))
					events := h.eventsOf(t, ada.UserID, backupChanged)
					if len(events) != 1 {
						t.Errorf("%s: %d events tell of it", what, len(events))
					}
					if policy != "refuse" {
						if a.status != http.StatusOK {
							t.Errorf("%s: %d %s", what, a.status, a.body)
						}
						continue
					}
					h.refusedAs(t, what, a, 401, "backup_state_refused")
					if n := h.sessions(t, ada); n != 1 || h.kept(t) == before {
						t.Errorf("%s: %d sessions", what, n)
					}
					h.logIn(t, ada) // as it was, it is accepted
				}
			}
		}
	})
}

// Where a second factor is demanded, the first alone does nothing, a second of somebody
// else does nothing, and neither does the same twice.
func TestSecondFactors(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.member(t)
		ada, second := h.twoFactors(t)
		bob, bobsSecond := h.twoFactors(t)
		session := read[api.LoginResult](t, h.post(t, loginPath, signed(t, ada, h.initLogin(t, ada.OrgID, ada.Username)))).Token
		h.under(t, organisation.Policies{SecondFactor: "required"})
		for _, f := range flows {
			before := h.kept(t)
			both := func(one, two *countersigntest.Person) answer {
				c := f.begin(t, h, ada, session)
				in := signed(t, one, c)
				in.SecondFactor = two.Assert(t, c)
				return f.complete(t, h, session, in)
			}
			h.refusedAs(t, f.name+", the first alone", f.complete(t, h, session, signed(t, ada, f.begin(t, h, ada, session))), 401, "second_factor_required")
			h.refusedAs(t, f.name+", another's second", both(ada, bobsSecond), 401, "signature_invalid")
			h.refusedAs(t, f.name+", another's first as second", both(ada, bob), 401, "signature_invalid", "user_handle_mismatch")
			h.refusedAs(t, f.name+", the first twice", both(ada, ada), 400, "credentials_not_distinct")
			c := f.begin(t, h, ada, session)
			in := signed(t, ada, c)
			in.SecondFactor = ada.Assert(t, c)
			in.SecondFactor.CredentialAssertion.CredID = api.FirstCredentialID(ada.UserID)
			h.refusedAs(t, f.name+", the first twice, once by id", f.complete(t, h, session, in), 400, "credentials_not_distinct")
			in.SecondFactor = second.Assert(t, api.SigningChallenge{Challenge: b64(make([]byte, 32))})
			h.refusedAs(t, f.name+", a stale second", f.complete(t, h, session, in), 400, "challenge_mismatch")
			h.unmoved(t, f.name, before)
			if f.named {
				h.refusedAs(t, f.name+", the second alone", f.complete(t, h, session, signed(t, second, f.begin(t, h, ada, session))), 401, "signature_invalid")
				h.refusedAs(t, f.name+", the other way round", both(second, ada), 401, "signature_invalid")
				h.unmoved(t, f.name, before)
			}
			read[any](t, both(ada, second))
		}
	})
}

// Both factors may be named by their ids, whatever letters these are made of.
func TestFactorsNamedById(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.member(t)
	for range 8 {
		ada, second := h.twoFactors(t)
		all, err := h.DB.CredentialsOfUser(context.Background(), ada.UserID)
		must(t, err)
		c := h.initLogin(t, ada.OrgID, ada.Username)
		in := signed(t, ada, c)
		in.SecondFactor = second.Assert(t, c)
		for _, k := range all {
			if b64(k.CredentialID) == ada.CredentialID() {
				in.FirstFactor.CredentialAssertion.CredID = k.ID
			} else {
				in.SecondFactor.CredentialAssertion.CredID = k.ID
			}
		}
		if a := h.post(t, loginPath, in); a.status != http.StatusOK {
			t.Errorf("%s and %s: %d %s", in.FirstFactor.CredentialAssertion.CredID, in.SecondFactor.CredentialAssertion.CredID, a.status, a.body)
		}
	}
}

// twoFactors is somebody with a passkey, and the same person by their second factor, a
// key.
func (h *house) twoFactors(t *testing.T) (first, second *countersigntest.Person) {
	t.Helper()
	g := h.guest(t)
	c := g.begin(t)
	made, kept, err := passkeys.Create(c, authenticator.Options{Origin: h.URL})
	must(t, err)
	key := authenticator.NewKeySigner(authenticator.KeyTypes[0])
	other := key.Create(c.Challenge, api.KindKey)
	if a := g.complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made, SecondFactorCredential: &other}); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return &countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Passkey: kept},
		&countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Key: key}
}
