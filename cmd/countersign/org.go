package main

type orgCommands struct {
	Create orgCreate `cmd:"" help:"Create an organisation."`
	List   orgList   `cmd:"" help:"List organisations."`
	Set    orgSet    `cmd:"" help:"Change an organisation: its name, origins and policies."`
}

type policyRow struct {
	SignCount    string `json:"signCount"`
	Backup       string `json:"backup"`
	SecondFactor string `json:"secondFactor"`

	OneTimePasswords string `json:"oneTimePasswords"`
	Passwords        string `json:"passwords"`
	RecoveryWait     string `json:"recoveryWait"`
	RecoveryApproval string `json:"recoveryApproval"`
}
