package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/imagetool/verify"
)

func verifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify IMAGE",
		Short: "Check everything of a disk image that can be checked offline",
		Long: `Check both partition tables, the EFI system partition, every UKI, the whole
hash tree and root file system of each slot, and that they belong together.
Each problem is printed with partition, block and byte offset; the exit code
is then 1.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, size, err := openImage(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			result, err := verify.Image(f, size)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), result)
			} else {
				err = result.Write(cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			if err == nil && !result.OK {
				err = errReported
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
