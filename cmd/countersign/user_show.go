package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store"
)

type userShow struct {
	operatorFlags
	orgFlags
	User string `arg:"" help:"Username or user id."`
}

func (u *userShow) Run(ctx context.Context, c console) error {
	return u.open(ctx, c, func(a *app.App) error {
		s, err := a.Users.Show(ctx, u.Org, u.User)
		if err != nil {
			return err
		}
		var latest store.Code
		if len(s.Codes) > 0 {
			latest = s.Codes[len(s.Codes)-1].Code
		}
		row := newUserRow(s.User, latest, s.Administrator, int64(len(s.Credentials)))
		credentials, codes := rows(s.Credentials, newCredentialRow), rows(s.Codes, newCodeRow)
		v := struct {
			userRow
			DateRegistered string          `json:"dateRegistered,omitempty"`
			List           []credentialRow `json:"credentialList"`
			Codes          []codeRow       `json:"registrationCodes"`

			Recovery *api.PendingRecovery `json:"recovery,omitempty"`
		}{row, api.Time(s.User.RegisteredAt), credentials, codes, s.Recovery.Pending(time.Now())}
		return u.print(c, v, func(w io.Writer) { printUser(w, row, api.Time(s.User.RegisteredAt), credentials, codes, v.Recovery) })
	})
}

func printUser(w io.Writer, r userRow, registered string, credentials []credentialRow, codes []codeRow, recovery *api.PendingRecovery) {
	t := columns(w)
	for _, f := range [][2]string{{"User", r.UserID}, {"Username", r.Username}, {"Kind", r.Kind}, {"State", r.State},
		{"Administrator", strconv.FormatBool(r.Administrator)}, {"Invited", r.DateCreated}, {"Registered", registered}} {
		fmt.Fprintf(t, "%s\t%s\n", f[0], f[1])
	}
	for _, x := range credentials {
		fmt.Fprintf(t, "Credential\t%s  %s  %s factor  %s  %q  %s\n", x.CredentialUUID, x.Kind, x.Factor, x.Algorithm, x.Name, x.DateCreated)
	}
	for _, x := range codes {
		fmt.Fprintf(t, "Code\t%s  %s  expires %s\n", x.CodeID, x.State, x.ExpiresAt)
	}
	if r := recovery; r != nil {
		fmt.Fprintf(t, "Recovery\t%s  since %s from %s  waits until %s  approval %s\n", r.ID, r.Since, r.Address, r.Until, r.Approval)
	}
	t.Flush()
}
