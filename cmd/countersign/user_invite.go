package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/user"
)

type userInvite struct {
	operatorFlags
	orgFlags
	Username string `help:"Name of the user; a mail address if the code is to be mailed." placeholder:"NAME" xor:"who"`
	CSV      string `name:"csv" help:"CSV file with the header username or username,kind and a line for each user; - reads standard input. Nothing is mailed." placeholder:"FILE" xor:"who"`
	Kind     string `help:"CustomerEmployee or EndUser." enum:"CustomerEmployee,EndUser," default:""`

	// No environment variable and no key: serve has a flag of this name with another meaning.
	Administrator bool `env:"-" help:"Make the user an administrator. Without it, only the first user of an organisation is one. Not with --csv."`

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
	return u.open(ctx, c, func(a *app.App) error {
		if u.CSV != "" {
			return u.inviteMany(ctx, c, a)
		}
		inv, err := a.Users.Invite(ctx, u.Org, user.Invitee{Username: u.Username, Kind: u.Kind, Administrator: u.Administrator}, u.ExpiresIn)
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
		return err // the mail could not be sent; the invitation is valid
	})
}

func (u *userInvite) inviteMany(ctx context.Context, c console, a *app.App) error {
	invitees, lines, err := u.readInvitees()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(c.out)
	rows := csv.NewWriter(out)
	err = a.Users.InviteAll(ctx, u.Org, invitees, u.ExpiresIn, func(i user.Invitation) error {
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

// readInvitees reads the whole file before anybody is invited. It also returns the line of each
// invitee: lines may be empty, and a quoted name may contain a line break.
func (u *userInvite) readInvitees() (invitees []user.Invitee, lines []int, err error) {
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
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" { // spreadsheets write a byte order mark
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
			return invitees, lines, nil
		}
		if err != nil {
			return nil, nil, misuse("the CSV file is malformed: %w", err)
		}
		g := user.Invitee{Username: record[0], Kind: u.Kind}
		if len(record) == 2 && record[1] != "" {
			g.Kind = record[1]
		}
		line, _ := r.FieldPos(0)
		invitees, lines = append(invitees, g), append(lines, line)
	}
}
