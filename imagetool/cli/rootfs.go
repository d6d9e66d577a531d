package cli

import (
	"bufio"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/imagetool/rootfs"
)

func rootfsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "rootfs --output ROOT.tar LAYER.tar...",
		Short: "Merge package layers into the root file system's archive",
		Long: `Merge package layers into one tar archive, sorted by path, with
SOURCE_DATE_EPOCH as every file's time. Two layers that claim one path are an
error that names both; only folders with equal mode, owner and attributes may
be in several.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, layers []string) error {
			t, err := sourceDate()
			if err != nil {
				return err
			}
			out, err := renameio.NewPendingFile(output, renameio.WithTempDir(filepath.Dir(output)), renameio.WithPermissions(0o644))
			if err != nil {
				return err
			}
			defer out.Cleanup()
			w := bufio.NewWriterSize(out, 1<<20)
			if err := rootfs.Merge(w, layers, t); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return out.CloseAtomicallyReplace()
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "tar archive to write")
	cmd.MarkFlagRequired("output")
	return cmd
}
