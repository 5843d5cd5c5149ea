package main

type refusalCommands struct {
	Show refusalShow `cmd:"" help:"Explain the refusal with a support id: the rule, what was received, what was expected."`
}
