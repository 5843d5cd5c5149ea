package acceptance_test

import (
	"context"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
)

// The whole story: an administrator logs in, signs the creation of a user; the user
// registers, logs in, and signs an action of their own, which another service spends.
func TestAdministratorCountersignsAUser(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ctx := context.Background()
		org, admin := srv.Administrator(t, "Engines")
		token := admin.LogIn(t)
		c := srv.Client()

		body := `{"email":"bob@example.org","kind":"CustomerEmployee"}`
		action := admin.Sign(t, token, "POST", "/auth/users", body)
		user, err := c.CreateUser(ctx, token, action, api.CreateUserRequest{Email: "bob@example.org", Kind: api.CustomerEmployee})
		if err != nil {
			t.Fatal(err)
		}
		if user.Username != "bob@example.org" || user.OrgID != org.ID || user.IsRegistered || user.Invitation == nil {
			t.Fatalf("created %+v", user)
		}
		if _, err := c.CreateUser(ctx, token, action, api.CreateUserRequest{Email: "bob@example.org", Kind: api.CustomerEmployee}); !isCode(err, "user_action_used") {
			t.Errorf("the same action again: %v", err)
		}

		bob := srv.RegisterKey(t, countersigntest.Invitation{OrgID: org.ID, UserID: user.UserID, Username: user.Username,
			RegistrationCode: user.Invitation.RegistrationCode}, "P-256")
		bobs := bob.LogIn(t)
		if _, err := c.GetUser(ctx, bobs, user.UserID); !isCode(err, "permission_denied") {
			t.Errorf("who may not read users reads one: %v", err)
		}
		shown, err := c.GetUser(ctx, token, user.UserID)
		if err != nil || !shown.IsRegistered || shown.CredentialUUID != user.CredentialUUID {
			t.Errorf("shown %+v, %v", shown, err)
		}
		transfer := bob.Sign(t, bobs, "POST", "/transfers", `{"to":"carol","amount":12}`)
		payload := `{ "amount": 12, "to": "carol" }`
		used, err := c.ConsumeAction(ctx, api.ConsumeActionRequest{UserAction: transfer, Method: "POST", Path: "/transfers", Payload: &payload})
		if err != nil {
			t.Fatal(err)
		}
		if used.Username != "bob@example.org" || used.CredentialKind != api.KindKey || len(used.Receipt) == 0 {
			t.Errorf("consumed %+v", used)
		}
		if _, err := c.Logout(ctx, bobs, false); err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetUser(ctx, bobs, user.UserID); !isCode(err, "token_invalid") {
			t.Errorf("a session that has ended: %v", err)
		}
	})
}

func isCode(err error, code string) bool {
	e, ok := err.(*client.Error)
	return ok && e.Code == code
}
