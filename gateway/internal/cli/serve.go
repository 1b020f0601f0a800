package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"heed/gateway/internal/app"
	"heed/gateway/internal/config"

	"github.com/spf13/cobra"
)

type serveFlags struct {
	config, data, info string
	dev                bool
	port               int
}

func serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Run the gateway until SIGTERM or SIGINT: then it stops accepting, finishes what is being handed off, and exits 0. A second
signal ends it at once; what was accepted is on disk either way.

With --dev everything runs on loopback, with an SMTP inbox and an SMS simulator in the same process and a sample API key.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return serve(f, c.OutOrStdout(), c.ErrOrStderr()) },
	}
	c.Flags().StringVarP(&f.config, "config", "c", "", "settings file (default: built-in settings)")
	c.Flags().StringVar(&f.data, "data", "", "folder of the stores (default: as the settings say; with --dev a new temporary one)")
	c.Flags().StringVar(&f.info, "info", "", "write addresses and keys to this JSON file once ready (with --dev)")
	c.Flags().BoolVar(&f.dev, "dev", false, "development mode: loopback, built-in inbox and SMS simulator, sample key")
	c.Flags().IntVar(&f.port, "port", -1, "public port on loopback, the other listeners take the following ones; 0 picks free ports (with --dev)")
	return c
}

func serve(f serveFlags, out, errOut io.Writer) error {
	cfg, err := settings(f)
	if err != nil {
		return cannotRun(err)
	}
	log := logger(cfg.Log, errOut)
	ctx, stop := stopOnSignal(log)
	defer stop()
	err = app.Run(ctx, cfg, app.Options{Dev: f.dev, Info: f.info, Port: f.port, Out: out, Log: log})
	if errors.Is(err, app.ErrStopped) {
		return failed(err)
	}
	return cannotRun(err)
}

func settings(f serveFlags) (config.Config, error) {
	cfg, err := config.Default(), error(nil)
	if f.config != "" {
		if cfg, err = config.Load(f.config); err != nil {
			return cfg, err
		}
	}
	switch {
	case f.data != "":
		cfg.Data = f.data
	case f.dev:
		cfg.Data, err = os.MkdirTemp("", "heed-dev-")
	}
	if !f.dev && (f.info != "" || f.port >= 0) {
		return cfg, fmt.Errorf("--info and --port go with --dev")
	}
	return cfg, err
}

func logger(c config.Log, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // Validate has seen it
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, o))
	}
	return slog.New(slog.NewTextHandler(out, o))
}

// stopOnSignal returns a context that ends at the first SIGTERM or SIGINT; the second one ends the process at once.
func stopOnSignal(log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		log.Info("stopping: finishing what is being handed off; a second signal ends at once")
		cancel()
		<-signals
		os.Exit(exitFailed)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}
