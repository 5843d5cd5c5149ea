// Package view shows what a person has, their credentials and sessions, to themselves and to
// administrators.
package view

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Credentials shows credentials. last are the newest sessions that they opened.
func Credentials(all []store.Credential, last []store.Session) []api.AccountCredential {
	used := map[string]*api.AccountUsed{}
	for _, s := range last {
		used[s.CredentialID] = &api.AccountUsed{At: api.Time(s.CreatedAt), UserAgent: s.UserAgent, Address: s.Address}
	}
	shown := []api.AccountCredential{}
	for _, c := range all {
		shown = append(shown, api.AccountCredential{UUID: c.ID, CredentialID: base64.RawURLEncoding.EncodeToString(c.CredentialID),
			Kind: c.Kind, Factor: c.Factor, Name: c.Name, Algorithm: c.Algorithm, AAGUID: uuid(c.AAGUID),
			BackupEligible: c.BackupEligible, BackedUp: c.BackupState, IsActive: c.Active,
			CreatedAt: api.Time(c.CreatedAt), LastUsedAt: api.Time(c.LastUsedAt),
			Transports: c.Transports, LastSession: used[c.ID]})
	}
	return shown
}

// uuid writes an AAGUID as a UUID; "" for a key, which has none.
func uuid(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Sessions shows sessions to who, one of which they may be in. of are the credentials of the sessions' user.
func Sessions(who api.Caller, all []store.Session, of []store.Credential) []api.AccountSession {
	names := map[string]string{}
	for _, c := range of {
		names[c.ID] = c.Name
	}
	shown := []api.AccountSession{}
	for _, s := range all {
		shown = append(shown, api.AccountSession{ID: s.ID, Current: s.ID == who.SessionID,
			CredentialUUID: s.CredentialID, CredentialName: names[s.CredentialID], UserAgent: s.UserAgent, Address: s.Address,
			CreatedAt: api.Time(s.CreatedAt), ExpiresAt: api.Time(s.ExpiresAt)})
	}
	return shown
}
