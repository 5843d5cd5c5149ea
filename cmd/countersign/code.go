package main

type codeCommands struct {
	List   codeList   `cmd:"" help:"List registration codes and the state of each."`
	Revoke codeRevoke `cmd:"" help:"Revoke a registration code. The user stays invited and can get a new one."`
}
