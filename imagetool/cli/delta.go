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

// delta is what an update would fetch.
type delta struct {
	Root     part  `json:"root"`
	UKI      part  `json:"uki"`
	Bytes    int64 `json:"bytes"` // of both
	Requests int   `json:"requests"`
}

// part is what would be fetched of one file. Sizes are in bytes, shares in per
// cent.
type part struct {
	Size     int64       `json:"size_bytes"`
	Frames   int64       `json:"frames_bytes"`
	Index    int64       `json:"index_bytes"`
	Blocks   int         `json:"blocks"`
	Had      plan.Counts `json:"had"`
	Way      string      `json:"way"`
	Bytes    int64       `json:"bytes"` // with the index
	Requests int         `json:"requests"`
	Share    float64     `json:"share_of_frames"`
	// Stream is the file as one zstd stream, where that was asked for.
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
made; of OLD root.verity and uki.efi are read, of NEW the two indexes.`,
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
	f.BoolVar(&o.stream, "stream", false, "compare with NEW's files as one zstd stream each, too")
	f.IntVar(&o.frame, "frame", 0, "cut NEW's files into frames of so many KiB (32, 64, 128), instead of those that they have")
	f.Int64Var(&o.cost.Gap, "gap", o.cost.Gap, "bytes not wanted that are fetched rather than making a request more")
	return cmd
}

func (o *deltaOptions) run(old []string, next string) (*delta, error) {
	d := &delta{}
	var err error
	if d.Root, err = o.part(filepath.Join(next, "root"), ".erofs", old, readTree); err != nil {
		return nil, err
	}
	if d.UKI, err = o.part(filepath.Join(next, "uki"), ".efi", old, readUKI); err != nil {
		return nil, err
	}
	d.Bytes, d.Requests = d.Root.Bytes+d.UKI.Bytes, d.Root.Requests+d.UKI.Requests
	return d, nil
}

// part plans for the file stem+ext, whose index is stem.index. local finds out
// what blocks the i-th of the old images has.
func (o *deltaOptions) part(stem, ext string, old []string, local func(dir string, i int, salt blocks.Salt) (plan.Local, error)) (p part, err error) {
	x, err := o.index(stem, ext)
	if err != nil {
		return p, fmt.Errorf("%s.index: %w", stem, err)
	}
	var locals []plan.Local
	for i, dir := range old {
		l, err := local(dir, i, x.Salt)
		if err != nil {
			return p, err
		}
		locals = append(locals, l)
	}
	m := plan.Make(x, locals, o.cost)
	p = part{Size: x.Size, Frames: x.FramesSize(), Index: int64(len(x.Marshal())), Blocks: x.Blocks(), Had: m.Counts,
		Way: "ranges", Requests: 1 + len(m.Ranges)}
	if m.Whole {
		p.Way, p.Requests = "stream", 2
	}
	p.Bytes = p.Index + m.Bytes
	p.Share = percent(p.Bytes, p.Frames)
	if o.stream {
		if p.Stream, err = streamSize(stem + ext); err != nil {
			return p, err
		}
		p.StreamShare = percent(p.Bytes, p.Stream)
	}
	return p, nil
}

// index returns that of a file.
func (o *deltaOptions) index(stem, ext string) (*blocks.Index, error) {
	data, err := os.ReadFile(stem + ".index")
	if err != nil {
		return nil, err
	}
	x, err := blocks.ParseIndex(data)
	if err != nil || o.frame == 0 {
		return x, err
	}
	f, err := os.Open(stem + ext)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return blocks.Write(io.Discard, f, blocks.Options{Size: x.Size, Salt: x.Salt, Root: x.Root, FrameBlocks: o.frame << 10 / blocks.BlockSize})
}

// readTree reads what blocks a root has; the second one is that of the slot
// that is written.
func readTree(dir string, i int, salt blocks.Salt) (plan.Local, error) {
	path := filepath.Join(dir, "root.verity")
	data, err := os.ReadFile(path)
	if err != nil {
		return plan.Local{}, err
	}
	leaves, err := blocks.ReadLeaves(bytes.NewReader(data), salt, blocks.MaxSize/blocks.BlockSize)
	if err != nil {
		return plan.Local{}, fmt.Errorf("%s: %w", path, err)
	}
	return plan.Local{Name: dir, Leaves: leaves, InPlace: i == 1}, nil
}

// readUKI hashes the blocks of a UKI.
func readUKI(dir string, _ int, salt blocks.Salt) (plan.Local, error) {
	data, err := os.ReadFile(filepath.Join(dir, "uki.efi"))
	if err != nil {
		return plan.Local{}, err
	}
	l := plan.Local{Name: dir}
	h := blocks.NewHasher(salt)
	for off := 0; off < len(data); off += blocks.BlockSize {
		l.Leaves = append(l.Leaves, h.Prefix(data[off:min(off+blocks.BlockSize, len(data))]))
	}
	return l, nil
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
	fmt.Fprintf(tw, "FILE\tSIZE\tFRAMES\tBLOCKS\tIN PLACE\tCOPIED\tZERO\tMISSING\tFETCHED\tREQUESTS\tBY\tSHARE OF FRAMES\tOF ONE STREAM\n")
	for _, f := range []struct {
		name string
		part
	}{{"root", d.Root}, {"uki", d.UKI}} {
		stream := "-"
		if f.Stream > 0 {
			stream = fmt.Sprintf("%.1f %%", f.StreamShare)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%s\t%.1f %%\t%s\n", f.name, size(f.Size), size(f.Frames), f.Blocks,
			f.Had.InPlace, f.Had.Copied, f.Had.Zero, f.Had.Missing, size(f.Bytes), f.Requests, f.Way, f.Share, stream)
	}
	fmt.Fprintf(tw, "both\t\t\t\t\t\t\t\t%s\t%d\n", size(d.Bytes), d.Requests)
	return tw.Flush()
}
