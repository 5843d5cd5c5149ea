package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

type userCommands struct {
	Invite userInvite `cmd:"" help:"Invite one user, or many from a CSV file. Inviting again voids the old code."`
	List   userList   `cmd:"" help:"List users and how far their registration is."`
	Show   userShow   `cmd:"" help:"Show one user with credentials and codes."`

	Deactivate userTurn   `cmd:"" help:"Deactivate a user and end their sessions."`
	Activate   userTurnOn `cmd:"" help:"Put a deactivated user back."`

	LoginCode userLoginCode `cmd:"" help:"Make a login code for the owner of a password-protected key, where no mail can bring one."`
}

type userInvite struct {
	databaseFlags
	placeFlags
	outputFlags
	Org      string `required:"" help:"Organisation." placeholder:"ORG"`
	Username string `help:"Name of the user; a mail address if the code is to be mailed." placeholder:"NAME" xor:"who"`
	CSV      string `name:"csv" help:"File with the header username or username,kind and a line for each user; - reads standard input. Nothing is mailed." placeholder:"FILE" xor:"who"`
	Kind     string `help:"CustomerEmployee or EndUser." enum:"CustomerEmployee,EndUser," default:""`

	// Said for one user at a time, and serve has a setting of that name: no variable, no key.
	Administrator bool `env:"-" help:"Make the user an administrator; without it, only the first one of an organisation is. Not with --csv."`

	ExpiresIn time.Duration `help:"How long the code can be used." default:"24h" placeholder:"DURATION"`
	Format    string        `help:"With --csv: csv prints lines orgId,username,registrationCode; text adds the link." enum:"csv,text" default:"text"`
}

type inviteRow struct {
	OrgID            string `json:"orgId"`
	UserID           string `json:"userId"`
	Username         string `json:"username"`
	RegistrationCode string `json:"registrationCode"`
	RegistrationURL  string `json:"registrationUrl"`
	ExpiresAt        string `json:"expiresAt"`
}

func newInviteRow(i user.Invitation) inviteRow {
	return inviteRow{i.User.OrgID, i.User.ID, i.User.Username, i.Code, i.Link, api.Time(i.Row.ExpiresAt)}
}

func (u *userInvite) Run(ctx context.Context, c console) error {
	if (u.Username == "") == (u.CSV == "") {
		return misuse("say whom to invite with either --username or --csv")
	}
	if u.Format == "csv" && u.CSV == "" {
		return misuse("--format csv goes with --csv")
	}
	if u.Administrator && u.CSV != "" {
		return misuse("--administrator goes with --username; administrators are invited one by one")
	}
	return within(ctx, u.databaseFlags, u.placeFlags, c, func(h *app) error {
		if u.CSV != "" {
			return u.inviteMany(ctx, c, h)
		}
		inv, err := h.users().Invite(ctx, u.Org, user.Invitee{Username: u.Username, Kind: u.Kind, Administrator: u.Administrator}, u.ExpiresIn)
		if inv.Code == "" {
			return err
		}
		if e := u.print(c, newInviteRow(inv), func(w io.Writer) {
			if inv.Mailed {
				fmt.Fprintf(w, "%s is invited; the code was mailed.\n", inv.User.Username)
			} else {
				fmt.Fprintf(w, "%s is invited. Give them this link; it is not shown again:\n", inv.User.Username)
			}
			fmt.Fprintf(w, "\n  %s\n\nCode %s, valid until %s.\n", inv.Link, inv.Code, api.Time(inv.Row.ExpiresAt))
		}); e != nil {
			return e
		}
		return err // a mail that did not go: the invitation stands all the same
	})
}

func (u *userInvite) inviteMany(ctx context.Context, c console, h *app) error {
	guests, lines, err := u.readGuests()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(c.out)
	rows := csv.NewWriter(out)
	err = h.users().InviteAll(ctx, u.Org, guests, u.ExpiresIn, func(i user.Invitation) error {
		switch {
		case u.JSON:
			return outputFlags{JSON: true}.print(console{out: out}, newInviteRow(i), nil)
		case u.Format == "csv":
			return rows.Write([]string{i.User.OrgID, i.User.Username, i.Code})
		default:
			_, err := fmt.Fprintf(out, "%s  %s  %s\n", i.User.Username, i.Code, i.Link)
			return err
		}
	})
	rows.Flush()
	if e := errors.Join(rows.Error(), out.Flush()); err == nil {
		err = e
	}
	var entry *user.EntryError
	if errors.As(err, &entry) {
		return fmt.Errorf("line %d of the CSV file: %w", lines[entry.Entry-1], entry.Err)
	}
	return err
}

// readGuests reads the whole file before anybody is invited. It returns the line of
// each guest too: lines may be empty, and a quoted name may hold a line break.
func (u *userInvite) readGuests() (guests []user.Invitee, lines []int, err error) {
	in := io.Reader(os.Stdin)
	if u.CSV != "-" {
		f, err := os.Open(u.CSV)
		if err != nil {
			return nil, nil, misuse("the CSV file cannot be read: %w", err)
		}
		defer f.Close()
		in = f
	}
	text := bufio.NewReader(in)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" { // spreadsheets write one
		text.Discard(3)
	}
	r := csv.NewReader(text)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, nil, misuse("the CSV file has no header; its first line must be username or username,kind")
	}
	if len(header) == 0 || header[0] != "username" || len(header) > 2 || len(header) == 2 && header[1] != "kind" {
		return nil, nil, misuse("the first line of the CSV file must be username or username,kind")
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return guests, lines, nil
		}
		if err != nil {
			return nil, nil, misuse("the CSV file is malformed: %w", err)
		}
		g := user.Invitee{Username: record[0], Kind: u.Kind}
		if len(record) == 2 && record[1] != "" {
			g.Kind = record[1]
		}
		line, _ := r.FieldPos(0)
		guests, lines = append(guests, g), append(lines, line)
	}
}

type userList struct {
	databaseFlags
	placeFlags
	outputFlags
	Org   string `required:"" help:"Organisation." placeholder:"ORG"`
	Limit int    `help:"At most so many." default:"100"`
	After string `help:"Only users after this user id, as printed last." placeholder:"USER"`
}

type userRow struct {
	UserID        string `json:"userId"`
	Username      string `json:"username"`
	Kind          string `json:"kind"`
	State         string `json:"state"` // registered, inactive, or the state of the latest code
	Administrator bool   `json:"administrator"`
	Credentials   int64  `json:"credentials"`
	DateCreated   string `json:"dateCreated"`
}

func (u *userList) Run(ctx context.Context, c console) error {
	if u.Limit < 1 || u.Limit > store.MaxPage {
		return misuse("--limit is between 1 and %d; go on with --after", store.MaxPage)
	}
	return within(ctx, u.databaseFlags, u.placeFlags, c, func(h *app) error {
		all, err := h.users().List(ctx, u.Org, u.After, u.Limit)
		if err != nil {
			return err
		}
		rows := make([]userRow, 0, len(all))
		for _, x := range all {
			rows = append(rows, userRow{x.ID, x.Username, x.Kind, user.State(x.User, x.LatestCode, time.Now()), x.Administrator, x.Credentials, api.Time(x.CreatedAt)})
		}
		return u.print(c, map[string]any{"items": rows}, func(w io.Writer) {
			t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "USER\tUSERNAME\tKIND\tSTATE\tADMIN\tCREDENTIALS")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\n", r.UserID, r.Username, r.Kind, r.State, yes(r.Administrator), r.Credentials)
			}
			t.Flush()
		})
	})
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

type userShow struct {
	databaseFlags
	placeFlags
	outputFlags
	Org  string `required:"" help:"Organisation." placeholder:"ORG"`
	User string `arg:"" help:"Username or user id."`
}

type credentialRow struct {
	CredentialUUID  string `json:"credentialUuid"`
	Kind            string `json:"kind"`
	Factor          string `json:"factor"`
	Name            string `json:"name"`
	Algorithm       string `json:"algorithm"`
	BackedUp        bool   `json:"backedUp"`
	BackupEligible  bool   `json:"backupEligible"`
	Format          string `json:"attestationFormat"`
	AttestationType string `json:"attestationType"`
	DateCreated     string `json:"dateCreated"`
}

func (u *userShow) Run(ctx context.Context, c console) error {
	return within(ctx, u.databaseFlags, u.placeFlags, c, func(h *app) error {
		s, err := h.users().Show(ctx, u.Org, u.User)
		if err != nil {
			return err
		}
		var latest store.Code
		codes := make([]codeRow, 0, len(s.Codes))
		for _, x := range s.Codes {
			latest = x.Code
			codes = append(codes, newCodeRow(x))
		}
		row := userRow{s.User.ID, s.User.Username, s.User.Kind, user.State(s.User, latest, time.Now()), s.Administrator, int64(len(s.Credentials)), api.Time(s.User.CreatedAt)}
		credentials := make([]credentialRow, 0, len(s.Credentials))
		for _, x := range s.Credentials {
			credentials = append(credentials, newCredentialRow(x))
		}
		v := struct {
			userRow
			DateRegistered string          `json:"dateRegistered,omitempty"`
			List           []credentialRow `json:"credentialList"`
			Codes          []codeRow       `json:"registrationCodes"`
		}{row, api.Time(s.User.RegisteredAt), credentials, codes}
		return u.print(c, v, func(w io.Writer) { printUser(w, row, api.Time(s.User.RegisteredAt), credentials, codes) })
	})
}

func printUser(w io.Writer, r userRow, registered string, credentials []credentialRow, codes []codeRow) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
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
	t.Flush()
}
