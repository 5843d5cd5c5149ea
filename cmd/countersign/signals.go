package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// keepRunning is called first by what shall run for months: from then on, no signal ends or
// stops the process but those that ask it to (SIGINT, SIGTERM, SIGQUIT, SIGKILL, SIGSTOP).
// The signals of a terminal that goes away or is taken away are among them: whoever started
// the server may log out. SIGHUP arrives in the returned channel.
func keepRunning() <-chan os.Signal {
	// Ignored, or the kernel would stop the process, with a write to a terminal half done.
	signal.Ignore(syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGTSTP)
	// Not ignored, because children would inherit that: without a receiver Go ends the process
	// when standard output or error has no reader. As it is, the write fails.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	return hangup
}

// reloadOnHangup calls reload at each SIGHUP until ctx ends. Without TLS files there is
// nothing to read again, and reload is nil.
func reloadOnHangup(ctx context.Context, hangup <-chan os.Signal, reload func(), log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		if reload == nil {
			log.Info("SIGHUP: there is nothing to read again; restart the server to change its flags")
			continue
		}
		log.Info("SIGHUP: the TLS certificate and key are read again")
		reload()
	}
}
