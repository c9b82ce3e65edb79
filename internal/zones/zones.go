// Package zones has the time zones that come with the program: those of the machine may be older or newer, and two workers
// would not mean the same by one document.
package zones

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"time"
)

// database is that of the Go toolchain; a test says when it is not any more.
//
//go:generate sh -c "cp \"$(go env GOROOT)/lib/time/zoneinfo.zip\" zoneinfo.zip"
//go:embed zoneinfo.zip
var database []byte

// Load returns the zone of a name of the IANA database, such as Asia/Shanghai. For one name it is always the same: it reads
// nothing but what was compiled in.
//
//workflowcheck:ignore
func Load(name string) (*time.Location, error) {
	files, err := zip.NewReader(bytes.NewReader(database), int64(len(database)))
	if err != nil {
		return nil, fmt.Errorf("read the time zones: %w", err)
	}
	for _, file := range files.File {
		if file.Name == name && !file.FileInfo().IsDir() {
			return load(name, file)
		}
	}
	return nil, fmt.Errorf("there is no time zone %q", name)
}

//workflowcheck:ignore
func load(name string, file *zip.File) (*time.Location, error) {
	opened, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	defer func() { _ = opened.Close() }()
	data, err := io.ReadAll(opened)
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	return time.LoadLocationFromTZData(name, data)
}
