package assertion_test

import (
	"context"
	"math"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	outOfLine     = "credential.sign_count_out_of_line"
	backupChanged = "credential.backup_changed"
)

// counting is the answer of a passkey with that counter.
func counting(t *testing.T, p *countersigntest.Person, c api.SigningChallenge, count uint32) api.SignedChallenge {
	t.Helper()
	p.Passkey.SignCount = 0
	return world.Signed(t, p, c, authenticator.Options{SignCount: count})
}

// A counter that did not go up is refused or recorded, as the policy says, and never ignored; one
// that is always zero is always accepted. The operator can reset it.
func TestCounters(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		for _, policy := range []string{"auto", "refuse", "alert", "record"} {
			h.SetPolicies(t, organisation.Policies{SignCount: policy})
			for _, synced := range []bool{false, true} {
				refuses := policy == "refuse" || policy == "auto" && !synced
				zero := h.Employee(t, authenticator.Options{BackupEligible: synced})
				ada := h.Employee(t, authenticator.Options{BackupEligible: synced, SignCount: 5})
				ada.Passkey.SignCount = 9
				session := h.LogIn(t, ada) // with 10
				count, events := uint32(10), 0
				for _, f := range world.Flows {
					what := policy + ", " + f.Name
					for range 2 {
						if a := f.Complete(t, h, h.LogIn(t, zero), world.Signed(t, zero, f.Begin(t, h, zero, h.LogIn(t, zero)))); f.Name != "action" && a.Status != http.StatusOK {
							t.Errorf("%s: zero again: %d %s", what, a.Status, a.Body)
						}
					}
					for name, n := range map[string]uint32{"lower": count - 1, "the same": count, "one": 1, "zero": 0} {
						before := h.Kept(t)
						live := h.SessionCount(t, ada)
						a := f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), n))
						events++
						if got := len(h.EventsOf(t, ada.UserID, outOfLine)); got != events {
							t.Errorf("%s: %s: %d events tell of it, want %d", what, name, got, events)
							events = got
						}
						if !refuses {
							if a.Status != http.StatusOK {
								t.Errorf("%s: %s: %d %s", what, name, a.Status, a.Body)
							}
							world.Read[any](t, f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), count+1))) // back in line
							count++
							continue
						}
						h.RefusedAs(t, what+": "+name, a, 401, "sign_count_refused")
						if h.SessionCount(t, ada) != live || h.Kept(t) == before {
							t.Errorf("%s: %s: a session was opened, or no event was kept", what, name)
						}
					}
					count += 7
					world.Read[any](t, f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), count)))
				}

				// The largest counter, and the operator's reset of it.
				f := world.Flows[0]
				world.Read[any](t, f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), math.MaxUint32)))
				a := f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), 1))
				if !refuses {
					world.Read[any](t, a)
					continue
				}
				h.RefusedAs(t, "after the largest", a, 401, "sign_count_refused")
				must(t, h.Users.ResetSignCount(context.Background(), h.Org.ID, api.FirstCredentialID(ada.UserID)))
				world.Read[any](t, f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), 1)))
				h.RefusedAs(t, "the same after the reset", f.Complete(t, h, session, counting(t, ada, f.Begin(t, h, ada, session), 1)), 401, "sign_count_refused")
			}
		}
	})
}

// Of many assertions with one counter at the same moment, a policy that refuses accepts one.
func TestCountersAtOnce(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.SetPolicies(t, organisation.Policies{SignCount: "refuse"})
		ada := h.Employee(t, authenticator.Options{SignCount: 1})
		for round := range 3 {
			calls := make([]func() world.Answer, 12)
			for i := range calls {
				in := counting(t, ada, h.InitLogin(t, ada.OrgID, ada.Username), uint32(100+round))
				calls[i] = func() world.Answer { return h.Post(t, loginPath, in) }
			}
			if won := h.Race(t, calls, "sign_count_refused"); won != 1 {
				t.Errorf("%d of %d passed", won, len(calls))
			}
			if n := h.SessionCount(t, ada); n != round+1 {
				t.Errorf("%d sessions, want %d", n, round+1)
			}
		}
	})
}

// A change of the backup flags is checked by its own policy, and recorded.
func TestBackupFlags(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		for _, policy := range []string{"auto", "refuse", "alert", "record"} {
			h.SetPolicies(t, organisation.Policies{Backup: policy})
			for _, f := range world.Flows {
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
					ada := h.Employee(t, change.was)
					session := h.LogIn(t, ada)
					what := policy + ", " + f.Name + ", " + name
					before := h.Kept(t)
					a := f.Complete(t, h, session, world.Signed(t, ada, f.Begin(t, h, ada, session), world.Flipped(change.is)))
					events := h.EventsOf(t, ada.UserID, backupChanged)
					if len(events) != 1 {
						t.Errorf("%s: %d events tell of it", what, len(events))
					}
					if policy != "refuse" {
						if a.Status != http.StatusOK {
							t.Errorf("%s: %d %s", what, a.Status, a.Body)
						}
						continue
					}
					h.RefusedAs(t, what, a, 401, "backup_state_refused")
					if n := h.SessionCount(t, ada); n != 1 || h.Kept(t) == before {
						t.Errorf("%s: %d sessions", what, n)
					}
					h.LogIn(t, ada) // as it was, it is accepted
				}
			}
		}
	})
}

// If a second factor is required, the first alone is refused, and so are a second of another user
// and the same credential twice.
func TestSecondFactors(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada, second := h.TwoFactors(t)
		bob, bobsSecond := h.TwoFactors(t)
		session := world.Read[api.LoginResult](t, h.Post(t, loginPath, world.Signed(t, ada, h.InitLogin(t, ada.OrgID, ada.Username)))).Token
		h.SetPolicies(t, organisation.Policies{SecondFactor: "required"})
		for _, f := range world.Flows {
			before := h.Kept(t)
			both := func(one, two *countersigntest.Person) world.Answer {
				c := f.Begin(t, h, ada, session)
				in := world.Signed(t, one, c)
				in.SecondFactor = two.Assert(t, c)
				return f.Complete(t, h, session, in)
			}
			h.RefusedAs(t, f.Name+", the first alone", f.Complete(t, h, session, world.Signed(t, ada, f.Begin(t, h, ada, session))), 401, "second_factor_required")
			h.RefusedAs(t, f.Name+", another's second", both(ada, bobsSecond), 401, "signature_invalid")
			h.RefusedAs(t, f.Name+", another's first as second", both(ada, bob), 401, "signature_invalid", "user_handle_mismatch")
			h.RefusedAs(t, f.Name+", the first twice", both(ada, ada), 400, "credentials_not_distinct")
			c := f.Begin(t, h, ada, session)
			in := world.Signed(t, ada, c)
			in.SecondFactor = ada.Assert(t, c)
			in.SecondFactor.CredentialAssertion.CredID = api.FirstCredentialID(ada.UserID)
			h.RefusedAs(t, f.Name+", the first twice, once by id", f.Complete(t, h, session, in), 400, "credentials_not_distinct")
			in.SecondFactor = second.Assert(t, api.SigningChallenge{Challenge: world.Base64(make([]byte, 32))})
			h.RefusedAs(t, f.Name+", a stale second", f.Complete(t, h, session, in), 400, "challenge_mismatch")
			h.Unmoved(t, f.Name, before)
			if f.Named {
				h.RefusedAs(t, f.Name+", the second alone", f.Complete(t, h, session, world.Signed(t, second, f.Begin(t, h, ada, session))), 401, "first_factor_required")
				h.RefusedAs(t, f.Name+", the other way round", both(second, ada), 401, "first_factor_required")
				h.Unmoved(t, f.Name, before)
			}
			world.Read[any](t, both(ada, second))
		}
	})
}

// Both factors may be named by their ids, of any letters.
func TestFactorsNamedById(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	h.Employee(t)
	for range 8 {
		ada, second := h.TwoFactors(t)
		all, err := h.DB.CredentialsOfUser(context.Background(), ada.UserID)
		must(t, err)
		c := h.InitLogin(t, ada.OrgID, ada.Username)
		in := world.Signed(t, ada, c)
		in.SecondFactor = second.Assert(t, c)
		for _, k := range all {
			if world.Base64(k.CredentialID) == ada.CredentialID() {
				in.FirstFactor.CredentialAssertion.CredID = k.ID
			} else {
				in.SecondFactor.CredentialAssertion.CredID = k.ID
			}
		}
		if a := h.Post(t, loginPath, in); a.Status != http.StatusOK {
			t.Errorf("%s and %s: %d %s", in.FirstFactor.CredentialAssertion.CredID, in.SecondFactor.CredentialAssertion.CredID, a.Status, a.Body)
		}
	}
}
