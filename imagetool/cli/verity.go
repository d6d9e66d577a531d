package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/verity"
)

func verityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verity",
		Short: "Make dm-verity hash trees",
	}
	cmd.AddCommand(verityFormatCommand())
	return cmd
}

func verityFormatCommand() *cobra.Command {
	var salt, id string
	cmd := &cobra.Command{
		Use:   "format DATA HASH",
		Short: "Write superblock and hash tree of DATA to HASH and print the root hash",
		Long: `Write superblock and hash tree of DATA to the new file HASH and print the root
hash. The bytes are those of "veritysetup format" with the same salt and UUID.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			sb := verity.Superblock{}
			var err error
			if sb.Salt, err = hex.DecodeString(salt); err != nil {
				return fmt.Errorf("salt %q: %w", salt, err)
			}
			if sb.UUID, err = uuid.Parse(id); err != nil {
				return fmt.Errorf("UUID %q: %w", id, err)
			}
			root, err := formatFile(args[0], args[1], sb)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), root)
			return nil
		},
	}
	cmd.Flags().StringVar(&salt, "salt", hex.EncodeToString(assemble.Salt[:]), "salt in hexadecimal digits")
	cmd.Flags().StringVar(&id, "uuid", uuid.Nil.String(), "UUID in the superblock")
	return cmd
}

func formatFile(dataPath, hashPath string, sb verity.Superblock) (root verity.RootHash, err error) {
	data, size, err := openImage(dataPath)
	if err != nil {
		return root, err
	}
	defer data.Close()
	if size == 0 || size%verity.BlockSize != 0 {
		return root, fmt.Errorf("%s has %d bytes, want whole blocks of %d", dataPath, size, verity.BlockSize)
	}
	sb.DataBlocks = size / verity.BlockSize
	hash, err := os.OpenFile(hashPath, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return root, err
	}
	defer func() { err = errors.Join(err, hash.Close()) }()
	return verity.Format(io.NewSectionReader(data, 0, size), hash, sb)
}
