package countersigntest_test

import (
	"fmt"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// Somebody has two passkeys and a recovery key, loses all, and comes back: with the recovery key, by a code
// that the server mails, and then with the help of an administrator.
func Example_recovery() {
	t := countersigntest.NewExample()
	defer t.End()

	srv := countersigntest.Start(t, countersigntest.Mail())
	org, administrator := srv.Administrator(t, "Analytical Engines")
	grace := srv.Register(t, srv.Invite(t, org.ID, "grace@example.org"))
	phone := grace.AddPasskey(t)
	tablet := phone.AddPasskeyByCode(t)
	key := tablet.AddRecoveryKey(t)
	tablet.LogIn(t)

	recovered := srv.Recover(t, grace, key)
	recovered.LogIn(t)

	inv := srv.NewStart(t, srv.Session(t, administrator), recovered)
	again := srv.Register(t, inv)
	again.LogIn(t)
	fmt.Println(again.Username, again.UserID == grace.UserID)
	// Output:
	// grace@example.org true
}

// What was there before a recovery or a new start is void, without mail too, and at whatever time the
// server's clock shows.
func TestRecovery(t *testing.T) {
	t.Parallel()
	clock := &countersigntest.Clock{}
	clock.Advance(48 * 3600e9)
	srv := countersigntest.Start(t, countersigntest.At(clock))
	org, administrator := srv.Administrator(t, "Analytical Engines")
	admin := srv.Session(t, administrator)
	ada := srv.Register(t, srv.Invite(t, org.ID, "ada@example.org"))
	key := ada.AddPasskeyByCode(t, authenticator.Options{Name: "Phone"})
	if a, b := ada.CredentialUUID(t), key.CredentialUUID(t); a == b || a == "" || b == "" {
		t.Errorf("credentials %s and %s", a, b)
	}
	session := srv.Session(t, key)
	inv := srv.NewStart(t, admin, ada)
	if inv.RegistrationCode == "" || inv.UserID != ada.UserID {
		t.Errorf("invited %+v", inv)
	}
	if _, err := session.ListCredentials(t.Context()); err == nil {
		t.Error("a session from before lives on")
	}
	srv.Register(t, inv).LogIn(t)
}
