package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

type userCommands struct {
	Invite          userInvite          `cmd:"" help:"Invite one user, or many from a CSV file. Inviting a user again replaces their code."`
	List            userList            `cmd:"" help:"List users and how far their registration is."`
	Show            userShow            `cmd:"" help:"Show one user with credentials and codes."`
	Deactivate      userDeactivate      `cmd:"" help:"Deactivate a user and end their sessions."`
	Activate        userActivate        `cmd:"" help:"Activate a deactivated user."`
	Recover         userRecover         `cmd:"" help:"Give a user who lost all credentials a new start: remove these and issue a registration code."`
	StopRecovery    userStopRecovery    `cmd:"" help:"Stop a recovery that waits."`
	ApproveRecovery userApproveRecovery `cmd:"" help:"Approve a recovery that waits for it. user show tells its id."`
	Sessions        userSessions        `cmd:"" help:"List a user's sessions, or end them."`
	LoginCode       userLoginCode       `cmd:"" help:"Issue a login code to the owner of a password-protected key or a password, whom no mail reaches."`
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

func newUserRow(u store.User, latest store.Code, administrator bool, credentials int64) userRow {
	return userRow{u.ID, u.Username, u.Kind, user.State(u, latest, time.Now()), administrator, credentials, api.Time(u.CreatedAt)}
}

// userFlags name the user that a command is about.
type userFlags struct {
	operatorFlags
	orgFlags
	Username string `required:"" help:"Username or user id." placeholder:"NAME"`
}

// setActive deactivates or activates the user and prints it, for people as the sentence "NAME is done".
func (u *userFlags) setActive(ctx context.Context, c console, active bool, done string) error {
	return u.open(ctx, c, func(a *app.App) error {
		if err := a.Users.SetActive(ctx, u.Org, u.Username, active); err != nil {
			return err
		}
		return u.print(c, map[string]any{"orgId": u.Org, "username": u.Username, "active": active}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is %s\n", u.Username, done)
		})
	})
}
