package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
)

// invited starts a server and invites the first user of an organisation, who becomes its
// administrator.
func invited(username string) (baseURL string, inv countersigntest.Invitation, stop func()) {
	t := countersigntest.NewExample()
	server := countersigntest.Start(t)
	return server.URL, server.Invite(t, server.Organisation(t, "Analytical Engines").ID, username), t.End
}

// registeredUser starts a server and registers a user with a new key.
func registeredUser(username string) (c *client.Client, orgID string, signer *client.KeySigner, stop func()) {
	baseURL, inv, stop := invited(username)
	c = &client.Client{BaseURL: baseURL}
	signer, err := client.GenerateKeySigner(client.Ed25519)
	if err != nil {
		log.Fatal(err)
	}
	if err := register(c, inv, signer); err != nil {
		log.Fatal(err)
	}
	return c, inv.OrgID, signer, stop
}

func register(c *client.Client, inv countersigntest.Invitation, signer *client.KeySigner) error {
	ctx := context.Background()
	challenge, err := c.InitRegistration(ctx, api.InitRegistrationRequest{OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
	if err != nil {
		return err
	}
	credential, err := signer.Register(challenge)
	if err != nil {
		return err
	}
	_, err = c.Register(ctx, challenge.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &credential})
	return err
}

// A program registers with a new key. It stores the credential ID and the private key.
func ExampleKeySigner_Register() {
	baseURL, invitation, stop := invited("ci@example.org")
	defer stop()

	ctx := context.Background()
	c := &client.Client{BaseURL: baseURL}
	signer, err := client.GenerateKeySigner(client.P256)
	if err != nil {
		log.Fatal(err)
	}
	challenge, err := c.InitRegistration(ctx, api.InitRegistrationRequest{
		OrgID:            invitation.OrgID,
		Username:         "ci@example.org",
		RegistrationCode: invitation.RegistrationCode,
	})
	if err != nil {
		log.Fatal(err)
	}
	credential, err := signer.Register(challenge)
	if err != nil {
		log.Fatal(err)
	}
	result, err := c.Register(ctx, challenge.TemporaryAuthenticationToken,
		api.RegistrationRequest{FirstFactorCredential: &credential})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.User.Username, "is registered with a credential of kind", result.Credential.Kind)

	fmt.Printf("%.27s\n", signer.PrivateKeyPEM())
	// Output:
	// ci@example.org is registered with a credential of kind Key
	// -----BEGIN PRIVATE KEY-----
}

// A program logs in with the key that it stored.
func ExampleClient_LogIn() {
	c, orgID, registered, stop := registeredUser("ci@example.org")
	defer stop()

	signer, err := client.NewKeySigner(registered.CredentialID(), registered.PrivateKeyPEM())
	if err != nil {
		log.Fatal(err)
	}
	session, err := c.LogIn(context.Background(), orgID, "ci@example.org", signer)
	if err != nil {
		log.Fatal(err)
	}
	users, err := session.ListUsers(context.Background(), api.ListUsersRequest{})
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range users.Items {
		fmt.Println(u.Username, u.IsRegistered)
	}
	// Output: ci@example.org true
}

// An administrator invites a user. The call is signed with the session's key.
func ExampleSession_CreateUser() {
	c, orgID, signer, stop := registeredUser("ci@example.org")
	defer stop()

	ctx := context.Background()
	session, err := c.LogIn(ctx, orgID, "ci@example.org", signer)
	if err != nil {
		log.Fatal(err)
	}
	user, err := session.CreateUser(ctx, api.CreateUserRequest{Email: "grace@example.org", Kind: api.CustomerEmployee})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Username, "is invited; registered:", user.IsRegistered)

	var refused *client.Error
	_, err = session.CreateUser(ctx, api.CreateUserRequest{Email: "grace@example.org", Kind: api.CustomerEmployee})
	if errors.As(err, &refused) {
		fmt.Println("the second time:", refused.Code)
	}
	// Output:
	// grace@example.org is invited; registered: false
	// the second time: user_already_exists
}

// A request to another service is signed, and that service spends the signature. Services in
// Go use package guard for that.
func ExampleSession_SignFor() {
	c, orgID, signer, stop := registeredUser("ci@example.org")
	defer stop()
	ctx := context.Background()

	payments := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<10))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		payload := string(body)
		who, err := c.ConsumeAction(r.Context(), api.ConsumeActionRequest{
			UserAction: r.Header.Get(api.HeaderUserAction),
			Method:     r.Method, Path: r.URL.RequestURI(), Payload: &payload,
		})
		if err != nil {
			http.Error(w, "not signed", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "%s, signed by %s", payload, who.Username)
	}))
	defer payments.Close()

	session, err := c.LogIn(ctx, orgID, "ci@example.org", signer)
	if err != nil {
		log.Fatal(err)
	}
	transfer := []byte(`{"amount":"100.00","to":"Babbage"}`)
	action, err := session.SignFor(ctx, http.MethodPost, "/transfers", transfer)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, payments.URL+"/transfers", bytes.NewReader(transfer))
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set(api.HeaderUserAction, action)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		said, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(res.StatusCode, string(bytes.TrimSpace(said)))
	}
	// Output:
	// 200 {"amount":"100.00","to":"Babbage"}, signed by ci@example.org
	// 403 not signed
}
