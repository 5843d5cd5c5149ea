package login_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

// Names that are different to a service are never one user here: in delegation a name is
// spelled as it is stored. People may go on typing their own name as they like.
func TestDelegationTakesTheStoredSpelling(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d := newDelegation(t, srv)
		finished := d.endUser(t, "customer-1 straße é")
		pending := d.begin(t, "pending-1 straße é")
		spellings := func(name string) map[string]string {
			return map[string]string{
				"capitals":      strings.ToUpper(strings.ReplaceAll(name, "ß", "SS")),
				"one capital":   strings.ToUpper(name[:1]) + name[1:],
				"long s":        strings.Replace(name, "s", "ſ", 1),
				"full width":    strings.Replace(name, "1", "１", 1),
				"superscript":   strings.Replace(name, "1", "¹", 1),
				"ss":            strings.Replace(name, "ß", "ss", 1),
				"capital sharp": strings.Replace(name, "ß", "ẞ", 1),
				"decomposed":    strings.Replace(name, "é", "e\u0301", 1),
				"a capital é":   strings.Replace(name, "é", "É", 1),
				"a ligature":    strings.Replace(name, "st", "\ufb06", 1),
			}
		}
		for what, name := range spellings(finished.Username) {
			_, err := d.logIn(name)
			world.Refused(t, "login in "+what, err, http.StatusConflict, "username_differs")
			for _, path := range []string{delegatedPath, restartPath} {
				_, err := d.ask(path, endUserNamed(name))
				world.Refused(t, path+" in "+what+" for who finished", err, http.StatusConflict, "username_differs")
			}
			if challenge := d.InitLogin(t, d.Org.ID, name); len(challenge.AllowCredentials.WebAuthn) == 0 || challenge.AllowCredentials.WebAuthn[0].ID != finished.CredentialID() {
				t.Errorf("in %s the user themselves cannot log in", what)
			}
		}
		for what, name := range spellings("pending-1 straße é") {
			_, err := d.logIn(name)
			world.Refused(t, "login in "+what+" of who did not finish", err, http.StatusConflict, "username_differs")
			for _, path := range []string{delegatedPath, restartPath} {
				_, err := d.ask(path, endUserNamed(name))
				world.Refused(t, path+" in "+what, err, http.StatusConflict, "username_differs")
			}
		}
		if n := len(d.EventsOf(t, pending.User.ID, "user.delegated_registration_begun")); n != 1 {
			t.Errorf("the registration began %d times", n)
		}
		if n := len(d.EventsOf(t, finished.UserID, "user.logged_in_by_delegation")); n != 0 {
			t.Errorf("the user was logged in %d times", n)
		}
		_, err := d.logIn(finished.Username)
		must(t, err)
		_, err = d.ask(restartPath, endUserNamed("pending-1 straße é"))
		must(t, err)

		staff := d.Register(t, d.Invite(t, d.Org.ID, "staff@example.org")) // who is no end user is refused as before
		_, err = d.logIn(strings.ToUpper(staff.Username))
		world.Refused(t, "login of an employee", err, http.StatusUnauthorized, "user_not_found")
		_, err = d.ask(delegatedPath, api.DelegatedRegistrationRequest{Email: strings.ToUpper(staff.Username), Kind: api.EndUser})
		world.Refused(t, "registration of an employee", err, http.StatusUnauthorized, "user_already_exists")
	})
}
