package recovery_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/attestation"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// attempt is a completing call that can be made again and again.
type attempt struct {
	holder        // who asks
	next   holder // who they are once it is complete
	token  string
	in     api.RecoverRequest
}

// try prepares the completing call of a recovery that is begun by mail.
func (p holder) try(t testing.TB) attempt {
	t.Helper()
	c := p.begin(t)
	in, next := p.request(t, c)
	return attempt{p, next, c.TemporaryAuthenticationToken, in}
}

func (a attempt) send(t testing.TB) world.Answer {
	t.Helper()
	return a.complete(t, a.token, a.in)
}

// pends sends it, and fails t unless it waits for that approval. It returns what it waits for.
func (a attempt) pends(t testing.TB, approval string) api.PendingRecovery {
	t.Helper()
	a.h.RefusedAs(t, "a recovery that waits", a.send(t), 409, api.CodeRecoveryPending)
	_, err := a.h.Client().Recover(t.Context(), a.token, a.in)
	p, waits := client.PendingRecovery(err)
	if !waits || p.Approval != approval || !api.ValidID(api.PrefixRecovery, p.ID) {
		t.Errorf("pending %+v, %v: %v", p, waits, err)
	}
	return p
}

// completes sends it twice, and fails t unless the new passkey logs in and the former one does not.
func (a attempt) completes(t testing.TB) {
	t.Helper()
	result := world.Read[api.RegistrationResult](t, a.send(t))
	if again := world.Read[api.RegistrationResult](t, a.send(t)); again != result || result.User.ID == "" {
		t.Errorf("sent again, it answers %+v, before %+v", again, result)
	}
	a.next.LogIn(t)
	a.h.RefusedAs(t, "the passkey from before", a.h.Post(t, "/auth/login", world.Signed(t, a.Person, a.h.InitLogin(t, a.OrgID, a.Username))), 401, "credential_inactive")
}

// eachTenant runs test on each database for an organisation with these policies and a user who can recover.
func eachTenant(t *testing.T, p organisation.Policies, test func(t *testing.T, n *world.Tenant, ada holder)) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		n.SetPolicies(t, p)
		ada := hold(t, n.Organisation, n.Invitee(t))
		test(t, n, ada)
	}, countersigntest.Mail())
}

func id(t testing.TB, n *world.Tenant, p holder) string {
	t.Helper()
	u, err := n.DB.UserByName(t.Context(), n.Org.ID, p.Username)
	world.Must(t, err)
	return u.ID
}

// person is a user as an administrator sees them.
func person(t testing.TB, s *client.Session, p holder) api.Person {
	t.Helper()
	var list api.PeopleList
	world.Must(t, s.Do(t.Context(), "GET", "/countersign/people?name="+p.Username, nil, &list))
	return list.Items[0]
}

// told fails t unless one mail says all that.
func told(t testing.TB, h *world.Organisation, words ...string) {
	t.Helper()
	h.Outbox.Finish()
	for _, m := range h.Mailbox.Messages() {
		text := strings.Join(strings.Fields(string(m.Data)), " ")
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			return
		}
	}
	t.Errorf("no mail says %q", words)
}

// A recovery waits as long as the organisation says. Until then nothing changes, its owner is told, and
// everybody whom it concerns sees it. The very same request completes it then, and no other.
func TestRecoveryWaits(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "24h"}, func(t *testing.T, n *world.Tenant, ada holder) {
		began := n.Clock.Now()
		c := ada.begin(t)
		forged, _ := ada.renew(t, c)
		bad := api.RecoverRequest{Recovery: ada.sign("{}"), NewCredentials: &forged}
		n.RefusedAs(t, "badly signed", ada.complete(t, c.TemporaryAuthenticationToken, bad), 400, "recovery_mismatch")
		if person(t, n.Admin, ada).Recovery != nil {
			t.Error("a request that was refused waits")
		}
		in, next := ada.request(t, c)
		a := attempt{ada, next, c.TemporaryAuthenticationToken, in}
		p := a.pends(t, api.ApprovalNotNeeded)
		since, err := time.Parse(time.RFC3339, p.Since)
		if err != nil || since.Before(began.Truncate(time.Second)) || p.Until != api.Time(since.Add(24*time.Hour)) || p.Expires != api.Time(since.Add(24*time.Hour+store.RecoveryLife)) {
			t.Errorf("it waits from %s until %s and expires %s", p.Since, p.Until, p.Expires)
		}
		told(t, n.Organisation, "Somebody has begun to recover your account", n.URL+"/account", "can be completed from")
		if events := n.EventsOf(t, id(t, n, ada), store.EventRecoveryRequested); len(events) != 1 {
			t.Errorf("%d events of one recovery that waits, however often it was sent", len(events))
		}
		s := n.Session(t, ada.Person) // the passkey from before is good, and shows it
		var account api.Account
		world.Must(t, s.Do(t.Context(), "GET", "/countersign/account", nil, &account))
		p.Address = account.Recovery.Address
		if p.Address == "" || *account.Recovery != p || *person(t, n.Admin, ada).Recovery != p {
			t.Errorf("its owner sees %+v, the administrator %+v, want %+v", account.Recovery, person(t, n.Admin, ada).Recovery, p)
		}

		swapped, _ := ada.request(t, c)
		mixed := a.in
		mixed.NewCredentials = swapped.NewCredentials
		n.RefusedAs(t, "another request with the ticket", ada.complete(t, a.token, swapped), 409, "recovery_lost")
		n.RefusedAs(t, "other credentials", ada.complete(t, a.token, mixed), 400, "recovery_mismatch")
		n.Clock.Advance(24*time.Hour - time.Minute)
		a.pends(t, api.ApprovalNotNeeded)
		n.Clock.Advance(time.Minute)
		n.RefusedAs(t, "another request, later", ada.complete(t, a.token, swapped), 401, ceremony.CodeExpired)
		n.RefusedAs(t, "other credentials, later", ada.complete(t, a.token, mixed), 401, ceremony.CodeExpired)
		elsewhere := ada.begin(t)
		n.RefusedAs(t, "with the ticket of another", ada.complete(t, elsewhere.TemporaryAuthenticationToken, a.in), 400, "challenge_mismatch")
		a.completes(t)
		if events := n.EventsOf(t, id(t, n, ada), store.EventUserRecovered); len(events) != 1 {
			t.Errorf("%d events", len(events))
		}
		n.Admin = n.AdminAgain(t)
		if got := person(t, n.Admin, ada).Recovery; got != nil {
			t.Errorf("complete, it still waits: %+v", got)
		}
		told(t, n.Organisation, "Your account was recovered")
		n.Clock.Advance(store.RecoveryLife)
		n.RefusedAs(t, "sent again too late", a.send(t), 401, ceremony.CodeExpired)
	})
}

// Who may approve a recovery does so, by its id. Nobody approves their own.
func TestRecoveryApproval(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryApproval: "on"}, func(t *testing.T, n *world.Tenant, ada holder) {
		adaID := id(t, n, ada)
		n.Allow(t, adaID, "Auth:Users:Recover", "Auth:Logs:Read")
		clerk, other := n.Employ(t, "clerk@example.org", "Auth:Users:Recover"), n.Employ(t, "other@example.org", "Auth:Users:Read")
		_, foreigner := n.Administrator(t, "Difference Engines")
		machine := n.Callers[api.CallerServiceAccount]
		n.Promote(t, n.Identities[api.CallerServiceAccount])
		former := n.Session(t, ada.Person)

		replaced := ada.try(t)
		early := replaced.pends(t, api.ApprovalNeeded)
		a := ada.try(t)
		p := a.pends(t, api.ApprovalNeeded)
		n.RefusedAs(t, "replaced", replaced.send(t), 409, "recovery_replaced")
		approve := func(s *client.Session, userID, recoveryID string) error {
			_, err := s.ApproveRecovery(t.Context(), userID, recoveryID)
			return err
		}
		for what, c := range map[string]struct {
			err    error
			status int
			code   string
		}{
			"by themselves":                        {approve(former, adaID, p.ID), 409, "recovery_of_oneself"},
			"by one who could not give her rights": {approve(clerk.Session, adaID, p.ID), 403, "permission_denied"},
			"by one without the right":             {approve(other.Session, adaID, p.ID), 403, "permission_denied"},
			"by a program":                         {approve(machine, adaID, p.ID), 403, "permission_denied"},
			"by another organisation":              {approve(n.Session(t, foreigner), adaID, p.ID), 404, "user_not_found"},
			"the one that was replaced":            {approve(n.Admin, adaID, early.ID), 409, "recovery_not_pending"},
			"for another":                          {approve(n.Admin, clerk.ID, p.ID), 409, "recovery_not_pending"},
			"no id":                                {approve(n.Admin, adaID, ""), 400, "member_missing"},
		} {
			world.Refused(t, what, c.err, c.status, c.code)
		}
		n.CallAs(t, n.Admin, false, "POST", "/countersign/people/"+adaID+"/recovery/approve", world.JSON(t, api.ApproveRecoveryRequest{RecoveryID: p.ID})).
			Wants(t, "unsigned", 403, "user_action_invalid")
		a.pends(t, api.ApprovalNeeded)

		n.Clock.Advance(store.RecoveryLife - time.Minute)
		n.Admin = n.AdminAgain(t)
		world.Must(t, approve(n.Admin, adaID, p.ID))
		told(t, n.Organisation, "was approved by administrator@example.org")
		world.Refused(t, "twice", approve(n.Admin, adaID, p.ID), 409, "recovery_approval_not_needed")
		if got := person(t, n.Admin, ada).Recovery; got.Approval != api.ApprovalGiven {
			t.Errorf("approved, it shows %+v", got)
		}
		n.Clock.Advance(store.RecoveryLife - time.Minute) // it lives as long from the approval
		a.completes(t)
		if kinds := n.EventsAbout(t, adaID, store.EventRecoveryRequested, store.EventRecoveryApproved, store.EventUserRecovered); len(kinds) != 4 {
			t.Errorf("events %q", kinds)
		}

		// An approval is for the recovery that it names: the next one waits anew.
		b := a.next.try(t)
		approved := b.pends(t, api.ApprovalNeeded)
		world.Must(t, n.Recovery.ApproveByOperator(t.Context(), n.Org.ID, ada.Username, approved.ID))
		told(t, n.Organisation, "by the operator of the server")
		later := b.next
		later.recovery, later.Person = b.recovery, b.Person
		c := later.try(t)
		c.pends(t, api.ApprovalNeeded)
		n.RefusedAs(t, "approved and replaced", b.send(t), 409, "recovery_replaced")
	})
}

// With both options a recovery waits for both, in any order, by the policies as they were when it was asked
// for.
func TestRecoveryWaitsForBoth(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "24h", RecoveryApproval: "on"}, func(t *testing.T, n *world.Tenant, ada holder) {
		bob := hold(t, n.Organisation, n.Invitee(t))
		a, b := ada.try(t), bob.try(t)
		pa, pb := a.pends(t, api.ApprovalNeeded), b.pends(t, api.ApprovalNeeded)
		_, err := n.Admin.ApproveRecovery(t.Context(), id(t, n, ada), pa.ID)
		world.Must(t, err)
		a.pends(t, api.ApprovalGiven)
		n.SetPolicies(t, organisation.Policies{RecoveryWait: "0", RecoveryApproval: "off"})
		a.pends(t, api.ApprovalGiven)
		n.Clock.Advance(24 * time.Hour)
		b.pends(t, api.ApprovalNeeded)
		_, err = n.AdminAgain(t).ApproveRecovery(t.Context(), id(t, n, bob), pb.ID)
		world.Must(t, err)
		a.completes(t)
		b.completes(t)
		a.next.try(t).completes(t) // the options are off
	})
}

// The owner, an administrator and the operator stop a recovery; nobody else does. Nothing that was begun
// before can be completed then, and what begins after it can.
func TestStoppedRecovery(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "24h"}, func(t *testing.T, n *world.Tenant, ada holder) {
		adaID := id(t, n, ada)
		s := n.Session(t, ada.Person)
		clerk, other := n.Employ(t, "clerk@example.org", "Auth:Users:Recover"), n.Employ(t, "other@example.org", "Auth:Users:Read")
		_, foreigner := n.Administrator(t, "Difference Engines")
		stop := func(s *client.Session) error {
			_, err := s.StopRecovery(t.Context(), adaID)
			return err
		}
		_, err := s.StopOwnRecovery(t.Context())
		world.Refused(t, "nothing waits", err, 409, "recovery_not_pending")
		_, err = n.Admin.StopOwnRecovery(t.Context())
		world.Refused(t, "another's", err, 409, "recovery_not_pending")
		for by, halt := range map[string]func() error{
			"from a session of yours":       func() error { _, err := s.StopOwnRecovery(t.Context()); return err },
			"by clerk@example.org":          func() error { return stop(clerk.Session) },
			"by the operator of the server": func() error { return n.Recovery.StopByOperator(t.Context(), n.Org.ID, ada.Username) },
			"by administrator@example.org":  func() error { return stop(n.Admin) },
		} {
			code := ada.mailed(t)
			begun := world.Read[api.RecoveryChallenge](t, ada.init(t, ada.mailed(t)))
			a := ada.try(t)
			a.pends(t, api.ApprovalNotNeeded)
			world.Refused(t, "without the right", stop(other.Session), 403, "permission_denied")
			world.Refused(t, "from another organisation", stop(n.Session(t, foreigner)), 404, "user_not_found")
			n.CallAs(t, n.Admin, false, "POST", "/countersign/people/"+adaID+"/recovery/stop", "{}").Wants(t, "unsigned", 403, "user_action_invalid")
			world.Must(t, halt())
			n.RefusedAs(t, by, a.send(t), 409, "recovery_stopped")
			told(t, n.Organisation, "was stopped "+by)
			in, _ := ada.request(t, begun)
			n.RefusedAs(t, "begun before", ada.complete(t, begun.TemporaryAuthenticationToken, in), 409, "recovery_stopped")
			n.RefusedAs(t, "a code from before", ada.init(t, code), 403, "recovery_code_invalid")
			world.Refused(t, "twice", stop(n.Admin), 409, "recovery_not_pending")
			n.Clock.Advance(15 * time.Minute) // no more than five codes are mailed in that time
		}
		if kinds := n.EventsAbout(t, adaID, store.EventRecoveryStopped); len(kinds) != 4 {
			t.Errorf("events %q", kinds)
		}
		if !n.Lives(t, s) {
			t.Error("the session of the owner has ended")
		}

		// What was begun before is refused also where recoveries do not wait any more.
		begun, a := ada.begin(t), ada.try(t)
		a.pends(t, api.ApprovalNotNeeded)
		n.SetPolicies(t, organisation.Policies{RecoveryWait: "0"})
		world.Must(t, stop(n.Admin))
		in, _ := ada.request(t, begun)
		n.RefusedAs(t, "begun before, at once", ada.complete(t, begun.TemporaryAuthenticationToken, in), 409, "recovery_stopped")
		n.Clock.Advance(time.Second)
		ada.try(t).completes(t)
	})
}

// A recovery ends with what it depends on: not for a while, but for good.
func TestVoidRecovery(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "1h"}, func(t *testing.T, n *world.Tenant, ada holder) {
		active := func(name string, on bool) {
			t.Helper()
			world.Must(t, n.Users.SetActive(t.Context(), n.Org.ID, name, on))
		}
		keyOf := func(p holder) (id string) {
			t.Helper()
			all, err := n.DB.CredentialsOfUser(t.Context(), p.userID(t))
			world.Must(t, err)
			for _, c := range all {
				if c.Factor == store.FactorRecovery {
					id = c.ID
				}
			}
			return id
		}
		bob, eve, dan := hold(t, n.Organisation, n.Invitee(t)), hold(t, n.Organisation, n.Invitee(t)), hold(t, n.Organisation, n.Invitee(t))
		a, b, e, d := ada.try(t), bob.try(t), eve.try(t), dan.try(t)
		for _, x := range []attempt{a, b, e, d} {
			x.pends(t, api.ApprovalNotNeeded)
		}
		active(ada.Username, false)
		n.RefusedAs(t, "deactivated", a.send(t), 400, "user_inactive")
		active(ada.Username, true)
		_, err := n.Users.RecoverByOperator(t.Context(), n.Org.ID, bob.Username, time.Hour)
		world.Must(t, err)
		key := keyOf(eve)
		_, err = n.Session(t, eve.Person).DeactivateCredential(t.Context(), key)
		world.Must(t, err)
		n.Clock.Advance(2 * time.Hour)
		n.RefusedAs(t, "activated again", a.send(t), 409, "recovery_lost")
		n.RefusedAs(t, "after a new start", b.send(t), 401, "credential_not_recovery")
		n.RefusedAs(t, "its recovery key is inactive", e.send(t), 401, "credential_not_recovery")
		_, err = n.Session(t, eve.Person).ActivateCredential(t.Context(), key)
		world.Must(t, err)
		n.RefusedAs(t, "its recovery key was inactive", e.send(t), 409, "recovery_lost")
		n.Clock.Advance(store.RecoveryLife - time.Hour)
		n.RefusedAs(t, "not completed in time", d.send(t), 409, "recovery_expired")
		if got := person(t, n.AdminAgain(t), dan).Recovery; got != nil {
			t.Errorf("expired, it shows %+v", got)
		}
		again := dan.try(t)
		again.pends(t, api.ApprovalNotNeeded)
		n.RefusedAs(t, "expired and replaced", d.send(t), 401, ceremony.CodeExpired)
		n.Clock.Advance(time.Hour)
		world.Must(t, n.Session(t, dan.Person).DeleteCredential(t.Context(), keyOf(dan)))
		n.RefusedAs(t, "its recovery key is removed", again.send(t), 401, "credential_not_recovery")
	})
}

func (p holder) userID(t testing.TB) string {
	t.Helper()
	u, err := p.h.DB.UserByName(t.Context(), p.OrgID, p.Username)
	world.Must(t, err)
	return u.ID
}

// What a service account begins waits as well, and is void once a recovery was stopped.
func TestDelegatedRecoveryWaits(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "1h", RecoveryApproval: "on"}, func(t *testing.T, n *world.Tenant, _ holder) {
		_, machine := n.ServiceAccount(t, n.Org.ID, "recoverer", n.Permission(t, n.Org.ID, "recoverers", "Auth:Recover:Delegated", "Auth:Register:Delegated"))
		c := world.Read[api.RegistrationChallenge](t, n.CallAs(t, machine, true, "POST", "/auth/registration/delegated", world.JSON(t, map[string]string{"email": "customer", "kind": "EndUser"})))
		p := holder{&countersigntest.Person{Invitation: countersigntest.Invitation{OrgID: n.Org.ID, Username: "customer"}, Origin: n.URL, Client: n.Client()}, n.Organisation, authenticator.NewKeySigner("P-256")}
		first, passkey, err := authenticator.New().Create(c, authenticator.Options{Origin: n.URL})
		world.Must(t, err)
		p.Passkey = passkey
		second := p.recovery.Create(c.Challenge, api.KindRecoveryKey)
		n.Send(t, "POST", "/auth/registration", world.Bearer(c.TemporaryAuthenticationToken), api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second}).Wants(t, "register", 200, "")
		begin := func() attempt {
			t.Helper()
			c := world.Read[api.RecoveryChallenge](t, n.CallAs(t, machine, true, "POST", delegatedPath, world.JSON(t, api.DelegatedRecoveryRequest{Username: "customer", CredentialID: p.recovery.CredentialID})))
			in, next := p.request(t, c)
			return attempt{p, next, c.TemporaryAuthenticationToken, in}
		}
		before, a := begin(), begin()
		a.pends(t, api.ApprovalNeeded)
		_, err = n.Session(t, p.Person).StopOwnRecovery(t.Context())
		world.Must(t, err)
		n.RefusedAs(t, "begun before", before.send(t), 409, "recovery_stopped")
		n.Clock.Advance(time.Second)
		b := begin()
		v := b.pends(t, api.ApprovalNeeded)
		n.Clock.Advance(time.Hour)
		b.pends(t, api.ApprovalNeeded)
		_, err = n.Admin.ApproveRecovery(t.Context(), p.userID(t), v.ID)
		world.Must(t, err)
		b.completes(t)
	})
}

// Fifty calls at once that complete one recovery are one recovery, and all get its answer. The same at the
// beginning of one that waits.
func TestParallelCompletions(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "1h"}, func(t *testing.T, n *world.Tenant, ada holder) {
		a := ada.try(t)
		calls := slices.Repeat([]func() world.Answer{func() world.Answer { return a.send(t) }}, 50)
		if won := n.Race(t, calls, api.CodeRecoveryPending); won != 0 {
			t.Errorf("%d of 50 were complete at once", won)
		}
		n.Clock.Advance(time.Hour)
		if won := n.Race(t, calls); won != 50 {
			t.Errorf("%d of 50 got the answer", won)
		}
		for kind, want := range map[string]int{store.EventRecoveryRequested: 1, store.EventUserRecovered: 1} {
			if got := len(n.EventsOf(t, ada.userID(t), kind)); got != want {
				t.Errorf("%d events %s, want %d", got, kind, want)
			}
		}
		if all := world.Read[api.CredentialList](t, n.Call(t, "GET", "/auth/credentials", a.next.LogIn(t), "", "")).Items; len(all) != 2 {
			t.Errorf("%d credentials, want 2", len(all))
		}
		n.SetPolicies(t, organisation.Policies{RecoveryWait: "0"})
		b := a.next.try(t)
		if won := n.Race(t, slices.Repeat([]func() world.Answer{func() world.Answer { return b.send(t) }}, 50)); won != 50 {
			t.Errorf("%d of 50 got the answer where none waits", won)
		}
		if got := len(n.EventsOf(t, ada.userID(t), store.EventUserRecovered)); got != 2 {
			t.Errorf("%d events of two recoveries", got)
		}
	})
}

// Whatever comes first, a recovery is stopped or complete, and the log says the same.
func TestStopAgainstCompletion(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "1h"}, func(t *testing.T, n *world.Tenant, ada holder) {
		outcomes := map[string]int{}
		for range 10 {
			p := hold(t, n.Organisation, n.Invitee(t))
			a := p.try(t)
			a.pends(t, api.ApprovalNotNeeded)
			n.Clock.Advance(time.Hour)
			s := n.Session(t, p.Person)
			var stopped error
			answers := make([]world.Answer, 5)
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range answers {
				wg.Go(func() { <-start; answers[i] = a.send(t) })
			}
			wg.Go(func() { <-start; _, stopped = s.StopOwnRecovery(t.Context()) })
			close(start)
			wg.Wait()
			events := n.EventsAbout(t, p.userID(t), store.EventRecoveryStopped, store.EventUserRecovered)
			if len(events) != 1 {
				t.Fatalf("the log says %q", events)
			}
			outcomes[events[0]]++
			switch events[0] {
			case store.EventRecoveryStopped:
				world.Must(t, stopped)
				p.LogIn(t)
				for _, answer := range answers {
					n.RefusedAs(t, "stopped", answer, 409, "recovery_stopped")
				}
			default:
				if stopped == nil { // or its session has ended meanwhile
					t.Error("complete, and stopped as well")
				}
				for _, answer := range answers {
					answer.Wants(t, "complete", 200, "")
				}
				a.completes(t)
			}
		}
		t.Logf("%v", outcomes)
	})
}

// The passkey that waits may have been registered elsewhere by then: nothing changes.
func TestCredentialsOfARecoveryThatAreTaken(t *testing.T) {
	eachTenant(t, organisation.Policies{RecoveryWait: "1h"}, func(t *testing.T, n *world.Tenant, ada holder) {
		a := ada.try(t)
		a.pends(t, api.ApprovalNotNeeded)
		offers, err := attestation.Read(*a.in.NewCredentials)
		world.Must(t, err)
		now := n.Clock.Now()
		thief := id(t, n, hold(t, n.Organisation, n.Invitee(t)))
		world.Must(t, n.DB.Write(t.Context(), func(tx *store.Tx) error {
			tx.AddCredential(store.Credential{ID: api.NewID(api.PrefixCredential, now), OrgID: n.Org.ID, UserID: thief, Kind: api.KindFido2, Factor: store.FactorFirst,
				Realm: "localhost", CredentialID: offers[0].CredentialID, PublicKey: []byte{1}, CreatedAt: now}, nil)
			return nil
		}))
		n.Clock.Advance(time.Hour)
		n.RefusedAs(t, "taken", a.send(t), 409, "credential_already_registered")
		ada.LogIn(t)
		a.pendsNot(t)
	})
}

// pendsNot fails t unless the recovery still waits to be completed, though its time is over.
func (a attempt) pendsNot(t testing.TB) {
	t.Helper()
	v, err := a.h.DB.OpenRecovery(t.Context(), a.userID(t))
	world.Must(t, err)
	if v.Pending(a.h.Clock.Now()) == nil {
		t.Error("a recovery that failed has ended")
	}
}
