package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/packages/internal/layer"
)

// newLayer makes the command that packs single files into a layer, for what a
// rule writes itself (os-release).
func newLayer() *cobra.Command {
	var (
		output string
		epoch  int64
	)
	c := &cobra.Command{
		Use:   "layer --output LAYER PATH=FILE...",
		Short: "Pack files into a layer",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := os.MkdirTemp("", "layer-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			for _, a := range args {
				name, file, ok := strings.Cut(a, "=")
				if !ok {
					return fmt.Errorf("%q: want PATH=FILE", a)
				}
				data, err := os.ReadFile(filepath.Clean(file))
				if err != nil {
					return fmt.Errorf("packing /%s: %w", name, err)
				}
				if err := writeBelow(dir, name, data, 0o644); err != nil {
					return err
				}
			}
			entries, err := layer.List(dir)
			if err != nil {
				return err
			}
			return layer.Write(output, entries, epoch)
		},
	}
	c.Flags().StringVar(&output, "output", "", "layer to write")
	c.Flags().Int64Var(&epoch, "epoch", 0, "time of every entry, seconds since 1970")
	c.MarkFlagRequired("output")
	return c
}
