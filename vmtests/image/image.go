// Package image finds places in a disk image, for tests that damage it. It
// asks foreign tools (sfdisk, dump.erofs), not the code that made the image.
package image

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// A Partition is a part of a disk, in bytes.
type Partition struct {
	Label       string
	Start, Size int64
}

// FindPartition returns the partition with a label.
func FindPartition(ctx context.Context, disk, label string) (Partition, error) {
	out, err := output(ctx, "sfdisk", "--json", disk)
	if err != nil {
		return Partition{}, err
	}
	parts, err := parsePartitions(out)
	if err != nil {
		return Partition{}, fmt.Errorf("reading the partitions of %s: %w", disk, err)
	}
	for _, p := range parts {
		if p.Label == label {
			return p, nil
		}
	}
	return Partition{}, fmt.Errorf("%s has no partition %q", disk, label)
}

// parsePartitions reads what sfdisk --json prints.
func parsePartitions(out []byte) ([]Partition, error) {
	var doc struct {
		Table struct {
			SectorSize int64 `json:"sectorsize"`
			Partitions []struct {
				Name        string
				Start, Size int64 // in sectors
			}
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return nil, err
	}
	sector := doc.Table.SectorSize
	if sector == 0 {
		sector = 512
	}
	var parts []Partition
	for _, p := range doc.Table.Partitions {
		parts = append(parts, Partition{Label: p.Name, Start: p.Start * sector, Size: p.Size * sector})
	}
	return parts, nil
}

// FileData returns where in an EROFS image the data of a regular file begins,
// in bytes.
func FileData(ctx context.Context, erofs, path string) (int64, error) {
	out, err := output(ctx, "dump.erofs", "--path="+path, "-e", erofs)
	if err != nil {
		return 0, err
	}
	offset, err := parseExtents(string(out))
	if err != nil {
		return 0, fmt.Errorf("looking for %s in %s: %w", path, erofs, err)
	}
	return offset, nil
}

// extent is a line of dump.erofs -e:
//
//	0:        0..  130977 |  130977 :       4096..     69632 |   65536
var extent = regexp.MustCompile(`^\s*\d+:\s*\d+\.\.\s*\d+ \|\s*\d+ :\s*(\d+)\.\.\s*(\d+) \|`)

func parseExtents(out string) (int64, error) {
	if !strings.Contains(out, "regular file") {
		return 0, fmt.Errorf("no such regular file: %.200q", out)
	}
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		f := extent.FindStringSubmatch(lines.Text())
		if f == nil || f[1] == f[2] {
			continue // no line of an extent, or a hole
		}
		return strconv.ParseInt(f[1], 10, 64)
	}
	return 0, fmt.Errorf("it has no data: %.200q", out)
}

// ByteAt returns one byte of a file.
func ByteAt(path string, offset int64) (byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, offset); err != nil {
		return 0, fmt.Errorf("reading a byte at %d of %s: %w", offset, path, err)
	}
	return b[0], nil
}

func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = ": " + strings.TrimSpace(string(exit.Stderr))
		}
		return nil, fmt.Errorf("%s %s: %w%s", name, strings.Join(args, " "), err, said)
	}
	return out, nil
}
