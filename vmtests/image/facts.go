package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Facts are what the build says of an image in image.json.
type Facts struct {
	Version  string `json:"version"`
	Arch     string `json:"arch"`
	RootHash string `json:"root_hash"` // 64 hex digits
}

// ReadFacts reads image.json in the folder of an image's artefacts.
func ReadFacts(artifacts string) (Facts, error) {
	data, err := os.ReadFile(filepath.Join(artifacts, "image.json"))
	if err != nil {
		return Facts{}, fmt.Errorf("reading the facts of the image: %w", err)
	}
	var f Facts
	if err := json.Unmarshal(data, &f); err != nil {
		return Facts{}, fmt.Errorf("reading the facts of the image: %w", err)
	}
	return f, nil
}
