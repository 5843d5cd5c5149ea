package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

type credentialCommands struct {
	List         credentialList    `cmd:"" help:"List a user's credentials: synced or not, counter, last use."`
	Deactivate   credentialTurn    `cmd:"" help:"Withdraw a credential and end its user's sessions."`
	Activate     credentialTurnOn  `cmd:"" help:"Put a withdrawn credential back."`
	ResetCounter credentialCounter `cmd:"" name:"reset-counter" help:"Let a credential count anew, for somebody who is shut out because their authenticator does. Make sure first that it is no copy."`
}

type credentialList struct {
	databaseFlags
	placeFlags
	outputFlags
	Org      string `required:"" help:"Organisation." placeholder:"ORG"`
	Username string `required:"" help:"Username or user id." placeholder:"NAME"`
}

type listedCredentialRow struct {
	credentialRow
	Active       bool   `json:"active"`
	SignCount    int64  `json:"signCount"`
	RPID         string `json:"rpId,omitempty"`
	DateLastUsed string `json:"dateLastUsed,omitempty"`
}

func newCredentialRow(x store.Credential) credentialRow {
	return credentialRow{x.ID, x.Kind, x.Factor, x.Name, x.Algorithm, x.BackupState, x.BackupEligible, x.Format, x.AttestationType, api.Time(x.CreatedAt)}
}

func (l *credentialList) Run(ctx context.Context, c console) error {
	return within(ctx, l.databaseFlags, l.placeFlags, c, func(h *app) error {
		all, err := h.users().Credentials(ctx, l.Org, l.Username)
		if err != nil {
			return err
		}
		rows := make([]listedCredentialRow, 0, len(all))
		for _, x := range all {
			rows = append(rows, listedCredentialRow{newCredentialRow(x), x.Active, x.SignCount, x.RPID, api.Time(x.LastUsedAt)})
		}
		return l.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "CREDENTIAL\tKIND\tFACTOR\tNAME\tACTIVE\tSYNCED\tCOUNTER\tLAST USED")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%q\t%s\t%s\t%s\t%s\n", r.CredentialUUID, r.Kind, r.Factor, r.Name,
					yes(r.Active), yes(r.BackedUp), strconv.FormatInt(r.SignCount, 10), cmp.Or(r.DateLastUsed, "never"))
			}
			t.Flush()
		})
	})
}

// credentialTurn withdraws a credential.
type credentialTurn struct {
	databaseFlags
	placeFlags
	outputFlags
	Org        string `required:"" help:"Organisation." placeholder:"ORG"`
	Credential string `arg:"" help:"Credential id (cr-…) as credential list prints it."`
}

func (t *credentialTurn) Run(ctx context.Context, c console) error { return t.set(ctx, c, false) }

func (t *credentialTurn) set(ctx context.Context, c console, active bool) error {
	return within(ctx, t.databaseFlags, t.placeFlags, c, func(h *app) error {
		if err := h.users().SetCredentialActive(ctx, t.Org, t.Credential, active); err != nil {
			return err
		}
		return t.print(c, map[string]any{"credentialUuid": t.Credential, "active": active}, func(w io.Writer) {
			if active {
				fmt.Fprintf(w, "Credential %s is active again.\n", t.Credential)
			} else {
				fmt.Fprintf(w, "Credential %s is withdrawn and its user is logged out. To put it back: countersign credential activate --org %s %s\n", t.Credential, t.Org, t.Credential)
			}
		})
	})
}

// credentialTurnOn puts a credential back.
type credentialTurnOn struct{ credentialTurn }

func (t *credentialTurnOn) Run(ctx context.Context, c console) error { return t.set(ctx, c, true) }

type credentialCounter struct {
	databaseFlags
	placeFlags
	outputFlags
	Org        string `required:"" help:"Organisation." placeholder:"ORG"`
	Credential string `arg:"" help:"Credential id (cr-…) as credential list prints it."`
}

func (r *credentialCounter) Run(ctx context.Context, c console) error {
	return within(ctx, r.databaseFlags, r.placeFlags, c, func(h *app) error {
		if err := h.users().ResetSignCount(ctx, r.Org, r.Credential); err != nil {
			return err
		}
		return r.print(c, map[string]any{"credentialUuid": r.Credential, "signCount": 0}, func(w io.Writer) {
			fmt.Fprintf(w, "Credential %s may count from the start again.\n", r.Credential)
		})
	})
}

// userTurn deactivates a user.
type userTurn struct {
	databaseFlags
	placeFlags
	outputFlags
	Org      string `required:"" help:"Organisation." placeholder:"ORG"`
	Username string `required:"" help:"Username or user id." placeholder:"NAME"`
}

func (t *userTurn) Run(ctx context.Context, c console) error { return t.set(ctx, c, false) }

func (t *userTurn) set(ctx context.Context, c console, active bool) error {
	return within(ctx, t.databaseFlags, t.placeFlags, c, func(h *app) error {
		if err := h.users().SetActive(ctx, t.Org, t.Username, active); err != nil {
			return err
		}
		return t.print(c, map[string]any{"orgId": t.Org, "username": t.Username, "active": active}, func(w io.Writer) {
			if active {
				fmt.Fprintf(w, "%s is active again.\n", t.Username)
			} else {
				fmt.Fprintf(w, "%s is deactivated and logged out. To put them back: countersign user activate --org %s --username %s\n", t.Username, t.Org, t.Username)
			}
		})
	})
}

// userTurnOn puts a user back.
type userTurnOn struct{ userTurn }

func (t *userTurnOn) Run(ctx context.Context, c console) error { return t.set(ctx, c, true) }
