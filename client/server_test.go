package client_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/receipt"
)

// The real server, on both databases, with every type of key.
func TestAgainstTheServer(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		org := srv.Organisation(t, "Analytical Engines")
		first := srv.Invite(t, org.ID, "first@example.org") // the administrator
		if err := register(srv.Client(), first, signer(t, client.P256)); err != nil {
			t.Fatal(err)
		}
		c := srv.Client()
		admin, err := c.LogIn(background, org.ID, first.Username, signer(t, client.P256))
		if err != nil {
			t.Fatal(err)
		}
		for _, keyType := range keyTypes {
			invitee, err := admin.CreateUser(background, api.CreateUserRequest{Email: strings.ToLower(keyType) + "@example.org", Kind: api.CustomerEmployee})
			if err != nil || invitee.Invitation == nil {
				t.Fatalf("%s: %+v, %v", keyType, invitee, err)
			}
			k := signer(t, keyType)
			if keyType == client.P256 {
				k = another(t, client.P256) // the administrator has the other
			}
			inv := countersigntest.Invitation{OrgID: invitee.OrgID, Username: invitee.Username, RegistrationCode: invitee.Invitation.RegistrationCode}
			if err := register(c, inv, k); err != nil {
				t.Errorf("%s: %v", keyType, err)
				continue
			}
			s, err := c.LogIn(background, org.ID, invitee.Username, k)
			if err != nil {
				t.Errorf("%s: %v", keyType, err)
				continue
			}
			signsForOthers(t, c, s, invitee)
			if _, err := s.CreateUser(background, api.CreateUserRequest{Email: "x@example.org", Kind: api.CustomerEmployee}); code(err) != "permission_denied" {
				t.Errorf("%s creates a user: %v", keyType, err)
			}
			if got, err := admin.GetUser(background, invitee.UserID); err != nil || !got.IsRegistered {
				t.Errorf("%s: %+v, %v", keyType, got, err)
			}
		}
		pages(t, admin, len(keyTypes)+1)
		logsOut(t, c, admin)
	})
}

func another(t *testing.T, keyType string) *client.KeySigner {
	t.Helper()
	k, err := client.GenerateKeySigner(keyType)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signsForOthers signs a request to another service, which spends it once.
func signsForOthers(t *testing.T, c *client.Client, s *client.Session, who api.User) {
	t.Helper()
	const path = "https://pay.example.org/transfers?dry=1"
	payload := `{"amount": "1.00"}`
	action, err := s.SignFor(background, http.MethodPost, path, []byte(payload))
	if err != nil {
		t.Errorf("%s: %v", who.Username, err)
		return
	}
	other := `{"amount": "1.01"}`
	if _, err := c.ConsumeAction(background, api.ConsumeActionRequest{UserAction: action, Method: http.MethodPost, Path: path, Payload: &other}); code(err) != "user_action_invalid" {
		t.Errorf("%s: spent for another payload: %v", who.Username, err)
	}
	spent, err := c.ConsumeAction(background, api.ConsumeActionRequest{UserAction: action, Method: http.MethodPost, Path: path, Payload: &payload})
	if err != nil || spent.UserID != who.UserID || spent.Path != path {
		t.Errorf("%s: %+v, %v", who.Username, spent, err)
		return
	}
	if _, err := c.ConsumeAction(background, api.ConsumeActionRequest{UserAction: action, Method: http.MethodPost, Path: path, Payload: &payload}); code(err) != "user_action_used" {
		t.Errorf("%s: spent twice: %v", who.Username, err)
	}
	document, err := s.Receipt(background, spent.ActionID)
	if err != nil {
		t.Errorf("%s: %v", who.Username, err)
		return
	}
	// A receipt must arrive byte for byte.
	for name, document := range map[string][]byte{"asked for": document, "of the use": []byte(spent.Receipt)} {
		got, _, err := receipt.Verify(document, nil)
		if err != nil || got.Who.UserID != who.UserID || got.Action.ID != spent.ActionID || got.Action.Payload != payload {
			t.Errorf("%s: the receipt %s does not verify: %v", who.Username, name, err)
		}
	}
}

// pages reads a list in pages of two.
func pages(t *testing.T, admin *client.Session, want int) {
	t.Helper()
	seen := map[string]bool{}
	in := api.ListUsersRequest{Limit: 2}
	for range want {
		list, err := admin.ListUsers(background, in)
		if err != nil || len(list.Items) > 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, u := range list.Items {
			seen[u.UserID] = true
		}
		if in.PaginationToken = list.NextPageToken; in.PaginationToken == "" {
			break
		}
	}
	if len(seen) != want {
		t.Errorf("%d users in all pages, want %d", len(seen), want)
	}
}

func logsOut(t *testing.T, c *client.Client, s *client.Session) {
	t.Helper()
	if err := s.LogOut(background, false); err != nil {
		t.Error(err)
	}
	if err := s.LogOut(background, true); code(err) != "token_invalid" {
		t.Errorf("logged out twice: %v", err)
	}
	if _, err := s.CreateUser(background, api.CreateUserRequest{}); code(err) != "token_invalid" {
		t.Errorf("signs after logging out: %v", err)
	}
	if _, err := c.SendLoginCode(background, api.SendLoginCodeRequest{OrgID: "or-00000-00000-0000000000000000", Username: "nobody"}); err != nil {
		t.Errorf("SendLoginCode: %v", err)
	}
}

// A user who does not exist gets a challenge without the signer's credential.
func TestUnknownUsersCannotLogIn(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	org, admin := srv.Administrator(t, "Analytical Engines")
	k := signer(t, client.P256)
	for name, at := range map[string][2]string{
		"a user who is not":      {org.ID, "nobody@example.org"},
		"an organisation is not": {"or-00000-00000-0000000000000000", admin.Username},
		"who has a passkey only": {org.ID, admin.Username},
	} {
		if s, err := srv.Client().LogIn(background, at[0], at[1], k); s != nil || !strings.Contains(err.Error(), client.ErrNotAllowed.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
