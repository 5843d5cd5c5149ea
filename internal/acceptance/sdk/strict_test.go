package sdk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/contract"
)

// strictClient behaves as the Go and Python SDKs do: https only, a bearer token and a
// Content-Type with every request, also where neither belongs.
type strictClient struct {
	http *http.Client
	url  string
}

func newStrictClient(t *testing.T, srv *countersigntest.Server) *strictClient {
	t.Helper()
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = &tls.Config{RootCAs: srv.CA}
	t.Cleanup(base.CloseIdleConnections)
	return &strictClient{url: srv.URL, http: &http.Client{Transport: contract.Transport(t, base)}}
}

// call sends a body, or none at all for "", and decodes the answer into out.
func (c *strictClient) call(t *testing.T, method, path, token, body string, out any) int {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = bytes.NewReader([]byte(body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, c.url+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-DFNS-USERACTION", "not-a-signature")
	res, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return res.StatusCode
}

// pythonAttestation answers a challenge as the Python SDK's users do: client data with
// an origin, base64url with its padding.
func pythonAttestation(t *testing.T, challenge string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicKey := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	clientData := fmt.Sprintf(`{"type": "key.create", "challenge": %q, "origin": "https://app.dfns.io", "crossOrigin": false}`, challenge)
	digest := sha256.Sum256([]byte(clientData))
	fingerprint := fmt.Sprintf(`{"clientDataHash":"%s","publicKey":%s}`, hex.EncodeToString(digest[:]), quote(t, publicKey))
	signed := sha256.Sum256([]byte(fingerprint))
	signature, err := ecdsa.SignASN1(rand.Reader, key, signed[:])
	if err != nil {
		t.Fatal(err)
	}
	attestation := fmt.Sprintf(`{"publicKey": %s, "signature": "%s"}`, quote(t, publicKey), hex.EncodeToString(signature))

	encode := base64.URLEncoding.EncodeToString // with padding
	// 31 bytes, so that the id is padded too.
	return fmt.Sprintf(`{"firstFactorCredential": {"credentialKind": "Key", "credentialInfo": {"credId": %q, "clientData": %q, "attestationData": %q}}}`,
		encode(digest[:31]), encode([]byte(clientData)), encode([]byte(attestation)))
}

func quote(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStrictClientsRegisterOverTLS(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.TLS())
	h := &checkedServer{Server: srv}
	org := srv.Organisation(t, "Analytical Engines")
	c := newStrictClient(t, srv)

	// Neither a token of nobody nor one of somewhere else matters on a public endpoint.
	for i, token := range []string{
		"garbage",
		"eyJhbGciOiJub25lIn0.eyJodHRwczovL2N1c3RvbS9hcHBfbWV0YWRhdGEiOnsib3JnSWQiOiJvci14In19.",
	} {
		inv := srv.Invite(t, org.ID, fmt.Sprintf("ada%d@example.org", i))
		invitation := fmt.Sprintf(`{"orgId": %q, "username": %q, "registrationCode": %q}`, inv.OrgID, inv.Username, inv.RegistrationCode)

		var challenge api.RegistrationChallenge
		if status := c.call(t, http.MethodPost, "/auth/registration/init", token, invitation, &challenge); status != http.StatusOK {
			t.Fatalf("init with a foreign bearer: %d", status)
		}
		attestation := pythonAttestation(t, challenge.Challenge)

		// On the completing call the token is what counts.
		if status := c.call(t, http.MethodPost, "/auth/registration", token, attestation, nil); status != http.StatusUnauthorized {
			t.Errorf("completing with a foreign bearer: %d, want 401", status)
		}
		h.unregistered(t, inv)

		var result json.RawMessage
		if status := c.call(t, http.MethodPost, "/auth/registration", challenge.TemporaryAuthenticationToken, attestation, &result); status != http.StatusOK {
			t.Fatalf("completing: %d %s", status, result)
		}
		if credentials := h.registered(t, inv, result); len(credentials) != 1 || len(credentials[0].CredentialID) != 31 {
			t.Errorf("stored %+v, want one credential with the id that was sent", credentials)
		}
	}
}

// Resending is public: a foreign bearer and a user action that old SDKs sign are ignored.
func TestStrictClientsResend(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.TLS())
	org := srv.Organisation(t, "Analytical Engines")
	inv := srv.Invite(t, org.ID, "ada@example.org")
	c := newStrictClient(t, srv)
	body := fmt.Sprintf(`{"username": %q, "orgId": %q}`, inv.Username, inv.OrgID)
	if status := c.call(t, http.MethodPut, "/auth/registration/code", "garbage", body, nil); status != http.StatusOK {
		t.Errorf("resend with a foreign bearer: %d, want 200", status)
	}
}

// A Content-Type without a body is no reason to refuse where no body is wanted, and
// never one to fail; what is not there is answered in JSON.
func TestStrictClientsWithoutBodies(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.TLS())
	c := newStrictClient(t, srv)
	for _, r := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/healthz", http.StatusOK},
		{http.MethodGet, "/openapi.json", http.StatusOK},
		{http.MethodGet, "/auth/nothing", http.StatusNotFound},
		{http.MethodDelete, "/auth/nothing", http.StatusNotFound},
		{http.MethodGet, "/auth/registration", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/auth/registration", http.StatusMethodNotAllowed},
		{http.MethodPut, "/auth/registration/init", http.StatusMethodNotAllowed},
		{http.MethodPost, "/auth/registration/init", http.StatusBadRequest},
		{http.MethodPut, "/auth/registration/code", http.StatusBadRequest},
		{http.MethodPost, "/auth/registration", http.StatusUnauthorized},
	} {
		if got := c.call(t, r.method, r.path, "garbage", "", nil); got != r.want {
			t.Errorf("%s %s without a body: %d, want %d", r.method, r.path, got, r.want)
		}
	}
}
