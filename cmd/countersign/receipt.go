package main

type receiptCommands struct {
	Verify receiptVerify `cmd:"" help:"Verify a receipt and say what it proves: who signed which request. Needs no server, database or network."`
	Export receiptExport `cmd:"" help:"Print the receipt of a signed action."`
}
