package app

import (
	"context"
	"sync"
	"time"
)

// Job is work that a server repeats beside its requests.
type Job struct {
	Name    string
	Every   time.Duration
	AtStart bool // run it at the start too, not only after Every
	Do      func(context.Context) error
	Failed  string // the log line if Do fails; it is tried again after Every
}

// Jobs lists the background jobs.
func (a *App) Jobs() []Job {
	return []Job{
		{"prune-refusals", 10 * time.Minute, false, a.Refusals.Prune, "old refusals could not be removed"},
		{"refresh-keys", 30 * time.Second, false, a.Ring.Refresh, "the signing keys could not be read again"},
		{"prune-actions", 10 * time.Minute, true, a.Action.Prune, "old unused actions could not be removed"},
		{"prune-sessions", time.Hour, true, a.Login.Prune, "old sessions could not be removed"},
		{"read-metadata", 30 * time.Second, true, a.Metadata.Read, "the FIDO metadata could not be read again"},
		{"refresh-metadata", time.Minute, true, a.Metadata.Refresh, "the FIDO metadata could not be refreshed"},
	}
}

// RunJobs runs the background jobs until ctx ends, and returns when all have stopped.
func (a *App) RunJobs(ctx context.Context) {
	var running sync.WaitGroup
	for _, j := range a.Jobs() {
		running.Go(func() { a.repeat(ctx, j) })
	}
	running.Wait()
}

func (a *App) repeat(ctx context.Context, j Job) {
	tick := time.NewTicker(j.Every)
	defer tick.Stop()
	if j.AtStart {
		a.do(ctx, j)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.do(ctx, j)
		}
	}
}

func (a *App) do(ctx context.Context, j Job) {
	if err := j.Do(ctx); err != nil && ctx.Err() == nil {
		a.config.Log.Error(j.Failed, "job", j.Name, "error", err)
	}
}
