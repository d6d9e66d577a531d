package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

// delta is what an update would fetch. Sizes are in bytes, shares in per cent.
type delta struct {
	Image    int64       `json:"image_bytes"` // uncompressed
	Frames   int64       `json:"frames_bytes"`
	Index    int64       `json:"index_bytes"`
	UKI      int64       `json:"uki_bytes"` // fetched whole, not counted in Bytes
	Blocks   int         `json:"blocks"`
	Had      plan.Counts `json:"had"`
	Way      string      `json:"way"`
	Bytes    int64       `json:"bytes"` // with the index
	Requests int         `json:"requests"`
	Share    float64     `json:"share_of_frames"`
	// Stream is the image as one zstd stream, where that was asked for.
	Stream      int64   `json:"stream_bytes,omitempty"`
	StreamShare float64 `json:"share_of_stream,omitempty"`
}

type deltaOptions struct {
	json, stream bool
	frame        int // KiB
	cost         plan.Cost
}

func deltaCommand() *cobra.Command {
	o := deltaOptions{cost: plan.DefaultCost}
	cmd := &cobra.Command{
		Use:   "delta OLD... NEW",
		Short: "Show what an update would fetch",
		Long: `Show what a host would fetch of the image NEW, if its slots held the images
OLD, the running one first. Each is a folder that "imagetool build --artifacts"
made; of OLD root.verity is read, of NEW root.index.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := o.run(args[:len(args)-1], args[len(args)-1])
			if err != nil {
				return err
			}
			if o.json {
				return writeJSON(cmd.OutOrStdout(), d)
			}
			return d.writeTable(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.stream, "stream", false, "compare with NEW's root.erofs as one zstd stream, too")
	f.IntVar(&o.frame, "frame", 0, "cut NEW's root.erofs into frames of so many KiB (32, 64, 128), instead of those that it has")
	f.Int64Var(&o.cost.Gap, "gap", o.cost.Gap, "bytes not wanted that are fetched rather than making a request more")
	return cmd
}

func (o *deltaOptions) run(old []string, next string) (*delta, error) {
	x, err := o.index(next)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", next, err)
	}
	var locals []plan.Local
	for _, dir := range old {
		leaves, err := readLeaves(filepath.Join(dir, "root.verity"), x.Salt)
		if err != nil {
			return nil, err
		}
		// The second slot is the one that is written.
		locals = append(locals, plan.Local{Name: dir, Leaves: leaves, InPlace: len(locals) == 1})
	}
	p := plan.Make(x, locals, o.cost)
	d := &delta{Image: x.Size, Frames: x.FramesSize(), Index: int64(len(x.Marshal())), Blocks: x.Blocks(), Had: p.Counts,
		Way: "ranges", Requests: 1 + len(p.Ranges)}
	if p.Whole {
		d.Way, d.Requests = "stream", 2
	}
	d.Bytes = d.Index + p.Bytes
	d.Share = percent(d.Bytes, d.Frames)
	info, err := os.Stat(filepath.Join(next, "uki.efi"))
	if err != nil {
		return nil, err
	}
	d.UKI = info.Size()
	if o.stream {
		if d.Stream, err = streamSize(filepath.Join(next, "root.erofs")); err != nil {
			return nil, err
		}
		d.StreamShare = percent(d.Bytes, d.Stream)
	}
	return d, nil
}

// index returns that of an image.
func (o *deltaOptions) index(dir string) (*blocks.Index, error) {
	data, err := os.ReadFile(filepath.Join(dir, "root.index"))
	if err != nil {
		return nil, err
	}
	x, err := blocks.ParseIndex(data)
	if err != nil || o.frame == 0 {
		return x, err
	}
	f, err := os.Open(filepath.Join(dir, "root.erofs"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return blocks.Write(io.Discard, f, blocks.Options{Size: x.Size, Salt: x.Salt, Root: x.Root, FrameBlocks: o.frame << 10 / blocks.BlockSize})
}

func readLeaves(path string, salt blocks.Salt) ([]blocks.Prefix, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	leaves, err := blocks.ReadLeaves(bytes.NewReader(data), salt, blocks.MaxSize/blocks.BlockSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return leaves, nil
}

// streamSize returns how many bytes a file has as one zstd stream.
func streamSize(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n counter
	z, err := zstd.NewWriter(&n, zstd.WithEncoderLevel(blocks.Level))
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(z, f)
	return int64(n), errors.Join(err, z.Close())
}

// counter counts what is written.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// size is a number of bytes for a person to read.
func size(n int64) string {
	if n < 10<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

func percent(part, whole int64) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

func (d *delta) writeTable(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "image\t%s, as frames %s\n", size(d.Image), size(d.Frames))
	fmt.Fprintf(tw, "blocks\t%d: %d in place, %d copied, %d zero, %d missing (%.1f %%)\n", d.Blocks,
		d.Had.InPlace, d.Had.Copied, d.Had.Zero, d.Had.Missing, percent(int64(d.Had.Missing), int64(d.Blocks)))
	fmt.Fprintf(tw, "fetched\t%s by %s in %d requests, of it the index %s\n", size(d.Bytes), d.Way, d.Requests, size(d.Index))
	fmt.Fprintf(tw, "share\t%.1f %% of all frames\n", d.Share)
	if d.Stream > 0 {
		fmt.Fprintf(tw, "\t%.1f %% of one zstd stream, %s\n", d.StreamShare, size(d.Stream))
	}
	fmt.Fprintf(tw, "beside it\t%s of uki.efi\n", size(d.UKI))
	return tw.Flush()
}
