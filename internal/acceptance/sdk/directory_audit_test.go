package sdk_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

// auditLog does something, is refused something, and reads both in the log: what was done
// with the signature that allowed it. Versions before 0.7 have no methods for it.
func (k actor) auditLog(t *testing.T) {
	if !k.has("auth.listAuditLogs") {
		return
	}
	name, id := k.unique("noted"), userID(t, k.user)
	k.makePermission(t, name, "Auth:Logs:Read")
	refused := k.do(t, "permissions.createPermission", body(req{"name": name, "operations": []string{"Auth:Logs:Read"}}))
	wantRefused(t, "a name that is taken", refused, 409, "permission_name_taken")

	rows := k.log(t, "")
	row := one(t, rows, " made the permission "+name)
	if row[2] != id || row[5] != "POST /permissions" {
		t.Errorf("the log says %q", row)
	}
	for _, r := range k.log(t, userID(t, k.endUser)) {
		if r[1] == row[1] {
			t.Errorf("another's log has %q", r)
		}
	}
	one(t, k.log(t, id), " made the permission "+name)

	entry := did[api.AuditLog](t, k.do(t, "auth.getAuditLog", req{"id": row[1]}))
	factor := entry.FirstFactorCredential
	if entry.ID != row[1] || entry.Action != row[5] || entry.UserID == nil || *entry.UserID != id || factor.ID != row[4] ||
		!api.ValidID(api.PrefixAction, entry.ActionToken) || factor.Kind == nil || *factor.Kind != api.KindKey || factor.Assertion == nil {
		t.Fatalf("the log has %+v for %q", entry, row)
	}
	checkSignature(t, factor)

	entry = did[api.AuditLog](t, k.do(t, "auth.getAuditLog", req{"id": refusalID(t, refused)}))
	if entry.Outcome != api.OutcomeRefused || !strings.Contains(entry.Summary, refused.Error.Message) || entry.UserID == nil || *entry.UserID != id {
		t.Errorf("the log has %+v for a refusal", entry)
	}
	wantRefused(t, "no entry", k.do(t, "auth.getAuditLog", req{"id": api.NewID(api.PrefixAuditLog, k.Clock.Now())}), 404, "audit_log_not_found")
	wantRefused(t, "no time", k.do(t, "auth.listAuditLogs", req{"query": req{"startTime": "2026-01-01T00:00:00.000Z"}}), 400, "parameter_missing")
}

var logHeader = []string{"Date Performed", "Audit Log ID", "User ID", "Username", "Primary Credential ID", "Action Path", "Summary"}

// log is what happened around now: all, or what concerns a user.
func (k actor) log(t *testing.T, userID string) [][]string {
	t.Helper()
	now := k.Clock.Now().UTC()
	query := req{"startTime": now.Add(-time.Hour).Format(time.RFC3339), "endTime": now.Add(time.Hour).Format(time.RFC3339)}
	if userID != "" {
		query["userId"] = userID
	}
	text := did[string](t, k.do(t, "auth.listAuditLogs", req{"query": query}))
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 || !slices.Equal(rows[0], logHeader) {
		t.Fatalf("the log is %.500s: %v", text, err)
	}
	return rows[1:]
}

// one returns the one row whose summary ends like that.
func one(t *testing.T, rows [][]string, ending string) []string {
	t.Helper()
	rows = slices.DeleteFunc(slices.Clone(rows), func(r []string) bool { return !strings.HasSuffix(r[6], ending) })
	if len(rows) != 1 {
		t.Fatalf("%d rows of the log end with %q, want 1", len(rows), ending)
	}
	return rows[0]
}

// checkSignature verifies what the log shows as whoever reads it can.
func checkSignature(t *testing.T, factor api.AuditLogFactor) {
	t.Helper()
	block, _ := pem.Decode([]byte(factor.PublicKey))
	if block == nil {
		t.Fatalf("the public key is %q", factor.PublicKey)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	clientData, err := base64.RawURLEncoding.DecodeString(factor.Assertion.ClientData)
	if err != nil || !strings.Contains(string(clientData), `"type":"key.get"`) {
		t.Errorf("signed was %q: %v", clientData, err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(factor.Assertion.Signature)
	if err != nil {
		t.Fatal(err)
	}
	digest, valid := sha256.Sum256(clientData), false
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(key, digest[:], signature)
	case ed25519.PublicKey:
		valid = ed25519.Verify(key, clientData, signature)
	}
	if !valid {
		t.Errorf("the signature does not verify under %s", factor.PublicKey)
	}
}

// refusalID is the id in the log of a refusal that the SDK threw.
func refusalID(t *testing.T, o outcome) string {
	t.Helper()
	if o.Error == nil {
		t.Fatalf("it was not refused: %s", o.Result)
	}
	var refusal struct{ Error struct{ ID string } }
	if err := json.Unmarshal(o.Error.Body, &refusal); err != nil {
		t.Fatal(err)
	}
	return api.PrefixAuditLog + strings.TrimPrefix(refusal.Error.ID, api.PrefixRefusal)
}
