package main

type userCommands struct {
	Invite     userInvite     `cmd:"" help:"Invite one user, or many from a CSV file. Inviting a user again replaces their code."`
	List       userList       `cmd:"" help:"List users and how far their registration is."`
	Show       userShow       `cmd:"" help:"Show one user with credentials and codes."`
	Deactivate userDeactivate `cmd:"" help:"Deactivate a user and end their sessions."`
	Activate   userActivate   `cmd:"" help:"Activate a deactivated user."`
	LoginCode  userLoginCode  `cmd:"" help:"Issue a login code for the owner of a password-protected key, where no mail can bring one."`
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

// userFlags name the user that a command changes.
type userFlags struct {
	operatorFlags
	orgFlags
	Username string `required:"" help:"Username or user id." placeholder:"NAME"`
}
