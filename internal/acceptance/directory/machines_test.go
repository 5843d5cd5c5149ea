package directory_test

import (
	"context"
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
)

const machines = "/auth/service-accounts"

func newKey(t *testing.T, keyType string) *client.KeySigner {
	t.Helper()
	key, err := client.GenerateKeySigner(keyType)
	must(t, err)
	return key
}

// carries is a session of an access token with a key, named by whichever of its ids.
func (n *tenant) carries(t *testing.T, token api.AccessToken, key *client.KeySigner, id string) *client.Session {
	t.Helper()
	named, err := client.NewKeySigner(id, key.PrivateKeyPEM())
	must(t, err)
	return n.as(token.AccessToken, anyChallenge{named})
}

// anyChallenge signs with a key whether or not the challenge lists it.
type anyChallenge struct{ *client.KeySigner }

func (s anyChallenge) Sign(ctx context.Context, c api.SigningChallenge) (api.CredentialAssertion, error) {
	c.AllowCredentials.Key = append(c.AllowCredentials.Key, api.CredentialDescriptor{Type: "public-key", ID: s.CredentialID()})
	return s.KeySigner.Sign(ctx, c)
}

// Keys of every type sign, and may be named by credential id or by uuid.
func TestKeysOfMachines(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		for _, keyType := range []string{client.P256, client.P384, client.P521, client.Secp256k1, client.Ed25519, client.RSA} {
			key := newKey(t, keyType)
			made, err := n.admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: keyType, PublicKey: key.PublicKeyPEM(), PermissionID: n.all})
			must(t, err)
			token := made.AccessTokens[0]
			if token.Kind != "ServiceAccount" || token.LinkedUserID != made.UserInfo.UserID || !strings.HasPrefix(token.PublicKey, "SHA256:") {
				t.Errorf("%s: %+v", keyType, made)
			}
			for i, id := range []string{token.CredID, made.UserInfo.CredentialUUID, token.CredID + "="} {
				_, err := n.carries(t, token, key, id).CreatePermission(ctx, api.CreatePermissionRequest{Name: fmt.Sprint(keyType, i), Operations: []string{"Wallets:Read"}})
				if err != nil && i < 2 {
					t.Errorf("%s, named %s: %v", keyType, id, err)
				}
			}
			_, err = n.carries(t, token, newKey(t, keyType), token.CredID).CreatePermission(ctx, api.CreatePermissionRequest{Name: "x", Operations: []string{"Wallets:Read"}})
			refused(t, keyType+": another key", err, 401, "signature_invalid")
		}
	})
}

func TestWrongMachines(t *testing.T) {
	databases(t, func(t *testing.T, n *tenant, url string) {
		good := newKey(t, client.P256)
		small, err := rsa.GenerateKey(rand.Reader, 1024)
		must(t, err)
		spki, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
		must(t, err)
		public := good.PublicKeyPEM()
		escaped := strings.ReplaceAll(public, "\n", `\n`)
		private := string(good.PrivateKeyPEM())
		before := n.state(t)
		for what, key := range map[string]string{
			"text": "x", "a private key": private, "public and private": public + private, "private and public": private + public, "two": public + public,
			"RSA of 1024 bits": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})), "half": public[:len(public)/2],
			"a certificate": strings.ReplaceAll(public, "PUBLIC KEY", "CERTIFICATE"), "a private label": strings.ReplaceAll(public, "PUBLIC KEY", "PRIVATE KEY"),
			"something after it": public + "x", "a huge one": strings.Repeat("A", 60000),
		} {
			for _, path := range []string{machines, pats} {
				a := n.signedOrTooLarge(t, path, jsonOf(t, map[string]string{"name": "wrong", "publicKey": key}))
				if a.status != 400 && a.status != 413 || a.status == 400 && a.code != "public_key_invalid" {
					t.Errorf("%s at %s: %v", what, path, a)
				}
			}
		}
		for member, code := range map[string]string{`"publicKey":""`: "member_missing", `"publicKey":1`: "invalid_member", `"x":1`: "member_missing"} {
			n.signedSend(t, n.admin, true, "POST", machines, `{"name":"wrong",`+member+`}`).wants(t, member, 400, code)
		}
		for _, days := range []string{"0", "731", "-1", `"x"`, `"7"`, "1.5", "1e99", "[]", "true", "9223372036854775808"} {
			for _, path := range []string{machines, pats} {
				a := n.signedSend(t, n.admin, true, "POST", path, `{"name":"wrong","publicKey":"`+escaped+`","daysValid":`+days+`}`)
				if a.status != 400 || a.code != "lifetime_invalid" && a.code != "invalid_member" {
					t.Errorf("%s, valid for %s days: %v", path, days, a)
				}
			}
		}
		for _, name := range []string{``, ` x`, strings.Repeat("x", 101), `\u200bx`} {
			a := n.signedSend(t, n.admin, true, "POST", machines, `{"name":"`+name+`","publicKey":"`+escaped+`"}`)
			if a.status != 400 || a.code != "name_invalid" && a.code != "member_missing" {
				t.Errorf("the name %q: %v", name, a)
			}
		}
		n.unchanged(t, "no machine", before)
		// What was signed is kept as it was signed; nothing else is.
		n.nowhere(t, url, []string{"actions"}, strings.Split(strings.TrimSpace(private), "\n")[1])
	})
}

// signedOrTooLarge signs and sends as the administrator what may be too large to be signed.
func (n *tenant) signedOrTooLarge(t *testing.T, path, body string) answer {
	t.Helper()
	action, err := n.admin.SignFor(t.Context(), "POST", path, []byte(body))
	if e, ok := err.(*client.Error); ok && e.Status == 413 {
		return answer{status: 413, code: e.Code}
	}
	must(t, err)
	return n.send(t, "POST", path, n.admin.Token, action, body)
}

// A machine's token ends by the clock, and what is done to the machine holds at once.
func TestLifeOfMachines(t *testing.T) {
	later(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		key, days := newKey(t, client.Ed25519), 2
		made, err := n.admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "Engine", PublicKey: key.PublicKeyPEM(),
			PermissionID: n.all, DaysValid: &days, ExternalID: "x-1"})
		must(t, err)
		id := made.UserInfo.UserID
		engine := n.carries(t, made.AccessTokens[0], key, made.AccessTokens[0].CredID)
		_, err = n.admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "ENGINE", PublicKey: newKey(t, client.P256).PublicKeyPEM()})
		refused(t, "the name in capitals", err, 409, "service_account_name_taken")
		other, _ := n.Machine(t, n.org.ID, "other")
		name := "engine"
		_, err = n.admin.UpdateServiceAccount(ctx, api.UpdateServiceAccountRequest{ServiceAccountID: other, Rename: api.Rename{Name: &name}})
		refused(t, "renamed to it", err, 409, "service_account_name_taken")
		name = "New Engine"
		if a, err := n.admin.UpdateServiceAccount(ctx, api.UpdateServiceAccountRequest{ServiceAccountID: id, Rename: api.Rename{Name: &name}}); err != nil || a.UserInfo.Username != name {
			t.Errorf("renamed: %+v, %v", a, err)
		}
		for _, body := range []string{`{"daysValid":730}`, `{"publicKey":"x"}`, `{"name":"x","isActive":true}`, `{"permissionId":"x"}`,
			`{"accessToken":"x"}`} {
			n.signedSend(t, n.admin, true, "PUT", machines+"/"+id, body).wants(t, body, 400, "member_unknown")
		}
		// No more than that is left to a machine but what its permissions say.
		n.send(t, "PUT", "/auth/logout", engine.Token, "", "{}").wants(t, "logs out", 403, "permission_denied")
		n.send(t, "POST", "/auth/tokens", engine.Token, "", `{"target":"`+n.org.ID+`"}`).wants(t, "exchanges", 403, "permission_denied")
		body := jsonOf(t, api.CreateServiceAccountRequest{Name: "child", PublicKey: key.PublicKeyPEM()})
		n.signedSend(t, engine, true, "POST", machines, body).wants(t, "makes a machine", 403, "permission_denied")
		n.signedSend(t, engine, true, "POST", pats, body).wants(t, "makes a program's token", 403, "permission_denied")

		create := api.CreatePermissionRequest{Name: "late", Operations: []string{"Wallets:Read"}}
		action, err := engine.SignFor(ctx, "POST", "/permissions", []byte(jsonOf(t, create)))
		must(t, err)
		if a, err := n.admin.DeactivateServiceAccount(ctx, id); err != nil || a.UserInfo.IsActive || a.AccessTokens[0].IsActive {
			t.Errorf("%+v, %v", a, err)
		}
		n.send(t, "GET", "/permissions", engine.Token, "", "").wants(t, "deactivated", 401, "user_inactive")
		if a, err := n.admin.ActivateServiceAccount(ctx, id); err != nil || !a.UserInfo.IsActive || !a.AccessTokens[0].IsActive {
			t.Errorf("%+v, %v", a, err)
		}
		n.send(t, "GET", "/permissions", engine.Token, "", "").wants(t, "activated", 200, "")
		n.send(t, "POST", "/permissions", engine.Token, action, jsonOf(t, create)).wants(t, "signed before", 403, "user_action_invalid")

		n.Clock.Advance(48*time.Hour - time.Minute)
		n.send(t, "GET", "/permissions", engine.Token, "", "").wants(t, "before its end", 200, "")
		n.Clock.Advance(time.Minute)
		n.send(t, "GET", "/permissions", engine.Token, "", "").wants(t, "at its end", 401, "token_invalid")
		n.admin = n.again(t)
		if a, err := n.admin.ArchiveServiceAccount(ctx, id); err != nil || a.UserInfo.IsActive {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := n.admin.GetServiceAccount(ctx, id); err != nil || a.UserInfo.IsActive {
			t.Errorf("shown: %+v, %v", a, err)
		}
		n.signedSend(t, n.admin, true, "DELETE", machines+"/"+id, "{}").wants(t, "archived again", 404, "service_account_not_found")
		n.signedSend(t, n.admin, true, "PUT", machines+"/"+id+"/activate", "{}").wants(t, "archived and activated", 404, "service_account_not_found")
		if list, err := n.admin.ListServiceAccounts(ctx); err != nil || strings.Contains(jsonOf(t, list), id) {
			t.Errorf("the list has it: %v", err)
		}
		_, err = n.admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: name, PublicKey: newKey(t, client.P256).PublicKeyPEM()})
		must(t, err)
	})
}

// Users are no machines, and machines no users, whatever the path says.
func TestMachinesAreNoUsers(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		before := n.state(t)
		for _, call := range []string{"GET ", "PUT ", "DELETE ", "PUT /activate", "PUT /deactivate"} {
			method, tail, _ := strings.Cut(call, " ")
			user, machine, body := `{"isSSORequired":false}`, `{"name":"x"}`, method == "PUT" && tail == ""
			if !body {
				user, machine = "{}", "{}"
			}
			n.signedSend(t, n.admin, method != "GET", method, "/auth/users/"+n.ids["serviceAccountId"]+tail, user).wants(t, call+" of a machine", 404, "user_not_found")
			n.signedSend(t, n.admin, method != "GET", method, machines+"/"+n.ids["userId"]+tail, machine).wants(t, call+" of a user", 404, "service_account_not_found")
		}
		n.unchanged(t, "nothing", before)
	})
}

// A new token is shown once and kept nowhere.
func TestTokensAreShownOnce(t *testing.T) {
	databases(t, func(t *testing.T, n *tenant, url string) {
		ctx := t.Context()
		key := newKey(t, client.P256)
		made, err := n.admin.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "Engine", PublicKey: key.PublicKeyPEM()})
		must(t, err)
		pat, err := n.admin.CreateToken(ctx, api.CreateTokenRequest{Name: "program", PublicKey: newKey(t, client.P256).PublicKeyPEM()})
		must(t, err)
		name := "renamed"
		n.carries(t, made.AccessTokens[0], key, made.AccessTokens[0].CredID).UpdateToken(ctx, api.UpdateTokenRequest{TokenID: pat.TokenID, Rename: api.Rename{Name: &name}})
		for _, path := range []string{machines, machines + "/" + made.UserInfo.UserID, "/auth/pats", "/auth/pats/" + pat.TokenID,
			"/auth/users/" + n.boss(t), "/countersign/audit", n.auditLog()} {
			if a := n.send(t, "GET", path, n.admin.Token, "", ""); a.status != 200 || strings.Contains(a.body, "accessToken\"") || strings.Contains(a.body, "eyJ") {
				t.Errorf("%s: %v", path, a)
			}
		}
		n.send(t, "GET", "/auth/users/"+pat.AccessToken, pat.AccessToken+"x", made.AccessTokens[0].AccessToken, "")
		for _, token := range []string{made.AccessTokens[0].AccessToken, pat.AccessToken} {
			parts := strings.Split(token, ".")
			signature, err := base64.RawURLEncoding.DecodeString(parts[2])
			must(t, err)
			n.nowhere(t, url, nil, token, parts[1], parts[2], string(signature))
		}
	})
}
