package acceptance_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// attempts is how many people at once hold the same code in these tests.
const attempts = 64

// Sixty-four browsers hold one code, each with its own challenge and its own passkey,
// and complete at the same moment on two servers. One wins.
func TestOneOfManyCompletionsWins(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		inv := h.invite(org, "ada@example.org")
		first := h.serve()
		nodes := []*node{first, first.another()}

		all := make([]attempt, attempts)
		for i := range all {
			all[i] = nodes[i%2].mustBegin(inv)
		}
		results, errs := race(nodes, all)
		winner := onlyWinner(h, results, errs)
		h.look().want(1)
		if n := h.look().count(`SELECT COUNT(*) FROM users`); n != 1 {
			h.Errorf("%d users, want 1", n)
		}
		if s := h.state(inv); s != "completed" {
			h.Errorf("the code is %s, want completed", s)
		}

		// Nobody comes after the winner, but the winner's own call is answered as it was,
		// on every node, also many times at once.
		for i, a := range all {
			result, err := nodes[(i+1)%2].complete(a)
			if i == winner {
				if must(h, err); result != results[winner] {
					h.Errorf("repeated, the winner's call is answered %+v, at first %+v", result, results[winner])
				}
				continue
			}
			refused(h, err, 401, "user_already_exists")
		}
		again := make([]attempt, attempts)
		for i := range again {
			again[i] = all[winner]
		}
		repeated, errs := race(nodes, again)
		for i := range repeated {
			if errs[i] != nil || repeated[i] != results[winner] {
				h.Errorf("repeated at once, the winner's call is answered %+v, %v; want %+v", repeated[i], errs[i], results[winner])
			}
		}
		h.look().want(1)
	})
}

// One completing call is sent many times at once, as by a client that retries before
// it has an answer. Every copy gets the same success; it happens once.
func TestOneCallSentManyTimesSucceedsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada@example.org")
		first := h.serve()
		nodes := []*node{first, first.another()}
		all := make([]attempt, attempts)
		all[0] = first.mustBegin(inv)
		for i := range all {
			all[i] = all[0]
		}
		results, errs := race(nodes, all)
		for i, err := range errs {
			if err != nil || results[i] != results[0] {
				h.Errorf("copy %d is answered %+v, %v; copy 0 %+v", i, results[i], err, results[0])
			}
		}
		h.look().want(1)
	})
}

// What another call sends with the winner's token, or the winner's credential with
// another token, is no repetition.
func TestOnlyTheWinnersOwnCallIsRepeated(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada@example.org")
		n := h.serve()
		winner, other := n.mustBegin(inv), n.mustBegin(inv)
		challenge, err := n.init(inv)
		must(h, err)
		_, err = n.complete(winner)
		must(h, err)

		_, err = n.complete(attempt{token: winner.token, request: other.request})
		refused(h, err, 401, "user_already_exists")
		_, err = n.complete(attempt{token: challenge.TemporaryAuthenticationToken, request: winner.request})
		refused(h, err, 401, "user_already_exists")
		fresh, err := n.answer(challenge)
		must(h, err)
		renamed := winner
		credential := *winner.request.FirstFactorCredential
		credential.CredentialInfo.AttestationData = fresh.request.FirstFactorCredential.CredentialInfo.AttestationData
		renamed.request = api.RegistrationRequest{FirstFactorCredential: &credential}
		_, err = n.complete(renamed)
		refused(h, err, 401, "user_already_exists")
		h.look().want(1)
	})
}

// race sends the attempts at once, in turn to each node.
func race(nodes []*node, all []attempt) ([]api.RegistrationResult, []error) {
	results, errs := make([]api.RegistrationResult, len(all)), make([]error, len(all))
	together(len(all), func(i int) { results[i], errs[i] = nodes[i%len(nodes)].complete(all[i]) })
	return results, errs
}

// onlyWinner returns which one attempt succeeded, and fails the test if the others were
// not all told that they came too late.
func onlyWinner(t testing.TB, results []api.RegistrationResult, errs []error) int {
	t.Helper()
	winners := []int{}
	for i, err := range errs {
		var e *client.Error
		switch {
		case err == nil:
			winners = append(winners, i)
		case !errors.As(err, &e):
			t.Errorf("attempt %d has no proper answer: %v", i, err)
		case e.Code != "user_already_exists" && e.Code != "registration_lost":
			t.Errorf("attempt %d is refused with %v", i, e)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d of %d attempts succeeded, want 1: %+v", len(winners), len(errs), results)
	}
	return winners[0]
}

// Two invitations race for one credential: two users present the very same passkey,
// each with a right challenge of their own. A credential belongs to one user.
func TestOneCredentialForOneUser(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		const users = 8
		all := make([]attempt, users)
		var id string
		for i, inv := range h.inviteMany(org, "ada", users) {
			all[i] = n.mustBegin(inv, withCredentialID("the same for everybody"))
			if id == "" {
				id = all[i].request.FirstFactorCredential.CredentialInfo.CredID
			} else if id != all[i].request.FirstFactorCredential.CredentialInfo.CredID {
				h.Fatal("the credential IDs differ")
			}
		}
		var mu sync.Mutex
		won := 0
		together(users, func(i int) {
			_, err := n.complete(all[i])
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
				return
			}
			refused(h, err, 409, "credential_already_registered")
		})
		if won != 1 {
			h.Errorf("%d users registered one credential, want 1", won)
		}
		h.look().want(1)
	})
}
