package serviceaccount_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/world"
)

const serviceAccounts = "/auth/service-accounts"

// Keys of every type sign, and can be named by credential id or by uuid.
func TestKeysOfServiceAccounts(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		for _, keyType := range []string{client.P256, client.P384, client.P521, client.Secp256k1, client.Ed25519, client.RSA} {
			key := world.NewKey(t, keyType)
			made, err := n.Admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: keyType, PublicKey: key.PublicKeyPEM(), PermissionID: n.Everything})
			must(t, err)
			token := made.AccessTokens[0]
			if token.Kind != "ServiceAccount" || token.LinkedUserID != made.UserInfo.UserID || !strings.HasPrefix(token.PublicKey, "SHA256:") {
				t.Errorf("%s: %+v", keyType, made)
			}
			for i, id := range []string{token.CredID, made.UserInfo.CredentialUUID, token.CredID + "="} {
				_, err := n.Carry(t, token, key, id).CreatePermission(ctx, api.CreatePermissionRequest{Name: fmt.Sprint(keyType, i), Operations: []string{"Wallets:Read"}})
				if err != nil && i < 2 {
					t.Errorf("%s, named %s: %v", keyType, id, err)
				}
			}
			_, err = n.Carry(t, token, world.NewKey(t, keyType), token.CredID).CreatePermission(ctx, api.CreatePermissionRequest{Name: "x", Operations: []string{"Wallets:Read"}})
			world.Refused(t, keyType+": another key", err, 401, "signature_invalid")
		}
	})
}

func TestWrongServiceAccounts(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		good := world.NewKey(t, client.P256)
		small, err := rsa.GenerateKey(rand.Reader, 1024)
		must(t, err)
		spki, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
		must(t, err)
		public := good.PublicKeyPEM()
		escaped := strings.ReplaceAll(public, "\n", `\n`)
		private := string(good.PrivateKeyPEM())
		before := n.State(t)
		for what, key := range map[string]string{
			"text": "x", "a private key": private, "public and private": public + private, "private and public": private + public, "two": public + public,
			"RSA of 1024 bits": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})), "half": public[:len(public)/2],
			"a certificate": strings.ReplaceAll(public, "PUBLIC KEY", "CERTIFICATE"), "a private label": strings.ReplaceAll(public, "PUBLIC KEY", "PRIVATE KEY"),
			"something after it": public + "x", "a huge one": strings.Repeat("A", 60000),
		} {
			for _, path := range []string{serviceAccounts, "/auth/pats"} {
				a := signedOrTooLarge(t, n, path, world.JSON(t, map[string]string{"name": "wrong", "publicKey": key}))
				if a.Status != 400 && a.Status != 413 || a.Status == 400 && a.Code != "public_key_invalid" {
					t.Errorf("%s at %s: %v", what, path, a)
				}
			}
		}
		for member, code := range map[string]string{`"publicKey":""`: "member_missing", `"publicKey":1`: "invalid_member", `"x":1`: "member_missing"} {
			n.CallAs(t, n.Admin, true, "POST", serviceAccounts, `{"name":"wrong",`+member+`}`).Wants(t, member, 400, code)
		}
		for _, days := range []string{"0", "731", "-1", `"x"`, `"7"`, "1.5", "1e99", "[]", "true", "9223372036854775808"} {
			for _, path := range []string{serviceAccounts, "/auth/pats"} {
				a := n.CallAs(t, n.Admin, true, "POST", path, `{"name":"wrong","publicKey":"`+escaped+`","daysValid":`+days+`}`)
				if a.Status != 400 || a.Code != "lifetime_invalid" && a.Code != "invalid_member" {
					t.Errorf("%s, valid for %s days: %v", path, days, a)
				}
			}
		}
		for _, name := range []string{``, ` x`, strings.Repeat("x", 101), `\u200bx`} {
			a := n.CallAs(t, n.Admin, true, "POST", serviceAccounts, `{"name":"`+name+`","publicKey":"`+escaped+`"}`)
			if a.Status != 400 || a.Code != "name_invalid" && a.Code != "member_missing" {
				t.Errorf("the name %q: %v", name, a)
			}
		}
		n.Unchanged(t, "no service account", before)
		// What was signed is kept as it was signed; nothing else is.
		n.KeptNowhere(t, []string{"actions"}, strings.Split(strings.TrimSpace(private), "\n")[1])
	})
}

// signedOrTooLarge signs and sends, as the administrator, a request that may be too large to sign.
func signedOrTooLarge(t *testing.T, n *world.Tenant, path, body string) world.Answer {
	t.Helper()
	action, err := n.Admin.SignFor(t.Context(), "POST", path, []byte(body))
	if e, ok := err.(*client.Error); ok && e.Status == 413 {
		return world.Answer{Status: 413, Code: e.Code}
	}
	must(t, err)
	return n.Call(t, "POST", path, n.Admin.Token, action, body)
}

// A service account's token expires by the clock, and every change of the service account holds at
// once.
func TestLifeOfServiceAccounts(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		key, days := world.NewKey(t, client.Ed25519), 2
		made, err := n.Admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "Engine", PublicKey: key.PublicKeyPEM(),
			PermissionID: n.Everything, DaysValid: &days, ExternalID: "x-1"})
		must(t, err)
		id := made.UserInfo.UserID
		engine := n.Carry(t, made.AccessTokens[0], key, made.AccessTokens[0].CredID)
		_, err = n.Admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "ENGINE", PublicKey: world.NewKey(t, client.P256).PublicKeyPEM()})
		world.Refused(t, "the name in capitals", err, 409, "service_account_name_taken")
		other, _ := n.ServiceAccount(t, n.Org.ID, "other")
		name := "engine"
		_, err = n.Admin.UpdateServiceAccount(ctx, api.UpdateServiceAccountRequest{ServiceAccountID: other, Rename: api.Rename{Name: &name}})
		world.Refused(t, "renamed to it", err, 409, "service_account_name_taken")
		name = "New Engine"
		if a, err := n.Admin.UpdateServiceAccount(ctx, api.UpdateServiceAccountRequest{ServiceAccountID: id, Rename: api.Rename{Name: &name}}); err != nil || a.UserInfo.Username != name {
			t.Errorf("renamed: %+v, %v", a, err)
		}
		for _, body := range []string{`{"daysValid":730}`, `{"publicKey":"x"}`, `{"name":"x","isActive":true}`, `{"permissionId":"x"}`,
			`{"accessToken":"x"}`} {
			n.CallAs(t, n.Admin, true, "PUT", serviceAccounts+"/"+id, body).Wants(t, body, 400, "member_unknown")
		}
		// A service account may do only what its permissions say.
		n.Call(t, "PUT", "/auth/logout", engine.Token, "", "{}").Wants(t, "logs out", 403, "permission_denied")
		n.Call(t, "POST", "/auth/tokens", engine.Token, "", `{"target":"`+n.Org.ID+`"}`).Wants(t, "exchanges", 403, "permission_denied")
		body := world.JSON(t, api.CreateServiceAccountRequest{Name: "child", PublicKey: key.PublicKeyPEM()})
		n.CallAs(t, engine, true, "POST", serviceAccounts, body).Wants(t, "makes a service account", 403, "permission_denied")
		n.CallAs(t, engine, true, "POST", "/auth/pats", body).Wants(t, "makes a program's token", 403, "permission_denied")

		create := api.CreatePermissionRequest{Name: "late", Operations: []string{"Wallets:Read"}}
		action, err := engine.SignFor(ctx, "POST", "/permissions", []byte(world.JSON(t, create)))
		must(t, err)
		if a, err := n.Admin.DeactivateServiceAccount(ctx, id); err != nil || a.UserInfo.IsActive || a.AccessTokens[0].IsActive {
			t.Errorf("%+v, %v", a, err)
		}
		n.Call(t, "GET", "/permissions", engine.Token, "", "").Wants(t, "deactivated", 401, "user_inactive")
		if a, err := n.Admin.ActivateServiceAccount(ctx, id); err != nil || !a.UserInfo.IsActive || !a.AccessTokens[0].IsActive {
			t.Errorf("%+v, %v", a, err)
		}
		n.Call(t, "GET", "/permissions", engine.Token, "", "").Wants(t, "activated", 200, "")
		n.Call(t, "POST", "/permissions", engine.Token, action, world.JSON(t, create)).Wants(t, "signed before", 403, "user_action_invalid")

		n.Clock.Advance(48*time.Hour - time.Minute)
		n.Call(t, "GET", "/permissions", engine.Token, "", "").Wants(t, "before its end", 200, "")
		n.Clock.Advance(time.Minute)
		n.Call(t, "GET", "/permissions", engine.Token, "", "").Wants(t, "at its end", 401, "token_invalid")
		n.Admin = n.AdminAgain(t)
		if a, err := n.Admin.ArchiveServiceAccount(ctx, id); err != nil || a.UserInfo.IsActive {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := n.Admin.GetServiceAccount(ctx, id); err != nil || a.UserInfo.IsActive {
			t.Errorf("shown: %+v, %v", a, err)
		}
		n.CallAs(t, n.Admin, true, "DELETE", serviceAccounts+"/"+id, "{}").Wants(t, "archived again", 404, "service_account_not_found")
		n.CallAs(t, n.Admin, true, "PUT", serviceAccounts+"/"+id+"/activate", "{}").Wants(t, "archived and activated", 404, "service_account_not_found")
		if list, err := n.Admin.ListServiceAccounts(ctx); err != nil || strings.Contains(world.JSON(t, list), id) {
			t.Errorf("the list has it: %v", err)
		}
		_, err = n.Admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: name, PublicKey: world.NewKey(t, client.P256).PublicKeyPEM()})
		must(t, err)
	})
}

// No route for users takes a service account, and no route for service accounts a user.
func TestServiceAccountsAreNoUsers(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		before := n.State(t)
		for _, call := range []string{"GET ", "PUT ", "DELETE ", "PUT /activate", "PUT /deactivate"} {
			method, tail, _ := strings.Cut(call, " ")
			user, serviceAccount, body := `{"isSSORequired":false}`, `{"name":"x"}`, method == "PUT" && tail == ""
			if !body {
				user, serviceAccount = "{}", "{}"
			}
			n.CallAs(t, n.Admin, method != "GET", method, "/auth/users/"+n.IDs["serviceAccountId"]+tail, user).Wants(t, call+" of a service account", 404, "user_not_found")
			n.CallAs(t, n.Admin, method != "GET", method, serviceAccounts+"/"+n.IDs["userId"]+tail, serviceAccount).Wants(t, call+" of a user", 404, "service_account_not_found")
		}
		n.Unchanged(t, "nothing", before)
	})
}

// A new token is shown once and stored nowhere.
func TestTokensAreShownOnce(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		key := world.NewKey(t, client.P256)
		made, err := n.Admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "Engine", PublicKey: key.PublicKeyPEM()})
		must(t, err)
		pat, err := n.Admin.CreateToken(ctx, api.CreateTokenRequest{Name: "program", PublicKey: world.NewKey(t, client.P256).PublicKeyPEM()})
		must(t, err)
		name := "renamed"
		n.Carry(t, made.AccessTokens[0], key, made.AccessTokens[0].CredID).UpdateToken(ctx, api.UpdateTokenRequest{TokenID: pat.TokenID, Rename: api.Rename{Name: &name}})
		for _, path := range []string{serviceAccounts, serviceAccounts + "/" + made.UserInfo.UserID, "/auth/pats", "/auth/pats/" + pat.TokenID,
			"/auth/users/" + n.AdministratorID(t), "/countersign/audit", n.AuditLogPath()} {
			if a := n.Call(t, "GET", path, n.Admin.Token, "", ""); a.Status != 200 || strings.Contains(a.Body, "accessToken\"") || strings.Contains(a.Body, "eyJ") {
				t.Errorf("%s: %v", path, a)
			}
		}
		n.Call(t, "GET", "/auth/users/"+pat.AccessToken, pat.AccessToken+"x", made.AccessTokens[0].AccessToken, "")
		for _, token := range []string{made.AccessTokens[0].AccessToken, pat.AccessToken} {
			parts := strings.Split(token, ".")
			signature, err := base64.RawURLEncoding.DecodeString(parts[2])
			must(t, err)
			n.KeptNowhere(t, nil, token, parts[1], parts[2], string(signature))
		}
	})
}
